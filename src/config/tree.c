#include "tree.h"

#include <string.h>

#include "problems.h"

const char *tree_file(const config_setting_t *s, const char *file)
{
    const char *included = config_setting_source_file(s);

    return included ? included : file;
}

/* libconfig sees that something is missing only when it reads what comes after it. */
static int report(const config_t *c, const char *file, struct config_problems *problems)
{
    const char *text = config_error_text(c) ? config_error_text(c) : "not a configuration";
    const char *included = config_error_file(c);
    bool vague = strcmp(text, "syntax error") == 0;
    int r = problems_add(problems, included ? included : file, (unsigned)config_error_line(c),
                         strstr(text, "duplicate") ? "duplicate" : "syntax", "%s%s", text,
                         vague ? " here or shortly before" : "");

    return r < 0 ? r : 1;
}

int tree_read(config_t *c, const char *file, const char *folder, const struct buffer *text,
              struct config_problems *problems)
{
    config_set_include_dir(c, folder);
    return config_read_string(c, buffer_bytes(text)) ? 0 : report(c, file, problems);
}
