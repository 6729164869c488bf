/* Card events from their sender: any bytes, in any pieces, through the submit socket or as a dropped file, down to
 * the store. What must hold: an answer a line, in whole, whatever else is on its way; and a dropped file is done in
 * the end.
 *
 * Input: a letter ('s': the socket; 'g': the same, and the sender goes away without reading; else a file), then the
 * bytes. Of these, 01 is a pause that the loop uses, and 02 a piece of a long line. */
#undef NDEBUG /* the assertions are the test */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "house.h"
#include "sent.h"

#include <pindispatch/file.h>
#include <pindispatch/lines.h>

#include "admit.h"
#include "client.h"
#include "drop_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    LIFE = 2000, /* runs of one house: its store grows */
    LONG = 9000, /* bytes that 02 stands for */
    TURNS = 20000,
    ANSWERS_MOST = 16 * 1024 * 1024,
};

static struct house *house;

static void leave(void)
{
    house_tear((void *[]){ house });
}

static void enter(void)
{
    static unsigned runs;

    if (house && ++runs % LIFE)
        return;
    if (house)
        leave();
    else
        atexit(leave);
    house = house_build_in("/dev/shm");
    house_set(house, "CardsPINDeliveryMethod", "email");
    house_set(house, "CardsPUKDeliveryMethod", "print");
}

/* What the sender sends, without pauses. */
static void expand(const uint8_t *data, size_t size, struct buffer *b)
{
    for (size_t i = 0; i < size; i++) {
        char filler[LONG];

        if (data[i] == 2) {
            memset(filler, 'x', sizeof(filler));
            assert(buffer_add(b, filler, sizeof(filler)) == 0);
        } else if (data[i] != 1) {
            assert(buffer_add(b, &data[i], 1) == 0);
        }
    }
}

static void check_answer(const char *line, size_t size)
{
    CLEANUP(json_cleanup) json_t *answer = json_parse_line(line, size);
    const char *result = json_text(answer, "result");

    assert(result);
    if (strcmp(result, "rejected") == 0)
        assert(json_text(answer, "code") && json_text(answer, "message"));
    else
        assert(json_array_size(json_object_get(answer, "deliveries")) > 0);
}

static size_t check_answers(struct buffer *answers)
{
    size_t n = 0;

    while (buffer_size(answers) > 0) {
        char *line = buffer_bytes(answers), *end = memchr(line, '\n', buffer_size(answers));

        assert(end);
        check_answer(line, (size_t)(end - line));
        buffer_drop(answers, (size_t)(end - line) + 1);
        n++;
    }
    return n;
}

/* False: the other side closed. */
static bool hear(int fd, struct buffer *answers)
{
    char piece[4096];
    ssize_t n;

    while ((n = recv(fd, piece, sizeof(piece), MSG_DONTWAIT)) > 0)
        assert(buffer_add(answers, piece, (size_t)n) == 0);
    return n < 0 && errno == EAGAIN;
}

static void say(int fd, const char *bytes, size_t size, struct buffer *answers)
{
    for (unsigned turn = 0; size > 0; turn++) {
        ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);

        assert(turn < TURNS && (n > 0 || errno == EAGAIN));
        if (n > 0) {
            bytes += n;
            size -= (size_t)n;
        } else {
            house_turn(house, 0);
            hear(fd, answers);
        }
    }
}

static void say_all(int fd, const uint8_t *data, size_t size, struct buffer *answers)
{
    while (size > 0) {
        const uint8_t *pause = memchr(data, 1, size);
        size_t n = pause ? (size_t)(pause - data) + 1 : size;
        struct buffer piece = BUFFER(SIZE_MAX / 2);

        expand(data, n, &piece);
        say(fd, buffer_size(&piece) ? buffer_bytes(&piece) : "", buffer_size(&piece), answers);
        buffer_release(&piece);
        house_turn(house, 0);
        data += n;
        size -= n;
    }
}

static void converse(const uint8_t *data, size_t size, bool stays)
{
    struct admit admit = { .site = &house->site };
    struct clients clients = { .admit = &admit };
    struct buffer answers = BUFFER(ANSWERS_MOST), sent = BUFFER(SIZE_MAX / 2);
    int pair[2];

    assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    assert(client_new(&clients, pair[1]) == 0);
    say_all(pair[0], data, size, &answers);
    if (stays)
        shutdown(pair[0], SHUT_WR);
    for (unsigned turn = 0; stays && hear(pair[0], &answers); turn++) {
        assert(turn < TURNS);
        house_turn(house, 1);
    }
    close(pair[0]);
    for (unsigned turn = 0; clients.n > 0 || admit.pending > 0; turn++) {
        assert(turn < TURNS);
        house_turn(house, 1);
    }
    expand(data, size, &sent);
    if (stays)
        assert(check_answers(&answers) == count_lines(&sent));
    buffer_release(&answers);
    buffer_release(&sent);
}

static void ignore(void *owner)
{
    (void)owner;
}

/* Refused lines and their reasons are put aside together. */
static void clear_aside(void)
{
    CLEANUP(free_cleanup) char *lines = path_join(house->drop, "rejected/e.json");
    CLEANUP(free_cleanup) char *reasons = path_join(house->drop, "rejected/e.json.reason");
    struct buffer b = BUFFER(ANSWERS_MOST);

    if (file_read(reasons, &b) == 0)
        assert(check_answers(&b) > 0);
    buffer_release(&b);
    assert((unlink(lines) == 0) == (unlink(reasons) == 0));
}

static void drop(const uint8_t *data, size_t size)
{
    CLEANUP(fd_cleanup) int dir = open(house->drop, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(fd_cleanup) int fd = openat(dir, "e.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    CLEANUP(drop_file_cleanup) struct drop_file *f = NULL;
    struct admit admit = { .site = &house->site };
    struct buffer content = BUFFER(SIZE_MAX / 2);
    enum drop_state state;

    expand(data, size, &content);
    assert(lines_write(fd, buffer_size(&content) ? buffer_bytes(&content) : "", buffer_size(&content)) == 0);
    assert(drop_file_open(&admit, dir, "e.json", ignore, NULL, &f) == 0);
    for (unsigned turn = 0; (state = drop_file_step(f)) != DROP_DONE; turn++) {
        assert(turn < TURNS && state != DROP_AGAIN);
        house_turn(house, state == DROP_WAITING);
    }
    assert(admit.pending == 0 && !house_has(house, "e.json"));
    clear_aside();
    buffer_release(&content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char way = size ? (char)data[0] : 's';

    enter();
    if (way == 's' || way == 'g')
        converse(data + (size > 0), size - (size > 0), way == 's');
    else
        drop(data + 1, size - 1);
    return 0;
}
