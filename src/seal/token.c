/* By p11-kit and not by OpenSSL's PKCS#11 engine: engines are deprecated, and this one keeps a PIN in memory that it
 * does not wipe. p11-kit reads RFC 7512 and knows the machine's modules. */
#include "token.h"

#include <errno.h>
#include <string.h>

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

#include "key.h"
#include "openssl.h"

struct token {
    P11KitUri *uri;
    struct secret *pin;           /* NULL: the token asks for none */
    CK_FUNCTION_LIST **modules;   /* those of the machine; ends with NULL */
    CK_FUNCTION_LIST *own_module; /* or the one that the URI names */
    CK_FUNCTION_LIST *module;     /* borrowed: the one with the token */
    CK_SESSION_HANDLE session;    /* 0: none; PKCS#11 has no such session */
    CK_OBJECT_HANDLE private_key;
    struct point own;    /* the public half */
    const char *trouble; /* why it cannot be used */
};

static int say(struct token *t, const char *trouble)
{
    t->trouble = trouble;
    return -ENODEV;
}

/* ---- the modules ---- */

static int load_modules(struct token *t)
{
    const char *path = p11_kit_uri_get_module_path(t->uri);

    p11_kit_be_quiet();
    if (!path) {
        t->modules = p11_kit_modules_load_and_initialize(0);
        return t->modules ? 0 : say(t, "no PKCS#11 module is registered with p11-kit");
    }
    t->own_module = p11_kit_module_load(path, 0);
    if (!t->own_module)
        return say(t, "the PKCS#11 module that its module-path names cannot be loaded");
    if (p11_kit_module_initialize(t->own_module) == CKR_OK)
        return 0;
    p11_kit_module_release(TAKE(t->own_module));
    return say(t, "the PKCS#11 module that its module-path names does not start");
}

static void drop_modules(struct token *t)
{
    if (t->modules)
        p11_kit_modules_finalize_and_release(TAKE(t->modules));
    if (t->own_module) {
        p11_kit_module_finalize(t->own_module);
        p11_kit_module_release(TAKE(t->own_module));
    }
}

/* ---- the slot ---- */

enum { SLOTS_MOST = 64 };

struct place {
    CK_FUNCTION_LIST *module;
    CK_SLOT_ID slot;
    CK_TOKEN_INFO info;
    size_t n; /* how many tokens the URI fits */
};

