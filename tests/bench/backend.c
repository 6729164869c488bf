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

/* As much as fits. */
static size_t read_letter(int in, char *bytes, size_t size)
{
    size_t n = 0;
    ssize_t got;

    while (n < size && (got = read(in, bytes + n, size - n)) > 0)
        n += (size_t)got;
    return n;
}

static bool print_letter(int in)
{
    char bytes[LETTER_MOST];
    unsigned sheets = count_sheets(bytes, read_letter(in, bytes, sizeof(bytes)));
    struct tally *t = sheets ? open_tally() : NULL;

    if (!t)
        return false;
    dprintf(STDERR_FILENO, "PAGE: total %u\n", sheets);
    tally_add(t); /* cupsd runs one backend a printer: nobody else writes */
    return true;
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        puts("direct capture \"Unknown\" \"Counts what it prints\"");
        return 0;
    }
    return print_letter(argc > 6 ? open(argv[6], O_RDONLY | O_CLOEXEC) : STDIN_FILENO) ? 0 : 1;
}
