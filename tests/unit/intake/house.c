#include "house.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <pindispatch/file.h>
#include <pindispatch/log.h>
#include <pindispatch/method.h>

enum { TURNS_MOST = 4000 };

static const char *const pin_methods[] = { "print", "email", "nopin", NULL };
static const char *const puk_methods[] = { "print", "email", "nopuk", NULL };

static const struct setting rows[] = {
    { .name = "CardsPINDeliveryMethod", .type = SETTING_CHOICE, .standard = "nopin", .choices = pin_methods },
    { .name = "CardsPUKDeliveryMethod", .type = SETTING_CHOICE, .standard = "nopuk", .choices = puk_methods },
    { .name = "accept_types", .type = SETTING_LIST, .standard = "card.issued" },
    { .name = "seal.require_binding", .type = SETTING_FLAG, .standard = "false" },
    { .name = "submit.group", .type = SETTING_TEXT, .standard = "" },
    { .name = "submit.max_waiting", .type = SETTING_INTEGER, .standard = "0" },
    { .name = NULL },
};

static void make_key(struct house *h)
{
    struct buffer b = BUFFER(KEY_FILE_MOST);
    struct seal_ring *public_part = NULL;
    struct seal_key *key = NULL;

    assert_int_equal(seal_key_generate(SEAL_P256, &key), 0);
    assert_int_equal(seal_ring_new(key, &h->pair), 0);
    assert_int_equal(seal_ring_write(h->pair, false, &b), 0);
    assert_int_equal(seal_ring_parse(buffer_bytes(&b), buffer_size(&b), "test", &public_part, NULL), 0);
    assert_false(seal_ring_can_open(public_part));
    h->site.keys = public_part;
    buffer_release(&b);
}

static void make_places(struct house *h, const char *parent)
{
    snprintf(h->folder, sizeof(h->folder), "%s/pindispatch-intake-XXXXXX", parent);
    assert_non_null(mkdtemp(h->folder));
    snprintf(h->socket, sizeof(h->socket), "%s/submit.sock", h->folder);
    snprintf(h->drop, sizeof(h->drop), "%s/incoming", h->folder);
    snprintf(h->database, sizeof(h->database), "%s/store.db", h->folder);
    assert_int_equal(folder_make(h->drop, 0700), 0);
}

static int64_t house_now(const struct clock *c)
{
    const struct house *h = (const struct house *)((const char *)c - offsetof(struct house, clock));

    return clock_now(&clock_real) + h->ahead;
}

struct house *house_build_in(const char *parent)
{
    struct house *h = calloc(1, sizeof(*h));
    struct problem p;

    signal(SIGXFSZ, SIG_IGN);
    log_set_level(LOG_EMERG);
    make_places(h, parent);
    make_key(h);
    /* A method may look at its own settings when it is asked of an event. */
    const struct setting *const schemas[] = { rows, method_find(SECRET_PIN, "email")->settings, NULL };
    assert_int_equal(settings_new(schemas, &h->settings), 0);
    h->site.settings = h->settings;
    h->clock.now = house_now;
    h->site.clock = &h->clock;
    h->site.generation = 1;
    assert_true(sd_event_new(&h->site.loop) >= 0);
    assert_int_equal(store_open("sqlite", h->database, &h->site.store, &p), 0);
    assert_int_equal(commit_new(h->site.loop, h->site.store, &h->site.commit), 0);
    assert_int_equal(intake_new(&h->site, &h->intake), 0);
    assert_int_equal(intake_listen(h->intake, socket_listen(h->socket, 0600)), 0);
    return h;
}

int house_build(void **state)
{
    *state = house_build_in("/tmp");
    return 0;
}

static void remove_folder(const char *folder)
{
    pid_t child = fork();

    if (child == 0) {
        execlp("rm", "rm", "-rf", "--", folder, (char *)NULL);
        _exit(1);
    }
    waitpid(child, NULL, 0);
}

int house_tear(void **state)
{
    struct house *h = *state;

    house_limit_files(0);
    intake_free(h->intake);
    commit_free(h->site.commit);
    store_close(h->site.store);
    sd_event_unref(h->site.loop);
    settings_free(h->settings);
    seal_ring_free(h->pair);
    seal_ring_free((struct seal_ring *)h->site.keys);
    remove_folder(h->folder);
    free(h);
    return 0;
}

void house_set(struct house *h, const char *name, const char *value)
{
    assert_int_equal(settings_set(h->settings, name, value, NULL), 0);
}

void house_turn(struct house *h, unsigned milliseconds)
{
    assert_true(sd_event_run(h->site.loop, milliseconds * (uint64_t)1000) >= 0);
}

void house_settle(struct house *h)
{
    for (unsigned i = 0; i < 20; i++)
        house_turn(h, 0);
    for (unsigned i = 0; i < TURNS_MOST && intake_is_busy(h->intake); i++)
        house_turn(h, 5);
    for (unsigned i = 0; i < 20; i++)
        house_turn(h, 0);
    assert_false(intake_is_busy(h->intake));
}

void house_limit_files(size_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes > 0 ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

void house_write(const struct house *h, const char *name, const char *text)
{
    CLEANUP(free_cleanup) char *path = path_join(h->drop, name);
    CLEANUP(free_cleanup) char *draft = path_join(h->drop, ".draft");
    FILE *f = fopen(draft, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
    assert_int_equal(rename(draft, path), 0);
}

void house_read(const struct house *h, const char *name, struct buffer *b)
{
    CLEANUP(free_cleanup) char *path = path_join(h->drop, name);

    assert_int_equal(file_read(path, b), 0);
    assert_int_equal(buffer_terminate(b), 0);
}

bool house_has(const struct house *h, const char *name)
{
    CLEANUP(free_cleanup) char *path = path_join(h->drop, name);

    return access(path, F_OK) == 0;
}

int house_connect(struct house *h)
{
    int fd = socket_connect(h->socket);

    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

void house_say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

char *house_peek(int fd, char *line, size_t most)
{
    ssize_t n = recv(fd, line, most - 1, MSG_PEEK);
    char *newline = n > 0 ? memchr(line, '\n', (size_t)n) : NULL;

    if (!newline)
        return NULL;
    assert_int_equal(recv(fd, line, (size_t)(newline - line) + 1, 0), newline - line + 1);
    *newline = '\0';
    return line;
}

json_t *house_hear(struct house *h, int fd)
{
    char line[8192], probe;

    for (unsigned i = 0; i < TURNS_MOST; i++) {
        if (house_peek(fd, line, sizeof(line))) {
            json_t *answer = json_parse_line(line, strlen(line));

            assert_non_null(answer);
            return answer;
        }
        if (recv(fd, &probe, 1, MSG_PEEK) == 0)
            return NULL;
        house_turn(h, 5);
    }
    fail_msg("no answer came");
    return NULL;
}

const char *event_line(char *text, size_t size, const char *id, const char *members)
{
    int n = snprintf(text, size,
                     "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/im\",\"type\":\"card.issued\","
                     "\"data\":{\"card\":{\"id\":\"C-1\"},%s}}\n",
                     id, members);

    assert_true(n > 0 && (size_t)n < size);
    return text;
}
