#include "mail_server.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <pindispatch/cleanup.h>
#include <pindispatch/json.h>

#define SUPPORT TEST_SOURCE_DIR "/tests/support/"
#define PYTHON  "/usr/bin/python3"

extern char **environ;

static void must(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "mail server: %s: %s\n", what, strerror(errno));
    abort();
}

/* Starts ARGUMENTS with pipes at both ends. */
static pid_t start(const char *const *arguments, int *ret_input, int *ret_output)
{
    posix_spawn_file_actions_t actions;
    int in[2], out[2];
    pid_t pid;

    must(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0, "pipe");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    errno = posix_spawn(&pid, PYTHON, &actions, NULL, (char *const *)arguments, environ);
    must(errno == 0, PYTHON);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    *ret_input = in[1];
    *ret_output = out[0];
    return pid;
}

static void start_server(struct mail_server *s, const char *const *arguments)
{
    CLEANUP(file_close_cleanup) FILE *words = NULL;
    char line[32] = "";
    int output;

    s->pid = start(arguments, &s->input, &output);
    words = fdopen(output, "r");
    must(words && fgets(line, sizeof(line), words), "no port");
    s->port = (unsigned)strtoul(line, NULL, 10);
    must(s->port > 0, "no port");
}

void mail_server_script(struct mail_server *s, const char *folder, const char *script)
{
    snprintf(s->record, sizeof(s->record), "%s/record", folder);
    unlink(s->record);
    start_server(s, (const char *const[]){ PYTHON, SUPPORT "smtp_scripted.py", "--record", s->record, script, NULL });
}

void mail_server_postfix(struct mail_server *s, const char *folder)
{
    char dir[128], cert[128], key[128];

    s->record[0] = '\0';
    snprintf(dir, sizeof(dir), "%s/postfix", folder);
    snprintf(cert, sizeof(cert), "%s/good.pem", folder);
    snprintf(key, sizeof(key), "%s/good.key", folder);
    start_server(
        s, (const char *const[]){ PYTHON, SUPPORT "postfix.py", "serve", dir, "--cert", cert, "--key", key, NULL });
}

void mail_server_stop(struct mail_server *s)
{
    if (!s->pid)
        return;
    close(s->input);
    waitpid(s->pid, NULL, 0);
    s->pid = 0;
}

void mail_folder_make(char folder[64])
{
    pid_t pid;
    int status, input, output;

    snprintf(folder, 64, "/tmp/pindispatch-mail-XXXXXX");
    must(mkdtemp(folder) && chmod(folder, 0755) == 0, folder);
    pid = start((const char *const[]){ PYTHON, SUPPORT "tls.py", folder, NULL }, &input, &output);
    must(waitpid(pid, &status, 0) == pid && status == 0, "tls.py");
    close(input);
    close(output);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    remove(path);
    return 0;
}

void mail_folder_remove(const char *folder)
{
    nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static json_t *read_rows(const char *path)
{
    CLEANUP(file_close_cleanup) FILE *file = fopen(path, "re");
    CLEANUP(free_cleanup) char *line = NULL;
    json_t *rows = json_array();
    size_t room = 0;

    while (file && getline(&line, &room, file) > 0)
        json_array_append_new(rows, json_loads(line, 0, NULL));
    return rows;
}

size_t mail_record_count(const json_t *record, const char *key, const char *begins)
{
    size_t n = 0, i;
    json_t *row;

    json_array_foreach (record, i, row) {
        const char *text = json_text(row, key);

        if (json_object_get(row, key) && (!begins || (text && strncmp(text, begins, strlen(begins)) == 0)))
            n++;
    }
    return n;
}

json_t *mail_server_record(const struct mail_server *s, size_t connections)
{
    for (int tries = 0; tries < 500; tries++) {
        json_t *rows = read_rows(s->record);

        if (mail_record_count(rows, "end", NULL) >= connections)
            return rows;
        json_decref(rows);
        nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    }
    must(false, "the connections do not end");
    return NULL;
}
