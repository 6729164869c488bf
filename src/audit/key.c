#include <pindispatch/audit.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include <pindispatch/file.h>
#include <pindispatch/json.h>
#include <pindispatch/secret.h>

enum {
    KEY_SIZE = 32,
    SIGNATURE_SIZE = 64,
    KEY_TEXT = 44, /* base64url of 32 bytes, with its NUL */
    KEY_FILE_MOST = 4096,
    MESSAGE_MOST = 256,
};

struct audit_key {
    EVP_PKEY *pkey;
    bool can_sign;
    char id[KEY_TEXT];
};

DEFINE_CLEANUP(EVP_PKEY, pkey, EVP_PKEY_free)
DEFINE_CLEANUP(EVP_MD_CTX, md_ctx, EVP_MD_CTX_free)

static int failed(int r)
{
    ERR_clear_error();
    return r;
}

/* OpenSSL's coder has the other alphabet and padding: 32 bytes are 43 characters and one "=". */
static void encode(const unsigned char bytes[KEY_SIZE], char text[KEY_TEXT])
{
    char padded[4 * ((KEY_SIZE + 2) / 3) + 1];

    EVP_EncodeBlock((unsigned char *)padded, bytes, KEY_SIZE);
    for (int i = 0; i < KEY_TEXT - 1; i++)
        text[i] = padded[i] == '+' ? '-' : padded[i] == '/' ? '_' : padded[i];
    text[KEY_TEXT - 1] = '\0';
    secret_wipe(padded, sizeof(padded));
}

static int decode(const char *text, unsigned char bytes[KEY_SIZE])
{
    unsigned char padded[KEY_TEXT], out[KEY_SIZE + 1];
    char again[KEY_TEXT];
    int r = -EINVAL;

    if (!text || strlen(text) != KEY_TEXT - 1)
        return r;
    for (int i = 0; i < KEY_TEXT - 1; i++)
        padded[i] = (unsigned char)(text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]);
    padded[KEY_TEXT - 1] = '=';
    if (EVP_DecodeBlock(out, padded, KEY_TEXT) == KEY_SIZE + 1) {
        memcpy(bytes, out, KEY_SIZE);
        encode(bytes, again);
        r = strcmp(again, text) == 0 ? 0 : -EINVAL; /* one text for each key */
    }
    secret_wipe(padded, sizeof(padded));
    secret_wipe(out, sizeof(out));
    secret_wipe(again, sizeof(again));
    return r;
}

/* RFC 7638 over the members that RFC 8037 names. */
static int set_id(struct audit_key *k)
{
    unsigned char x[KEY_SIZE], hash[KEY_SIZE];
    char text[KEY_TEXT], input[128];
    size_t size = sizeof(x);
    int n;

    if (EVP_PKEY_get_raw_public_key(k->pkey, x, &size) != 1 || size != sizeof(x))
        return failed(-EIO);
    encode(x, text);
    n = snprintf(input, sizeof(input), "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}", text);
    if (EVP_Q_digest(NULL, "SHA256", NULL, input, (size_t)n, hash, NULL) != 1)
        return failed(-EIO);
    encode(hash, k->id);
    return 0;
}

/* Takes PKEY over. */
static int key_new(EVP_PKEY *pkey, bool can_sign, struct audit_key **ret)
{
    CLEANUP(audit_key_cleanup) struct audit_key *k = calloc(1, sizeof(*k));
    int r;

    if (!k) {
        EVP_PKEY_free(pkey);
        return -ENOMEM;
    }
    *k = (struct audit_key){ .pkey = pkey, .can_sign = can_sign };
    r = set_id(k);
    if (r == 0)
        *ret = TAKE(k);
    return r;
}

int audit_key_generate(struct audit_key **ret)
{
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

    return pkey ? key_new(pkey, true, ret) : failed(-EIO);
}

struct audit_key *audit_key_free(struct audit_key *k)
{
    if (!k)
        return NULL;
    EVP_PKEY_free(k->pkey);
    free(k);
    return NULL;
}

const char *audit_key_id(const struct audit_key *k)
{
    return k->id;
}

bool audit_key_can_sign(const struct audit_key *k)
{
    return k->can_sign;
}

static int refuse(struct problem *p, const char *path, const char *why)
{
    return problem_set(p, "key", path, "not a key for the audit trail: %s", why);
}

static bool has_text(const json_t *jwk, const char *name, const char *text)
{
    const char *found = json_text(jwk, name);

    return found && strcmp(found, text) == 0;
}

/* A private part whose public part is another's would sign what nobody can check. */
static bool halves_match(EVP_PKEY *pkey, const unsigned char x[KEY_SIZE])
{
    unsigned char own[KEY_SIZE];
    size_t size = sizeof(own);

    return EVP_PKEY_get_raw_public_key(pkey, own, &size) == 1 && memcmp(own, x, KEY_SIZE) == 0;
}

