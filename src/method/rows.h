/* The rows of the table in method.c, one file each. */
#ifndef METHOD_ROWS_H
#define METHOD_ROWS_H

#include <pindispatch/method.h>

extern const struct method method_print, method_email, method_nopin;

#endif
