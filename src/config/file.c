#include <pindispatch/config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libconfig.h>

#include <pindispatch/file.h>

#include "known.h"
#include "problems.h"
#include "trap.h"
#include "tree.h"

/* A load in progress. */
struct load {
    const char *file;
    char *folder;
    struct buffer text;
    config_t tree;
    struct settings *settings;
    struct known known;
    struct config_problems *problems;
};

static void load_release(struct load *l)
{
    free(l->folder);
    buffer_release(&l->text);
    config_destroy(&l->tree);
    settings_free(l->settings);
    known_release(&l->known);
}

static int report(struct load *l, const config_setting_t *at, const struct problem *p)
{
    struct tree_place place;

    tree_locate(at, l->file, l->folder, &place);
    return problems_add_copy(l->problems, place.file, place.line, p);
}

/* R of a checker: its problem is noted and the walk goes on. */
static int note(struct load *l, const config_setting_t *at, const struct problem *p, int r)
{
    return r > 0 ? report(l, at, p) : r;
}

static int report_type(struct load *l, const config_setting_t *at, const struct setting *row)
{
    static const char *const wanted[] = {
        [SETTING_TEXT] = "a text in double quotes",
        [SETTING_CHOICE] = "a text in double quotes",
        [SETTING_INTEGER] = "a whole number without quotes",
        [SETTING_REAL] = "a number without quotes",
        [SETTING_FLAG] = "true or false, without quotes",
        [SETTING_DURATION] = "a duration in double quotes, such as \"30s\" or \"3d\"",
        [SETTING_PATH] = "a path in double quotes",
        [SETTING_LIST] = "a list of texts, such as [ \"a\", \"b\" ]",
    };
    struct problem p;

    problem_set(&p, "type", NULL, "%s must be %s", row->name, wanted[row->type]);
    return report(l, at, &p);
}

static int set(struct load *l, const config_setting_t *at, const struct setting *row, const char *value)
{
    struct problem p;

    return note(l, at, &p, settings_set(l->settings, row->name, value, &p));
}

/* Relative to the configuration's folder. Only what somebody wrote is looked at, never a standard value. */
static int set_path(struct load *l, const config_setting_t *at, const struct setting *row)
{
    const char *value = config_setting_get_string(at);
    CLEANUP(free_cleanup) char *path = *value ? path_join(l->folder, value) : strdup("");
    struct problem p;

    if (!path)
        return -ENOMEM;
    if (*path && euidaccess(path, R_OK) < 0)
        return note(l, at, &p,
                    problem_set(&p, "unreadable", NULL, "%s: cannot read the file: %s", row->name, strerror(errno)));
    return set(l, at, row, path);
}

static int set_integer(struct load *l, const config_setting_t *at, const struct setting *row)
{
    char value[32];

    snprintf(value, sizeof(value), "%lld", config_setting_get_int64(at));
    return set(l, at, row, value);
}

/* jansson writes a number with a point in every locale, and in the shortest way that 15 digits allow. */
static int set_real(struct load *l, const config_setting_t *at, const struct setting *row)
{
    json_t *j = json_real(config_setting_get_float(at));
    char value[64] = "inf";
    size_t size = j ? json_dumpb(j, value, sizeof(value) - 1, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) : 3;

    json_decref(j);
    value[size < sizeof(value) ? size : 0] = '\0';
    return set(l, at, row, value);
}

static int set_list(struct load *l, const config_setting_t *at, const struct setting *row)
{
    int n = config_setting_length(at);
    CLEANUP(free_cleanup) const char **items = calloc((size_t)n + 1, sizeof(*items));
    struct problem p;

    if (!items)
        return -ENOMEM;
    for (int i = 0; i < n; i++) {
        items[i] = config_setting_get_string_elem(at, i);
        if (!items[i])
            return report_type(l, at, row);
    }
    return note(l, at, &p, settings_set_list(l->settings, row->name, items, &p));
}

