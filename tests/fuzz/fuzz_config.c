/* Any bytes as a configuration file and as a setting's value. What must hold: a file that is good stays good when
 * the delivery method is set in it, says the new method then, and all else in it is as before. */
#undef NDEBUG /* the assertions are the test */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pindispatch/config.h>
#include <pindispatch/file.h>

#define OPTION "CardsPINDeliveryMethod"

static const char *const pin_methods[] = { "print", "email", "nopin", NULL };

static const struct setting options[] = {
    { .name = OPTION, .type = SETTING_CHOICE, .standard = "print", .choices = pin_methods },
    { .name = "print.printer", .type = SETTING_TEXT, .standard = "pin" },
    { .name = "email.ca_file", .type = SETTING_PATH, .standard = "" },
    { .name = NULL },
};

static const struct setting *const schemas[] = { options, config_rows, NULL };

static char folder[] = "/dev/shm/pindispatch-fuzz.XXXXXX";
static char file[sizeof(folder) + 32];

static void remove_folder(void)
{
    unlink(file);
    rmdir(folder);
}

/* In memory: nothing is to survive, and each replacement waits for the disk. */
static void make_folder(void)
{
    if (*file)
        return;
    if (!mkdtemp(folder))
        abort();
    snprintf(file, sizeof(file), "%s/pindispatch.conf", folder);
    atexit(remove_folder);
}

static struct settings *load(void)
{
    struct config_problems problems;
    struct settings *s = NULL;
    int r = config_load(file, schemas, &s, &problems);

    assert(r == 0 || r == 1);
    assert((r == 0) == (s != NULL) && (r == 0) == (problems.n == 0));
    config_problems_release(&problems);
    return s;
}

static int is_same(void *userdata, const struct setting *row)
{
    struct settings **both = userdata;

    assert(strcmp(row->name, OPTION) == 0 ||
           strcmp(settings_shown(both[0], row->name), settings_shown(both[1], row->name)) == 0);
    return 0;
}

static void edit(void)
{
    struct settings *both[2] = { load(), NULL };
    struct problem p = { 0 };
    int r = config_set_text(file, OPTION, "nopin", &p);

    assert(r == 0 || (r == 1 && *p.code));
    if (both[0]) {
        assert(r == 0);
        both[1] = load();
        assert(both[1] && strcmp(settings_text(both[1], OPTION), "nopin") == 0);
        settings_each(both[0], is_same, both);
    }
    settings_free(both[0]);
    settings_free(both[1]);
}

static int set(void *userdata, const struct setting *row)
{
    struct settings *s = NULL;
    struct problem p = { 0 };
    int r;

    if (settings_new(schemas, &s) < 0)
        abort();
    r = settings_set(s, row->name, userdata, &p);
    assert(r == 0 || (r == 1 && *p.code && strstr(p.message, row->name)));
    settings_free(s);
    return 0;
}

static void set_all(const uint8_t *data, size_t size)
{
    char *value = malloc(size + 1);
    struct settings *s = NULL;
    int64_t duration = 0;

    if (!value || settings_new(schemas, &s) < 0)
        abort();
    if (size > 0)
        memcpy(value, data, size);
    value[size] = '\0';
    assert(duration_parse(value, &duration) < 0 || duration >= 0);
    settings_each(s, set, value);
    settings_free(s);
    free(value);
}

/* libconfig 1.5 drops the text that it is reading when it meets a syntax error: not ours to mend. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig.so\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    make_folder();
    if (size < 64)
        set_all(data, size);
    if (file_replace(file, data, size, 0600) < 0)
        abort();
    edit();
    return 0;
}
