/* What the commands of pindispatchctl share. */
#ifndef PINDISPATCH_CTL_H
#define PINDISPATCH_CTL_H

#include <pindispatch/cleanup.h>
#include <pindispatch/json.h>
#include <pindispatch/settings.h>

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Exit statuses: the thing was done; it did not succeed; wrong usage or configuration. */
enum { CTL_DONE = 0, CTL_UNDONE = 1, CTL_USAGE = 2 };

struct ctl {
    const char *config_file; /* NULL: the standard one, which may be missing */
    bool json;
    const struct ctl_command *command;
    struct settings *settings; /* owned; see ctl_settings() */
};

/* ARGV[0] is the command's name; returns an exit status. */
struct ctl_command {
    const char *name;
    const char *arguments; /* for the usage line */
    const char *summary;
    int (*run)(struct ctl *c, int argc, char **argv);
};

/* The commands, one file a family. */
int ctl_submit(struct ctl *c, int argc, char **argv);
int ctl_status(struct ctl *c, int argc, char **argv);
int ctl_metrics(struct ctl *c, int argc, char **argv);
int ctl_list(struct ctl *c, int argc, char **argv);
int ctl_show(struct ctl *c, int argc, char **argv);
int ctl_operate(struct ctl *c, int argc, char **argv); /* retry, cancel, hold, release */
int ctl_resolve(struct ctl *c, int argc, char **argv);
int ctl_method(struct ctl *c, int argc, char **argv);
int ctl_preview(struct ctl *c, int argc, char **argv);
int ctl_template(struct ctl *c, int argc, char **argv);
int ctl_test(struct ctl *c, int argc, char **argv); /* test-print, test-mail */
int ctl_keygen(struct ctl *c, int argc, char **argv);
int ctl_seal(struct ctl *c, int argc, char **argv);
/* audit_key.c: the pair that anchors are signed with, in DIR or where configured. ASKED: one that is there is an
 * error. */
int ctl_make_audit_key(struct ctl *c, const char *dir, bool asked, bool force);
int ctl_audit(struct ctl *c, int argc, char **argv);

/* Messages on standard error. They return the status that fits them. */
int ctl_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));                       /* CTL_UNDONE */
int ctl_misused(const struct ctl *c, const char *format, ...) __attribute__((format(printf, 2, 3))); /* CTL_USAGE */

/* The settings of the configuration file, read once. NULL after the reasons were told: return CTL_USAGE. */
const struct settings *ctl_settings(struct ctl *c);
/* The file that it is, or would be. */
const char *ctl_config_file(const struct ctl *c);

/* Appends a whole file, "-" being standard input, with a NUL after it. 0 or -errno; -ENOBUFS when it is too long. */
struct buffer;
int ctl_read(const char *name, struct buffer *b);

/* Options of one command, declared in its run function. */
enum ctl_option_kind {
    CTL_FLAG, /* target: bool */
    CTL_TEXT, /* target: const char * */
    CTL_LIST, /* target: struct ctl_texts */
};
enum { CTL_TEXTS_MOST = 32 };
struct ctl_texts {
    const char *items[CTL_TEXTS_MOST];
    size_t n;
};
struct ctl_option {
    const char *name;
    char letter; /* 0: none */
    enum ctl_option_kind kind;
    void *target;
    const char *value; /* what it takes, for the help */
    const char *help;
};
/* Takes the options out of ARGV, which then holds what is left. OPTIONS ends with a NULL name.
 * True: go on. False: return *RET_STATUS (help was shown, or the usage was wrong). */
bool ctl_options(struct ctl *c, int *argc, char ***argv, const struct ctl_option *options, int *ret_status);

#endif
