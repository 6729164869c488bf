#include <pindispatch/config.h>

#include <string.h>
#include <sys/un.h>

#include <pindispatch/clock.h>
#include <pindispatch/peer.h>

#define MILLISECOND MICROSECONDS_PER_MILLISECOND
#define SECOND      MICROSECONDS_PER_SECOND
#define HOUR        (3600 * SECOND)
#define DAY         (24 * HOUR)
#define YEAR        (366 * DAY)

/* A service's working folder is nobody's choice, so that a relative path means something else every time. */
static int check_absolute(const char *value, struct problem *p)
{
    if (*value == '/')
        return 0;
    return problem_set(p, "path", NULL, "the path must be absolute: it must begin with a slash");
}

static int check_optional(const char *value, struct problem *p)
{
    return *value ? check_absolute(value, p) : 0;
}

static int check_socket(const char *value, struct problem *p)
{
    size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

    if (strlen(value) > most)
        return problem_set(p, "path", NULL, "the path of a socket has %zu bytes at most", most);
    return check_optional(value, p);
}

/* A file, or keys in PKCS#11 tokens (RFC 7512). */
static int check_key_place(const char *value, struct problem *p)
{
    if (*value == '/' || strncmp(value, "pkcs11:", 7) == 0)
        return 0;
    return problem_set(p, "path", NULL, "it must be an absolute path, or begin with \"pkcs11:\"");
}

static const char *const store_backends[] = { "sqlite", NULL };

/* A group that does not exist would let nobody in, and say so to nobody. */
static int check_group(const char *value, struct problem *p)
{
    if (!*value || peer_group(value) != (gid_t)-1)
        return 0;
    return problem_set(p, "group", NULL, "there is no group \"%s\"", value);
}

