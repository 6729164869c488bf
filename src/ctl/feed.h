/* The lines of files on their way to the submit socket. Event content may hold a PIN: it is read and sent through
 * memory that is wiped, is never shown, and goes through no stdio buffer. */
#ifndef PINDISPATCH_CTL_FEED_H
#define PINDISPATCH_CTL_FEED_H

#include <pindispatch/buffer.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FEED_WINDOW = 4096 }; /* lines that may wait for their answers */

struct feed_origin {
    const char *file;
    uint64_t line;
};

struct feed {
    char *const *files; /* "-" is standard input; borrowed */
    size_t n_files, next_file;
    int fd; /* of the file being read; -1: none */
    const char *file;
    uint64_t line;      /* of the file, that is being read */
    bool within;        /* a line that is not blank has begun */
    bool at_end;        /* of all files */
    uint64_t bytes;     /* read so far */
    uint64_t bytes_all; /* of all files; 0: not known */

    struct buffer input, output;
    struct feed_origin window[FEED_WINDOW]; /* a ring: lines handed to output, not answered yet */
    size_t first, waiting;
};

/* FILES is borrowed; N 0: standard input. */
void feed_begin(struct feed *f, char *const *files, size_t n);
void feed_end(struct feed *f);
/* Should fd be polled for reading? Opens the next file when one has ended: 1, 0, or -errno with f->file set. */
int feed_wants_input(struct feed *f);
/* Reads what there is and moves whole and partial lines to output, as far as the window goes. 0 or -errno. */
int feed_read(struct feed *f);
/* The same without reading, when answers made room. */
int feed_move(struct feed *f);
/* The answer for the oldest line came. False: there was none. */
bool feed_answered(struct feed *f, struct feed_origin *ret);
/* All is read and moved to output. */
bool feed_is_done(const struct feed *f);

#endif
