#include "scratch.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pindispatch/file.h>

static const char *const pin_methods[] = { "print", "email", "nopin", NULL };
static const char *const puk_methods[] = { "print", "email", "nopuk", NULL };
static const char *const confirms[] = { "completed", "accepted", NULL };

static const struct setting options[] = {
    { .name = "CardsPINDeliveryMethod", .type = SETTING_CHOICE, .standard = "print", .choices = pin_methods },
    { .name = "CardsPUKDeliveryMethod", .type = SETTING_CHOICE, .standard = "nopuk", .choices = puk_methods },
    { .name = NULL },
};

static const struct setting print[] = {
    { .name = "print.printer", .type = SETTING_TEXT, .standard = "pin" },
    { .name = "print.confirm", .type = SETTING_CHOICE, .standard = "completed", .choices = confirms },
    { .name = "print.media", .type = SETTING_TEXT, .standard = "iso_a4_210x297mm" },
    { .name = NULL },
};

static const struct setting email[] = {
    { .name = "email.server", .type = SETTING_TEXT, .standard = "" },
    { .name = "email.password_file", .type = SETTING_PATH, .standard = "" },
    { .name = "email.ca_file", .type = SETTING_PATH, .standard = "/nowhere/at/all" },
    { .name = NULL },
};

const struct setting *const scratch_schemas[] = { options, print, email, config_rows, NULL };

static void must(int fine, const char *what)
{
    if (fine)
        return;
    perror(what);
    abort();
}

int scratch_setup(void **state)
{
    struct scratch *s = calloc(1, sizeof(*s));

    must(s != NULL, "calloc");
    snprintf(s->folder, sizeof(s->folder), "/tmp/pindispatch-config.XXXXXX");
    must(mkdtemp(s->folder) != NULL, "mkdtemp");
    snprintf(s->file, sizeof(s->file), "%s/pindispatch.conf", s->folder);
    *state = s;
    return 0;
}

int scratch_teardown(void **state)
{
    struct scratch *s = *state;
    DIR *folder = opendir(s->folder);
    struct dirent *entry;

    must(folder != NULL, s->folder);
    while ((entry = readdir(folder)) != NULL)
        unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    rmdir(s->folder);
    free(s);
    return 0;
}

void scratch_write_bytes(struct scratch *s, const char *name, const void *bytes, size_t size)
{
    char *path = path_join(s->folder, name);

    must(path != NULL && file_replace(path, bytes, size, 0644) == 0, name);
    free(path);
}

void scratch_add(struct scratch *s, const char *name, const char *text)
{
    scratch_write_bytes(s, name, text, strlen(text));
}

void scratch_write(struct scratch *s, const char *text)
{
    scratch_add(s, "pindispatch.conf", text);
}

char *scratch_read(struct scratch *s)
{
    struct buffer b = BUFFER(1024 * 1024);

    must(file_read(s->file, &b) == 0 && buffer_terminate(&b) == 0, s->file);
    return b.data;
}
