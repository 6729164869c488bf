/* Rings of keys: what rotation needs. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <pindispatch/file.h>
#include <pindispatch/json.h>

#include "key.h"
#include "ring.h"
#include "token.h"

static int refuse(struct problem *p, const char *name, const char *why)
{
    return problem_set(p, "key", name, "not keys that can be used here: %s", why);
}

int seal_ring_new(struct seal_key *k, struct seal_ring **ret)
{
    struct seal_ring *r = calloc(1, sizeof(*r));

    if (!r) {
        seal_key_free(k);
        return -ENOMEM;
    }
    r->keys[r->n++] = k;
    *ret = r;
    return 0;
}

struct seal_ring *seal_ring_free(struct seal_ring *r)
{
    if (!r)
        return NULL;
    for (size_t i = 0; i < r->n; i++)
        seal_key_free(r->keys[i]);
    free(r);
    return NULL;
}

void seal_ring_forget(const struct seal_ring *r)
{
    for (size_t i = 0; i < r->n; i++)
        seal_key_forget(r->keys[i]);
}

size_t seal_ring_size(const struct seal_ring *r)
{
    return r->n;
}

const struct seal_key *seal_ring_at(const struct seal_ring *r, size_t i)
{
    return r->keys[i];
}

const struct seal_key *seal_ring_newest(const struct seal_ring *r)
{
    return r->keys[0];
}

const struct seal_key *seal_ring_find(const struct seal_ring *r, const char *id)
{
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(seal_key_id(r->keys[i]), id) == 0)
            return r->keys[i];
    }
    return NULL;
}

bool seal_ring_can_open(const struct seal_ring *r)
{
    return seal_key_can_open(r->keys[0]);
}

int seal_ring_renew(struct seal_ring *r, struct seal_key *k, size_t keep)
{
    if (seal_ring_find(r, seal_key_id(k))) {
        seal_key_free(k);
        return -EEXIST;
    }
    if (keep == 0 || keep > SEAL_RING_MOST)
        keep = SEAL_RING_MOST;
    while (r->n >= keep && r->n > 0)
        seal_key_free(r->keys[--r->n]);
    for (size_t i = r->n; i > 0; i--)
        r->keys[i] = r->keys[i - 1];
    r->keys[0] = k;
    r->n++;
    return 0;
}

/* As the oldest. Takes K over, whether it fails or not. */
static int append(struct seal_ring *r, struct seal_key *k, const char *name, struct problem *p)
{
    const char *why = NULL;

    if (r->n == SEAL_RING_MOST)
        why = "there are more than 32";
    else if (seal_ring_find(r, seal_key_id(k)))
        why = "two of them have the same \"kid\"";
    else if (r->n > 0 && seal_key_can_open(k) != seal_ring_can_open(r))
        why = "some have a private part and some have none";
    if (why) {
        seal_key_free(k);
        return refuse(p, name, why);
    }
    r->keys[r->n++] = k;
    return 0;
}

static int append_json(struct seal_ring *r, const json_t *jwk, const char *name, struct problem *p)
{
    struct seal_key *k = NULL;
    int e = seal_key_from_json(jwk, name, &k, p);

    return e == 0 ? append(r, k, name, p) : e;
}

static int append_text(struct seal_ring *r, const char *text, size_t size, const char *name, struct problem *p)
{
    CLEANUP(json_cleanup) json_t *all = size <= KEY_FILE_MOST ? json_parse_line(text, size) : NULL;
    const json_t *set = json_object_get(all, "keys");
    int e = 0;

    if (!json_is_object(all))
        return refuse(p, name, "it must be a JSON object, a JWK or a JWK Set (RFC 7517), of at most 32 KiB");
    if (!set)
        return append_json(r, all, name, p);
    if (!json_is_array(set) || json_array_size(set) == 0)
        return refuse(p, name, "\"keys\" of a JWK Set must be a list with a key in it");
    for (size_t i = 0; e == 0 && i < json_array_size(set); i++)
        e = append_json(r, json_array_get(set, i), name, p);
    return e;
}

int seal_ring_parse(const char *text, size_t size, const char *name, struct seal_ring **ret, struct problem *p)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *r = calloc(1, sizeof(*r));
    int e = r ? append_text(r, text, size, name, p) : -ENOMEM;

    if (e == 0)
        *ret = TAKE(r);
    return e;
}

static int load_failed(const char *path, int e, struct problem *p)
{
    return problem_set(p, "key", path, "cannot be read: %s", e == -ENOBUFS ? "it is too large" : strerror(-e));
}

static int check_mode(const char *path, struct problem *p)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return load_failed(path, -errno, p);
    if (st.st_mode & 0077)
        return problem_set(p, "key", path, "a private key must not be open to others: its mode is %04o; chmod 600",
                           (unsigned)(st.st_mode & 07777));
    return 0;
}

static int append_file(struct seal_ring *r, const char *path, struct problem *p)
{
    CLEANUP(buffer_release) struct buffer text = BUFFER(KEY_FILE_MOST);
    int e = file_read(path, &text);

    if (e == -ENOMEM)
        return e;
    if (e < 0)
        return load_failed(path, e, p);
    e = append_text(r, text.data ? buffer_bytes(&text) : "", buffer_size(&text), path, p);
    return e == 0 && seal_ring_can_open(r) ? check_mode(path, p) : e;
}

static int append_token(struct seal_ring *r, const char *uri, const struct secret *pin, struct problem *p)
{
    struct seal_key *k = NULL;
    int e = seal_key_in_token(uri, pin, &k, p);

    return e == 0 ? append(r, k, uri, p) : e;
}

bool seal_place_is_token(const char *places)
{
    return strncmp(places, "pkcs11:", 7) == 0;
}

/* A file's path may have blanks in it; an URI has none, and files beside one must do without. */
static int append_places(struct seal_ring *r, const char *places, const struct secret *pin, struct problem *p)
{
    int e = 0;

    for (const char *at = places + strspn(places, " "); e == 0 && *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        CLEANUP(free_cleanup) char *place = strndup(at, n);

        if (!place)
            return -ENOMEM;
        e = seal_place_is_token(place) ? append_token(r, place, pin, p) : append_file(r, place, p);
        at += n;
    }
    return e;
}

int seal_ring_load(const char *places, const struct secret *token_pin, struct seal_ring **ret, struct problem *p)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *r = calloc(1, sizeof(*r));
    int e;

    if (!r)
        return -ENOMEM;
    e = seal_place_is_token(places) ? append_places(r, places, token_pin, p) : append_file(r, places, p);
    if (e == 0)
        *ret = TAKE(r);
    return e;
}

int seal_ring_write(const struct seal_ring *r, bool private_part, struct buffer *b)
{
    CLEANUP(json_cleanup) json_t *set = NULL;
    json_t *keys = json_array();
    int e = keys ? 0 : -ENOMEM;

    if (r->n == 1) {
        json_decref(keys);
        return seal_key_write(r->keys[0], private_part, b);
    }
    set = json_pack("{s:o}", "keys", keys);
    if (!set)
        return -ENOMEM;
    for (size_t i = 0; e == 0 && i < r->n; i++) {
        json_t *jwk = NULL;

        e = seal_key_to_json(r->keys[i], private_part, &jwk);
        if (e == 0 && json_array_append_new(keys, jwk) < 0)
            e = -ENOMEM;
    }
    return e == 0 ? json_add_line(b, set) : e;
}