/* One row is read as a whole. */
/* clang-format off */
const struct setting config_rows[] = {
    { .name = "retry.first", .type = SETTING_DURATION, .standard = "30s", .least = MILLISECOND, .most = DAY,
      .help = "The longest wait after a delivery's first failed attempt." },
    { .name = "retry.factor", .type = SETTING_REAL, .standard = "2.0", .least = 1, .most = 100,
      .help = "By how much the longest wait grows with each further attempt." },
    { .name = "retry.max", .type = SETTING_DURATION, .standard = "1h", .least = MILLISECOND, .most = 30 * DAY,
      .help = "The longest wait there can be." },
    { .name = "retry.give_up_after", .type = SETTING_DURATION, .standard = "3d", .least = 0, .most = YEAR,
      .help = "The age at which a delivery that is still deferred becomes failed; \"0s\": never." },

    { .name = "store.backend", .type = SETTING_CHOICE, .standard = "sqlite", .choices = store_backends,
      .restart = true, .help = "What keeps the deliveries." },
    { .name = "store.path", .type = SETTING_TEXT, .standard = "/var/lib/pindispatch/store.db",
      .restart = true, .check = check_absolute, .help = "The store's file; made when it is missing." },

    { .name = "seal.public_key", .type = SETTING_TEXT, .standard = "/etc/pindispatch/seal.pub.jwk",
      .check = check_absolute, .help = "What closes a secret (JWK, or JWK Set with the newest first)." },
    { .name = "seal.private_key", .type = SETTING_TEXT, .standard = "/etc/pindispatch/seal.key.jwk",
      .check = check_key_place, .help = "What opens a secret (JWK, JWK Set, pkcs11: URIs); only workers use it." },
    { .name = "seal.token_pin_file", .type = SETTING_TEXT, .standard = "", .check = check_optional,
      .help = "The file with the PIN of the token that a pkcs11: URI names; only workers read it." },
    { .name = "seal.require_binding", .type = SETTING_FLAG, .standard = "false",
      .help = "Refuse sealed secrets that do not name their event." },

    { .name = "submit.socket", .type = SETTING_TEXT, .standard = "/run/pindispatch/submit.sock",
      .restart = true, .check = check_socket, .help = "Where events are handed in; empty: nowhere." },
    { .name = "submit.directory", .type = SETTING_TEXT, .standard = "",
      .restart = true, .check = check_optional, .help = "The drop directory; empty: none." },
    { .name = "submit.group", .type = SETTING_TEXT, .standard = "", .check = check_group,
      .help = "Only its members may hand in events; empty: whoever the socket's mode lets in." },
    { .name = "submit.max_waiting", .type = SETTING_INTEGER, .standard = "5000000", .least = 0, .most = 1000000000,
      .help = "How many deliveries may wait; with more, events are answered with \"busy\"; 0: any number." },

    { .name = "audit.private_key", .type = SETTING_TEXT, .standard = "", .check = check_optional,
      .help = "The key that signs anchors of the audit trail (JWK); empty: none are made." },
    { .name = "audit.public_key", .type = SETTING_TEXT, .standard = "", .check = check_optional,
      .help = "The key that anchors are checked with (JWK); empty: they are not." },
    { .name = "audit.anchor_rows", .type = SETTING_INTEGER, .standard = "10000", .least = 1, .most = 1000000000,
      .help = "An anchor is made after this many rows of the audit trail." },
    { .name = "audit.anchor_every", .type = SETTING_DURATION, .standard = "1h", .least = 100 * MILLISECOND,
      .most = YEAR, .help = "An anchor is made this long after the last one, if there are new rows." },

    { .name = "control.socket", .type = SETTING_TEXT, .standard = "/run/pindispatch/control.sock",
      .restart = true, .check = check_socket, .help = "Where pindispatchctl asks." },
    { .name = "control.group", .type = SETTING_TEXT, .standard = "", .check = check_group,
      .help = "Only its members may change deliveries; empty: whoever the socket's mode lets in may do everything." },
    { .name = "control.read_group", .type = SETTING_TEXT, .standard = "", .check = check_group,
      .help = "With control.group: its members may see deliveries and the audit trail, and change nothing." },

    { .name = "workers.print", .type = SETTING_INTEGER, .standard = "2", .least = 1, .most = 64,
      .help = "How many workers print." },
    { .name = "workers.email", .type = SETTING_INTEGER, .standard = "2", .least = 1, .most = 64,
      .help = "How many workers send mail." },
    { .name = "workers.deadline", .type = SETTING_DURATION, .standard = "5m", .least = 100 * MILLISECOND, .most = HOUR,
      .help = "How long a worker may be silent with work in hand; then it is ended." },
    { .name = "workers.recycle", .type = SETTING_INTEGER, .standard = "10000", .least = 1, .most = 1000000,
      .help = "After how many deliveries a worker is replaced by a new one." },
    { .name = "workers.batch", .type = SETTING_INTEGER, .standard = "256", .least = 1, .most = 256,
      .help = "How many deliveries a worker is given at once." },
    { .name = "workers.socket", .type = SETTING_TEXT, .standard = "", .check = check_socket,
      .help = "Connect here for a worker; empty: the dispatcher starts workers itself." },

    { .name = "accept_types", .type = SETTING_LIST, .standard = "card.issued",
      .help = "The types of events that are taken." },
    { .name = "dry_run", .type = SETTING_FLAG, .standard = "false", .restart = true,
      .help = "Render everything, deliver nothing, and leave the real store alone." },
    { .name = "retention", .type = SETTING_DURATION, .standard = "90d", .least = MILLISECOND, .most = 10 * YEAR,
      .help = "How long a failed delivery keeps its sealed secret, and any that is over its holder's data." },
    { .name = "stop_after", .type = SETTING_DURATION, .standard = "20s", .least = 0, .most = HOUR,
      .help = "How long a stop waits for what is in hand." },
    { .name = "expire_after", .type = SETTING_DURATION, .standard = "30d", .least = MILLISECOND, .most = 10 * YEAR,
      .help = "How long a delivery may wait at all; then its secret is erased." },
    { .name = "templates.directory", .type = SETTING_PATH, .standard = "/usr/share/pindispatch/templates",
      .help = "Where the letters and mails come from." },
    { .name = "templates.full_card_number", .type = SETTING_FLAG, .standard = "false",
      .help = "Letters and mails with a secret may print the full card number." },
    { .name = NULL },
};
/* clang-format on */
