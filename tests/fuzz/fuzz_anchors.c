/* The file of anchors and the audit key: any bytes as both. What is taken can be written and taken again, and nobody
 * else's signature is believed. */
#undef NDEBUG /* the assertions are the test */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pindispatch/file.h>
#include <pindispatch/json.h>
#include <pindispatch/lines.h>

#include "anchors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/dev/shm/pindispatch-fuzz.XXXXXX";
static char file[sizeof(folder) + 16], copy[sizeof(folder) + 16];

static void remove_folder(void)
{
    unlink(file);
    unlink(copy);
    rmdir(folder);
}

static void make_folder(void)
{
    if (*file)
        return;
    assert(mkdtemp(folder));
    snprintf(file, sizeof(file), "%s/anchors", folder);
    snprintf(copy, sizeof(copy), "%s/copy", folder);
    atexit(remove_folder);
}

static void write_file(const uint8_t *data, size_t size)
{
    CLEANUP(fd_cleanup) int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert(fd >= 0 && lines_write(fd, (const char *)data, size) == 0);
}

static struct audit_key *make_key(void)
{
    struct audit_key *k = NULL;

    assert(audit_key_generate(&k) == 0);
    return k;
}

static void check_one(const struct anchor *a)
{
    CLEANUP(json_cleanup) json_t *j = anchor_to_json(a);
    static struct audit_key *key; /* nobody signed with it */
    struct anchor again;

    if (!key)
        key = make_key();
    assert(!anchor_is_signed(key, a));
    assert(j && anchor_from_json(j, &again) == 0 && memcmp(again.hash, a->hash, strlen(a->hash)) == 0);
    assert(again.number == a->number && again.seq == a->seq && again.time == a->time);
}

static void try_anchors(void)
{
    CLEANUP(anchors_release) struct anchors first = { 0 }, second = { 0 };
    unsigned line;
    int r = anchors_read(&first, file, &line);

    assert(r == 0 || r == -EUCLEAN);
    for (size_t i = 0; i < first.n; i++) {
        check_one(&first.items[i]);
        assert(anchors_append(copy, &first.items[i]) == 0);
    }
    assert(anchors_read(&second, copy, &line) == 0 && second.n == first.n);
    unlink(copy);
}

/* Behind whatever can be read, a new anchor can be, too; a rest without an end gives way to it. */
static void try_append(void)
{
    CLEANUP(anchors_release) struct anchors before = { 0 }, after = { 0 };
    const struct anchor one = { .number = 1, .seq = 2, .time = 3, .hash = "h", .key = "k", .signature = "s" };
    unsigned line;
    int r = anchors_read(&before, file, &line);

    assert(anchors_append(file, &one) == 0);
    if (r == 0)
        assert(anchors_read(&after, file, &line) == 0 && after.n == before.n + 1);
}

static void try_key(void)
{
    CLEANUP(audit_key_cleanup) struct audit_key *k = NULL;
    CLEANUP(buffer_release) struct buffer b = BUFFER(4096);
    struct problem p = { .code = "" };
    int r = audit_key_load(file, &k, &p);

    assert(r == 0 ? k && audit_key_id(k)[0] : r == 1 && !k && p.code[0] && p.message[0]);
    if (k)
        assert(audit_key_write(k, audit_key_can_sign(k), &b) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    make_folder();
    write_file(data, size);
    try_key();
    try_anchors();
    try_append();
    return 0;
}
