#include "sqlite.h"

const struct backend backend_sqlite = {
    .name = "sqlite",
    .open = sqlite_open_store,
    .close = sqlite_close_store,
    .recall = sqlite_recall,
    .put = sqlite_put,
    .claim = sqlite_claim,
    .mark = sqlite_mark,
    .settle = sqlite_settle,
    .sweep = sqlite_sweep,
    .hasten = sqlite_hasten,
    .stat = sqlite_stat,
    .next_due = sqlite_next_due,
    .find = sqlite_find,
    .list = sqlite_list,
    .audit = sqlite_audit,
    .audit_verify = sqlite_audit_verify,
    .commit = sqlite_commit,
    .abort = sqlite_abort,
    .revive = sqlite_revive,
    .tidy = sqlite_tidy,
};