static void look_into(const struct token *t, CK_FUNCTION_LIST *module, struct place *place)
{
    CK_SLOT_ID slots[SLOTS_MOST];
    CK_ULONG n = SLOTS_MOST;
    CK_TOKEN_INFO info;

    if (module->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
        return;
    for (CK_ULONG i = 0; i < n; i++) {
        if (module->C_GetTokenInfo(slots[i], &info) != CKR_OK || !(info.flags & CKF_TOKEN_INITIALIZED) ||
            !p11_kit_uri_match_token_info(t->uri, &info))
            continue;
        if (place->n++ == 0) {
            place->module = module;
            place->slot = slots[i];
            place->info = info;
        }
    }
}

static int find_slot(struct token *t, struct place *place)
{
    *place = (struct place){ .module = NULL };
    if (t->own_module)
        look_into(t, t->own_module, place);
    for (size_t i = 0; t->modules && t->modules[i]; i++)
        look_into(t, t->modules[i], place);
    if (place->n == 0)
        return say(t, "there is no such token");
    return place->n == 1 ? 0 : say(t, "it fits several tokens: add serial= or module-path=");
}

/* ---- the session ---- */

/* A wrong PIN, tried each time a worker starts, would lock the token: its last try is left to a person. */
static int log_in(struct token *t, const CK_TOKEN_INFO *info)
{
    CK_RV rv;

    if (!(info->flags & CKF_LOGIN_REQUIRED))
        return 0;
    if (!t->pin)
        return say(t, "the token asks for a PIN, and seal.token_pin_file names none");
    if (info->flags & CKF_USER_PIN_LOCKED)
        return say(t, "the token's PIN is locked");
    if (info->flags & CKF_USER_PIN_FINAL_TRY)
        return say(t, "one more wrong PIN would lock the token: log in by hand once");
    rv = t->module->C_Login(t->session, CKU_USER, (CK_UTF8CHAR *)secret_reveal(t->pin), secret_size(t->pin));
    if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
        return 0;
    return say(t, rv == CKR_PIN_INCORRECT ? "the token refuses the PIN" : "the token does not let us log in");
}

static void disconnect(struct token *t)
{
    if (t->session)
        t->module->C_CloseSession(t->session);
    t->session = 0;
    t->private_key = 0;
}

/* ---- objects ---- */

enum { TEMPLATE_MOST = 16 };

/* The one object of this class that ATTRIBUTES describe. 0 or -ENODEV. */
static int find_object(struct token *t, CK_OBJECT_CLASS class, const CK_ATTRIBUTE *attributes, CK_ULONG n,
                       CK_OBJECT_HANDLE *ret)
{
    CK_ATTRIBUTE template[TEMPLATE_MOST] = { { CKA_CLASS, &class, sizeof(class) } };
    CK_OBJECT_HANDLE found[2];
    CK_ULONG used = 1, count = 0;

    for (CK_ULONG i = 0; i < n && used < TEMPLATE_MOST; i++)
        if (attributes[i].type != CKA_CLASS)
            template[used++] = attributes[i];
    if (t->module->C_FindObjectsInit(t->session, template, used) != CKR_OK ||
        t->module->C_FindObjects(t->session, found, ARRAY_SIZE(found), &count) != CKR_OK)
        return say(t, "the token does not answer");
    t->module->C_FindObjectsFinal(t->session);
    if (count == 0)
        return say(t, class == CKO_PRIVATE_KEY
                          ? "there is no such private key in the token"
                          : "the private key's public half (of the same id) is not in the token");
    if (count > 1)
        return say(t, "it fits several keys: add id=");
    *ret = found[0];
    return 0;
}

static int find_private_key(struct token *t)
{
    CK_ULONG n = 0;
    const CK_ATTRIBUTE *attributes = p11_kit_uri_get_attributes(t->uri, &n);

    return find_object(t, CKO_PRIVATE_KEY, attributes, n, &t->private_key);
}

static int connect(struct token *t)
{
    struct place place;
    int r = find_slot(t, &place);

    if (r < 0)
        return r;
    t->module = place.module;
    if (t->module->C_OpenSession(place.slot, CKF_SERIAL_SESSION, NULL, NULL, &t->session) != CKR_OK) {
        t->session = 0;
        return say(t, "the token does not answer");
    }
    r = log_in(t, &place.info);
    return r == 0 ? find_private_key(t) : r;
}

/* ---- the public half ---- */

enum { ID_MOST = 256, DER_HEAD = 2, OCTET_STRING = 4 };

/* CKA_EC_POINT is a DER octet string; some tokens give the bare point. */
static int take_point(struct token *t, const uint8_t *bytes, size_t size, struct point *ret)
{
    if (size == POINT_MOST + DER_HEAD && bytes[0] == OCTET_STRING && bytes[1] == POINT_MOST) {
        bytes += DER_HEAD;
        size = POINT_MOST;
    }
    if (size != POINT_MOST)
        return say(t, "the key is not on P-256");
    *ret = (struct point){ .curve = SEAL_P256, .size = POINT_MOST };
    memcpy(ret->bytes, bytes, POINT_MOST);
    return 0;
}

static int read_point(struct token *t, struct point *ret)
{
    uint8_t id[ID_MOST], point[POINT_MOST + DER_HEAD];
    CK_ATTRIBUTE of_private = { CKA_ID, id, sizeof(id) };
    CK_ATTRIBUTE of_public = { CKA_EC_POINT, point, sizeof(point) };
    CK_OBJECT_HANDLE public_key;
    int r;

    if (t->module->C_GetAttributeValue(t->session, t->private_key, &of_private, 1) != CKR_OK)
        return say(t, "the key has no id");
    r = find_object(t, CKO_PUBLIC_KEY, &of_private, 1, &public_key);
    if (r < 0)
        return r;
    if (t->module->C_GetAttributeValue(t->session, public_key, &of_public, 1) != CKR_OK)
        return say(t, "the key is not on P-256");
    return take_point(t, point, of_public.ulValueLen, ret);
}

/* ---- agreeing ---- */

static int read_shared(struct token *t, CK_OBJECT_HANDLE object, uint8_t shared[COORDINATE])
{
    CK_ATTRIBUTE value = { CKA_VALUE, shared, COORDINATE };
    CK_RV rv = t->module->C_GetAttributeValue(t->session, object, &value, 1);

    t->module->C_DestroyObject(t->session, object);
    return rv == CKR_OK && value.ulValueLen == COORDINATE ? 0 : -ENODEV;
}

static int derive(struct token *t, const struct point *peer, uint8_t shared[COORDINATE])
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ULONG size = COORDINATE;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ATTRIBUTE template[] = {
        { CKA_CLASS, &class, sizeof(class) },   { CKA_KEY_TYPE, &type, sizeof(type) },
        { CKA_TOKEN, &no, sizeof(no) },         { CKA_SENSITIVE, &no, sizeof(no) },
        { CKA_EXTRACTABLE, &yes, sizeof(yes) }, { CKA_VALUE_LEN, &size, sizeof(size) },
    };
    CK_ECDH1_DERIVE_PARAMS params = { .kdf = CKD_NULL,
                                      .public_data_len = peer->size,
                                      .public_data = (unsigned char *)peer->bytes };
    CK_MECHANISM mechanism = { CKM_ECDH1_DERIVE, &params, sizeof(params) };
    CK_OBJECT_HANDLE object = 0;

    if (!t->session || t->module->C_DeriveKey(t->session, &mechanism, t->private_key, template, ARRAY_SIZE(template),
                                              &object) != CKR_OK)
        return -ENODEV;
    return read_shared(t, object, shared);
}

