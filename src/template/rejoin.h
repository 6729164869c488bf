/* Tags that an editor of drawings has cut in two. */
#ifndef TEMPLATE_REJOIN_H
#define TEMPLATE_REJOIN_H

#include <stddef.h>

/* A copy of SVG text, of the same size and with a NUL behind it, in which "{{holder.<tspan …>name}}" is
 * "{{holder.name}}<tspan …>": where Inkscape breaks a line or changes the direction of writing, it begins a tspan,
 * within a tag as well. What stands within comments, CDATA and other elements' tags stays. NULL: no memory. */
char *rejoin_tags(const char *svg, size_t size);

#endif
