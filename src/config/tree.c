#include "tree.h"

#include <stdio.h>
#include <string.h>

#include "problems.h"

/* INCLUDED is a name as the directive gives it. libconfig does not know the name of the first file: NULL. */
static void locate(const char *included, unsigned line, const char *file, const char *folder, struct tree_place *ret)
{
    ret->line = line;
    if (included)
        snprintf(ret->file, sizeof(ret->file), "%s/%s", folder, included);
    else
        snprintf(ret->file, sizeof(ret->file), "%s", file);
}

void tree_locate(const config_setting_t *s, const char *file, const char *folder, struct tree_place *ret)
{
    locate(config_setting_source_file(s), config_setting_source_line(s), file, folder, ret);
}

/* libconfig sees that something is missing only when it reads what comes after it. */
static int report(const config_t *c, const char *file, const char *folder, struct config_problems *problems)
{
    const char *text = config_error_text(c) ? config_error_text(c) : "not a configuration";
    bool vague = strcmp(text, "syntax error") == 0;
    struct tree_place at;
    int r;

    locate(config_error_file(c), (unsigned)config_error_line(c), file, folder, &at);
    r = problems_add(problems, at.file, at.line, strstr(text, "duplicate") ? "duplicate" : "syntax", "%s%s", text,
                     vague ? " here or shortly before" : "");
    return r < 0 ? r : 1;
}

int tree_read(config_t *c, const char *file, const char *folder, const struct buffer *text,
              struct config_problems *problems)
{
    config_set_include_dir(c, folder);
    return config_read_string(c, buffer_bytes(text)) ? 0 : report(c, file, folder, problems);
}