/* Another key under the old name would make each sealed text look bad. */
static int connect_again(struct token *t)
{
    struct point now;
    int r;

    disconnect(t);
    r = connect(t);
    if (r == 0)
        r = read_point(t, &now);
    if (r == 0 && memcmp(now.bytes, t->own.bytes, POINT_MOST) != 0)
        r = say(t, "there is another key in its place");
    if (r < 0)
        disconnect(t);
    return r;
}

int token_agree(struct token *t, const struct point *peer, uint8_t shared[COORDINATE])
{
    int r = derive(t, peer, shared);

    if (r == 0)
        return 0;
    /* Tokens are pulled out, and networks to them end: once more from the beginning. */
    r = connect_again(t);
    return r == 0 ? derive(t, peer, shared) : r;
}

/* That the two halves belong together, and that the key may derive at all, is better known before there is work. */
static int try_out(struct token *t, const struct point *own)
{
    CLEANUP(pkey_ctx_cleanup) EVP_PKEY_CTX *generator = curve_generator(SEAL_P256);
    CLEANUP(pkey_cleanup) EVP_PKEY *public = point_key(own, NULL);
    CLEANUP(pkey_cleanup) EVP_PKEY *ephemeral = NULL;
    uint8_t here[COORDINATE], there[COORDINATE];
    struct point peer;
    int r;

    if (!public)
        return say(t, "the key is not on P-256");
    if (!generator || EVP_PKEY_generate(generator, &ephemeral) != 1 ||
        point_of_key(SEAL_P256, ephemeral, &peer) < 0 || curve_agree(ephemeral, public, here) < 0)
        return openssl_failed(say(t, "OpenSSL cannot work with the key"));
    r = derive(t, &peer, there);
    if (r < 0)
        r = say(t, "the key does not agree on secrets (CKM_ECDH1_DERIVE); it needs CKA_DERIVE");
    else if (memcmp(here, there, COORDINATE) != 0)
        r = say(t, "its public half belongs to another key");
    secret_wipe(here, sizeof(here));
    secret_wipe(there, sizeof(there));
    return r;
}

/* ---- making and freeing ---- */

/* What is no key, or says more than where it is. NULL: fine. */
static const char *misuse_of(const char *text, P11KitUri *uri)
{
    if (p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri) != P11_KIT_URI_OK || p11_kit_uri_any_unrecognized(uri))
        return "it is no URI as RFC 7512 has it";
    if (p11_kit_uri_get_pin_value(uri) || p11_kit_uri_get_pin_source(uri))
        return "a PIN does not belong in the URI: name its file in seal.token_pin_file";
    if (!p11_kit_uri_get_attribute(uri, CKA_LABEL) && !p11_kit_uri_get_attribute(uri, CKA_ID))
        return "it names no key: add object= or id=";
    return NULL;
}

static int token_new(const struct secret *pin, struct token **ret)
{
    CLEANUP(token_cleanup) struct token *t = calloc(1, sizeof(*t));

    if (!t)
        return -ENOMEM;
    t->uri = p11_kit_uri_new();
    if (!t->uri || (pin && secret_new(secret_reveal(pin), secret_size(pin), &t->pin) < 0))
        return -ENOMEM;
    *ret = TAKE(t);
    return 0;
}

/* 0 or -ENODEV, with the trouble. */
static int prepare(struct token *t, const char *text)
{
    int r;

    t->trouble = misuse_of(text, t->uri);
    r = t->trouble ? -ENODEV : load_modules(t);
    if (r == 0)
        r = connect(t);
    if (r == 0)
        r = read_point(t, &t->own);
    return r == 0 ? try_out(t, &t->own) : r;
}

int seal_key_in_token(const char *uri, const struct secret *pin, struct seal_key **ret, struct problem *p)
{
    CLEANUP(token_cleanup) struct token *t = NULL;
    int r = token_new(pin, &t);

    if (r < 0)
        return r;
    /* The URI itself stays unsaid: it may have a PIN in it. */
    if (prepare(t, uri) < 0)
        return problem_set(p, "key", "pkcs11", "the key in the token cannot be used: %s", t->trouble);
    r = seal_key_new(SEAL_P256, point_key(&t->own, NULL), true, NULL, ret);
    if (r == 0)
        (*ret)->token = TAKE(t);
    return r;
}

struct token *token_free(struct token *t)
{
    if (!t)
        return NULL;
    disconnect(t);
    drop_modules(t);
    p11_kit_uri_free(t->uri);
    secret_free(t->pin);
    free(t);
    return NULL;
}
