#include "chain.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

int hasher_init(struct hasher *h)
{
    h->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    h->context = EVP_MD_CTX_new();
    return h->sha256 && h->context ? 0 : -ENOMEM;
}

void hasher_release(struct hasher *h)
{
    EVP_MD_CTX_free(h->context);
    EVP_MD_free(h->sha256);
    *h = (struct hasher){ 0 };
}

static bool begin(struct hasher *h)
{
    return EVP_DigestInit_ex2(h->context, h->sha256, NULL) == 1;
}

static bool end(struct hasher *h, unsigned char ret[CHAIN_HASH])
{
    return EVP_DigestFinal_ex(h->context, ret, NULL) == 1;
}

static bool add(struct hasher *h, const void *bytes, size_t size)
{
    return EVP_DigestUpdate(h->context, bytes, size) == 1;
}

static bool add_number(struct hasher *h, uint64_t n)
{
    uint64_t wire = htobe64(n);

    return add(h, &wire, sizeof(wire));
}

static bool add_text(struct hasher *h, const char *text)
{
    size_t size = text ? strlen(text) : 0;
    uint32_t wire = text ? htobe32((uint32_t)size) : UINT32_MAX;

    return add(h, &wire, sizeof(wire)) && add(h, text ? text : "", size);
}

int chain_key(struct hasher *h, const char *source, const char *id, int64_t *ret)
{
    unsigned char hash[CHAIN_HASH];
    int64_t key = 0;

    if (!begin(h) || !add(h, source, strlen(source) + 1) || !add(h, id, strlen(id)) || !end(h, hash))
        return -ENOMEM;
    for (int i = 0; i < 6; i++)
        key = key << 8 | hash[i];
    *ret = key;
    return 0;
}

int chain_hash(struct hasher *h, const unsigned char previous[CHAIN_HASH], const struct audit_row *r,
               unsigned char ret[CHAIN_HASH])
{
    bool good = begin(h) && add(h, previous, CHAIN_HASH) && add_number(h, r->seq) && add_number(h, r->prior) &&
                add_number(h, (uint64_t)r->time) && add(h, r->delivery.bytes, sizeof(r->delivery.bytes)) &&
                add_text(h, r->from) && add_text(h, r->to) && add_text(h, r->cause) && add_text(h, r->words) &&
                add_number(h, (uint64_t)r->uid) && add_number(h, r->generation) && add_text(h, r->template_hash) &&
                add_text(h, r->detail) && end(h, ret);

    return good ? 0 : -ENOMEM;
}

char *chain_format(const unsigned char hash[CHAIN_HASH], char text[CHAIN_TEXT])
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < CHAIN_HASH; i++) {
        text[2 * i] = digits[hash[i] >> 4];
        text[2 * i + 1] = digits[hash[i] & 0x0f];
    }
    text[CHAIN_TEXT - 1] = '\0';
    return text;
}
