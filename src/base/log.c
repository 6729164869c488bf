#include <pindispatch/log.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

enum { FIELDS_MOST = 16, MESSAGE_MOST = 1024, FIELD_MOST = 512, LINE_MOST = 4096 };

/* A process has one log. */
static const char *program = "pindispatch";
static int level_most = LOG_INFO;

void log_set_program(const char *name)
{
    program = name;
}

void log_set_level(int most)
{
    level_most = most;
}

/* systemd names the journal's stream as DEVICE:INODE; anything else on standard error gets plain lines. */
static bool error_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char own[64];
    struct stat st;

    if (!stream || fstat(STDERR_FILENO, &st) < 0)
        return false;
    snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(stream, own) == 0;
}

struct entry {
    struct iovec vector[FIELDS_MOST + 4];
    char text[FIELDS_MOST + 4][FIELD_MOST];
    int n;
};

static void entry_add(struct entry *e, const char *name, const char *value)
{
    int size = snprintf(e->text[e->n], FIELD_MOST, "%s=%s", name, value);

    e->vector[e->n].iov_base = e->text[e->n];
    e->vector[e->n].iov_len = size < FIELD_MOST ? (size_t)size : FIELD_MOST - 1;
    e->n++;
}

static int send_to_journal(int level, const char *message_id, const struct log_field *const *fields, char *message)
{
    struct entry e = { .n = 0 };
    char priority[4];

    snprintf(priority, sizeof(priority), "%d", level & 7);
    entry_add(&e, "PRIORITY", priority);
    entry_add(&e, "SYSLOG_IDENTIFIER", program);
    if (message_id)
        entry_add(&e, "MESSAGE_ID", message_id);
    for (; fields && *fields && e.n < FIELDS_MOST + 3; fields++)
        if ((*fields)->value)
            entry_add(&e, (*fields)->name, (*fields)->value);
    e.vector[e.n++] = (struct iovec){ message, strlen(message) };
    return sd_journal_sendv(e.vector, e.n);
}

static const char *level_word(int level)
{
    static const char *const words[] = { "emergency", "alert",  "critical", "error",
                                         "warning",   "notice", "info",     "debug" };

    return words[level & 7];
}

static size_t add_text(char *line, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static size_t add_text(char *line, size_t size, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(line + size, LINE_MOST - size, format, args);
    va_end(args);
    return size + (size_t)n < LINE_MOST ? size + (size_t)n : LINE_MOST - 1;
}

/* In one piece, so that lines of several processes do not mix. */
static void write_line(int level, const struct log_field *const *fields, const char *message)
{
    char line[LINE_MOST];
    size_t size = add_text(line, 0, "%s: %s: %s", program, level_word(level), message);

    for (; fields && *fields; fields++)
        if ((*fields)->value)
            size = add_text(line, size, " %s=%s", (*fields)->name, (*fields)->value);
    line[size++] = '\n'; /* where the final NUL is */
    while (write(STDERR_FILENO, line, size) < 0 && errno == EINTR)
        ;
}

void log_event(int level, const char *message_id, const struct log_field *const *fields, const char *format, ...)
{
    char text[MESSAGE_MOST] = "MESSAGE=";
    char *message = text + strlen(text);
    int saved = errno;
    va_list args;

    if (level > level_most)
        return;
    va_start(args, format);
    vsnprintf(message, sizeof(text) - strlen("MESSAGE="), format, args);
    va_end(args);
    if (!error_is_journal() || send_to_journal(level, message_id, fields, text) < 0)
        write_line(level, fields, message);
    errno = saved;
}