static int take(struct load *l, const config_setting_t *at, const struct setting *row)
{
    int type = config_setting_type(at);
    bool is_whole = type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;

    if (row->type == SETTING_INTEGER && is_whole)
        return set_integer(l, at, row);
    if (row->type == SETTING_REAL && is_whole)
        return set_integer(l, at, row);
    if (row->type == SETTING_REAL && type == CONFIG_TYPE_FLOAT)
        return set_real(l, at, row);
    if (row->type == SETTING_FLAG && type == CONFIG_TYPE_BOOL)
        return set(l, at, row, config_setting_get_bool(at) ? "true" : "false");
    if (row->type == SETTING_LIST && (type == CONFIG_TYPE_ARRAY || type == CONFIG_TYPE_LIST))
        return set_list(l, at, row);
    if (row->type == SETTING_PATH && type == CONFIG_TYPE_STRING)
        return set_path(l, at, row);
    if ((row->type == SETTING_TEXT || row->type == SETTING_CHOICE || row->type == SETTING_DURATION) &&
        type == CONFIG_TYPE_STRING)
        return set(l, at, row, config_setting_get_string(at));
    return report_type(l, at, row);
}

static int walk_member(struct load *l, const char *group, const config_setting_t *at)
{
    CLEANUP(free_cleanup) char *name = NULL;
    const struct setting *row;
    struct problem p;

    if (asprintf(&name, "%s.%s", group, config_setting_name(at)) < 0)
        return -ENOMEM;
    row = settings_row(l->settings, name);
    if (row)
        return take(l, at, row);
    known_explain_member(&l->known, group, config_setting_name(at), &p);
    return report(l, at, &p);
}

static int walk_top(struct load *l, const config_setting_t *at)
{
    const char *name = config_setting_name(at);
    const struct setting *row = settings_row(l->settings, name);
    struct problem p;
    int r = 0;

    /* A dot cannot be in a name of the file, so that a row found here has no group. */
    if (row)
        return take(l, at, row);
    if (!known_is_group(&l->known, name) || !config_setting_is_group(at)) {
        known_explain_top(&l->known, name, &p);
        return report(l, at, &p);
    }
    for (int i = 0; r == 0 && i < config_setting_length(at); i++)
        r = walk_member(l, name, config_setting_get_elem(at, (unsigned)i));
    return r;
}

static int report_file(struct load *l, int error)
{
    if (error == -ENOMEM)
        return -ENOMEM;
    if (error == -ENOBUFS)
        return problems_add(l->problems, l->file, 0, "range", "the file is larger than %d bytes", CONFIG_MOST);
    return problems_add(l->problems, l->file, 0, "unreadable", "cannot read the file: %s", strerror(-error));
}

/* The text is good as far as it can be known before it is parsed. */
static int read_text(struct load *l)
{
    int r;

    l->text = BUFFER(CONFIG_MOST + 2);
    l->folder = path_folder(l->file);
    if (!l->folder)
        return -ENOMEM;
    r = trap_read(l->file, &l->text);
    return r < 0 ? report_file(l, r) : trap_check(l->file, &l->text, l->folder, l->problems);
}

static int read_tree(struct load *l)
{
    int r = tree_read(&l->tree, l->file, l->folder, &l->text, l->problems);
    const config_setting_t *root;

    if (r != 0)
        return r < 0 ? r : 0;
    root = config_root_setting(&l->tree);
    for (int i = 0; r == 0 && i < config_setting_length(root); i++)
        r = walk_top(l, config_setting_get_elem(root, (unsigned)i));
    return r;
}

static int load(struct load *l, const struct setting *const *schemas)
{
    int r = settings_new(schemas, &l->settings);

    if (r == 0)
        r = known_new(l->settings, &l->known);
    if (r == 0)
        r = read_text(l);
    if (r == 0 && l->problems->n == 0)
        r = read_tree(l);
    return r;
}

int config_load(const char *file, const struct setting *const *schemas, struct settings **ret,
                struct config_problems *problems)
{
    struct load l = { .file = file, .problems = problems };
    int r;

    *problems = (struct config_problems){ 0 };
    config_init(&l.tree);
    r = load(&l, schemas);
    if (r == 0 && problems->n > 0)
        r = 1;
    if (r == 0)
        *ret = TAKE(l.settings);
    load_release(&l);
    if (r < 0)
        config_problems_release(problems);
    return r;
}
