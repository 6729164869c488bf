/* A printer as cupsd starts it, one process a letter: job user title copies options [file], the device in DEVICE_URI.
 *
 * capture://FOLDER: counts the letter in FOLDER/tally (tally.h) when it was read whole and has sheets, and tells
 * cupsd how many. Nothing is kept: what a real printer does with paper takes no time of this machine either. */
#include "tally.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LETTER_MOST = 1 << 20, PATH = 512 };

/* Pages of a PDF whose objects are not packed, as cairo writes it. */
static unsigned count_sheets(const char *bytes, size_t n)
{
    static const char page[] = "/Type /Page";
    const char *end = bytes + n, *at = bytes;
    unsigned sheets = 0;

    while ((at = memmem(at, (size_t)(end - at), page, sizeof(page) - 1))) {
        at += sizeof(page) - 1;
        sheets += at < end && *at != 's';
    }
    return sheets;
}

static struct tally *open_tally(void)
{
    static const char scheme[] = "capture://";
    const char *device = getenv("DEVICE_URI");
    char path[PATH];

    if (!device || strncmp(device, scheme, sizeof(scheme) - 1) != 0)
        return NULL;
    snprintf(path, sizeof(path), "%s/tally", device + sizeof(scheme) - 1);
    return tally_make(path);
}

static bool print_letter(FILE *in)
{
    char *bytes = in ? malloc(LETTER_MOST) : NULL;
    size_t n = bytes ? fread(bytes, 1, LETTER_MOST, in) : 0;
    unsigned sheets = count_sheets(bytes, n);
    struct tally *t = sheets ? open_tally() : NULL;

    free(bytes);
    if (!t)
        return false;
    fprintf(stderr, "PAGE: total %u\n", sheets);
    tally_add(t); /* cupsd runs one backend a printer: nobody else writes */
    return true;
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        puts("direct capture \"Unknown\" \"Counts what it prints\"");
        return 0;
    }
    return print_letter(argc > 6 ? fopen(argv[6], "re") : stdin) ? 0 : 1;
}