static int read_pkey(const json_t *jwk, const char *path, bool *ret_private, EVP_PKEY **ret, struct problem *p)
{
    CLEANUP(pkey_cleanup) EVP_PKEY *pkey = NULL;
    const json_t *d = json_object_get(jwk, "d");
    unsigned char x[KEY_SIZE], private[KEY_SIZE];
    int r;

    if (!has_text(jwk, "kty", "OKP") || !has_text(jwk, "crv", "Ed25519") || decode(json_text(jwk, "x"), x) < 0)
        return refuse(p, path, "it must be a JWK of \"kty\" OKP and \"crv\" Ed25519, with x");
    r = d ? decode(json_string_value(d), private) : 0;
    if (r == 0)
        pkey = d ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, private, KEY_SIZE)
                 : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x, KEY_SIZE);
    secret_wipe(private, sizeof(private));
    if (!pkey || !halves_match(pkey, x)) {
        failed(0);
        return refuse(p, path, "its private part \"d\" is none, or belongs to another key");
    }
    *ret_private = d != NULL;
    *ret = TAKE(pkey);
    return 0;
}

static int check_mode(const char *path, struct problem *p)
{
    struct stat st;

    if (stat(path, &st) == 0 && (st.st_mode & 0077) == 0)
        return 0;
    return refuse(p, path, "a private key must not be open to others: chmod 600");
}

int audit_key_load(const char *path, struct audit_key **ret, struct problem *p)
{
    CLEANUP(buffer_release) struct buffer text = BUFFER(KEY_FILE_MOST);
    CLEANUP(json_cleanup) json_t *jwk = NULL;
    EVP_PKEY *pkey = NULL;
    bool private = false;
    int r = file_read(path, &text);

    if (r == -ENOMEM)
        return r;
    if (r < 0)
        return problem_set(p, "key", path, "cannot be read: %s", r == -ENOBUFS ? "it is too large" : strerror(-r));
    jwk = text.data ? json_parse_line(buffer_bytes(&text), buffer_size(&text)) : NULL;
    r = read_pkey(jwk, path, &private, &pkey, p);
    if (r == 0 && private)
        r = check_mode(path, p);
    if (r != 0) {
        EVP_PKEY_free(pkey);
        return r;
    }
    r = key_new(pkey, private, ret);
    return r == -EIO ? refuse(p, path, "OpenSSL cannot work with it") : r;
}

static int put_private(json_t *jwk, const struct audit_key *k)
{
    unsigned char private[KEY_SIZE];
    char text[KEY_TEXT];
    size_t size = sizeof(private);
    int r = EVP_PKEY_get_raw_private_key(k->pkey, private, &size) == 1 ? 0 : failed(-EIO);

    if (r == 0) {
        encode(private, text);
        r = json_put_text(jwk, "d", text);
    }
    secret_wipe(private, sizeof(private));
    secret_wipe(text, sizeof(text));
    return r;
}

int audit_key_write(const struct audit_key *k, bool private_part, struct buffer *b)
{
    CLEANUP(json_cleanup) json_t *jwk = NULL;
    unsigned char x[KEY_SIZE];
    char text[KEY_TEXT];
    size_t size = sizeof(x);
    int r;

    if (private_part && !k->can_sign)
        return -EINVAL;
    if (EVP_PKEY_get_raw_public_key(k->pkey, x, &size) != 1)
        return failed(-EIO);
    encode(x, text);
    jwk = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "kty", "OKP", "crv", "Ed25519", "x", text, "kid", k->id, "use",
                    "sig", "alg", "EdDSA");
    r = !jwk ? -ENOMEM : private_part ? put_private(jwk, k) : 0;
    return r == 0 ? json_add_line(b, jwk) : r;
}

/* The first line says what is signed, so that no other text of this key's could be taken for an anchor. */
static size_t write_message(const struct anchor *a, char message[MESSAGE_MOST])
{
    int n = snprintf(message, MESSAGE_MOST, "pindispatch audit anchor\n%llu\n%llu\n%s\n%lld\n",
                     (unsigned long long)a->number, (unsigned long long)a->seq, a->hash, (long long)a->time);

    return (size_t)n;
}

static void write_hex(const unsigned char *bytes, size_t size, char *text)
{
    for (size_t i = 0; i < size; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static bool read_hex(const char *text, unsigned char *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";

    if (strlen(text) != 2 * size)
        return false;
    for (size_t i = 0; i < 2 * size; i++) {
        const char *digit = strchr(digits, text[i]);

        if (!digit)
            return false;
        bytes[i / 2] = (unsigned char)(i % 2 ? bytes[i / 2] | (digit - digits) : (digit - digits) << 4);
    }
    return true;
}

int anchor_sign(const struct audit_key *k, struct anchor *a)
{
    CLEANUP(md_ctx_cleanup) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char signature[SIGNATURE_SIZE];
    char message[MESSAGE_MOST];
    size_t n = write_message(a, message), size = sizeof(signature);

    if (!ctx || EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->pkey) != 1 ||
        EVP_DigestSign(ctx, signature, &size, (unsigned char *)message, n) != 1 || size != sizeof(signature))
        return failed(-EIO);
    snprintf(a->key, sizeof(a->key), "%s", k->id);
    write_hex(signature, sizeof(signature), a->signature);
    return 0;
}

bool anchor_is_signed(const struct audit_key *k, const struct anchor *a)
{
    CLEANUP(md_ctx_cleanup) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char signature[SIGNATURE_SIZE];
    char message[MESSAGE_MOST];
    size_t n = write_message(a, message);
    bool good = ctx && strcmp(a->key, k->id) == 0 && read_hex(a->signature, signature, sizeof(signature)) &&
                EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k->pkey) == 1 &&
                EVP_DigestVerify(ctx, signature, sizeof(signature), (unsigned char *)message, n) == 1;

    failed(0);
    return good;
}
