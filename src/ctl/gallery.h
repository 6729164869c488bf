/* Every template in every language with every hard case, as pictures on one page to look through. */
#ifndef PINDISPATCH_CTL_GALLERY_H
#define PINDISPATCH_CTL_GALLERY_H

struct ctl;

/* Writes OUTPUT/index.html and what it shows; secrets are masked. An exit status: CTL_UNDONE when a template cannot
 * be read, or nothing can be written; what fails for one case is shown in its place. */
int gallery_write(struct ctl *c, const char *dir, const char *output);

#endif
