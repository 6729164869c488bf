#include "ctl.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <pindispatch/config.h>
#include <pindispatch/schemas.h>

const char *ctl_config_file(const struct ctl *c)
{
    return c->config_file ? c->config_file : CONFIG_FILE;
}

/* The standard file may be missing: every setting has a standard value. A file that was named must be there. */
static bool is_absent(const struct ctl *c)
{
    return !c->config_file && access(CONFIG_FILE, F_OK) < 0 && errno == ENOENT;
}

static int load(struct ctl *c, struct config_problems *problems)
{
    if (is_absent(c))
        return settings_new(site_schemas(), &c->settings);
    return config_load(ctl_config_file(c), site_schemas(), &c->settings, problems);
}

const struct settings *ctl_settings(struct ctl *c)
{
    struct config_problems problems = { 0 };
    int r = c->settings ? 0 : load(c, &problems);

    for (size_t i = 0; r > 0 && i < problems.n; i++)
        fprintf(stderr, "%s: %s\n", problems.items[i].where, problems.items[i].message);
    config_problems_release(&problems);
    if (r < 0)
        ctl_failed("%s: %s", ctl_config_file(c), strerror(-r));
    return c->settings;
}
