/* Sizes of paper by their names (PWG 5101.1): "iso_a4_210x297mm", "na_letter_8.5x11in". */
#ifndef PINDISPATCH_MEDIA_H
#define PINDISPATCH_MEDIA_H

#include <stdbool.h>

/* Width and height in millimetres. False when that is no such name. */
bool media_size(const char *name, double *ret_width, double *ret_height);

#endif
