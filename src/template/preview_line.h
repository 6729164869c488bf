/* What lists of mails and locked telephones show of a mail: its first words. */
#ifndef TEMPLATE_PREVIEW_LINE_H
#define TEMPLATE_PREVIEW_LINE_H

#include <stdbool.h>
#include <stddef.h>

enum { PREVIEW_LINE = 200 }; /* signs that may be shown */

/* How many signs a reader is shown of the first SIZE bytes: runs of blanks are one; of HTML the text alone. */
size_t preview_line_signs(const char *text, size_t size, bool is_html);

#endif
