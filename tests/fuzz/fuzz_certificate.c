/* A holder's certificate as an issuer or a folder has it: any bytes. What is chosen can be described and encrypted
 * to, and the same bytes lead nowhere else where they must lead to a CA that is not theirs. */
#undef NDEBUG /* the assertions are the test */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <openssl/x509_vfy.h>

#include <pindispatch/clock.h>
#include <pindispatch/protect.h>

#include "certificate.h"
#include "smime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW = 1800000000 }; /* in 2027, within what the seeds say */

static X509_STORE *no_anchors(void)
{
    static X509_STORE *store; /* of no CA: once for all runs */

    if (!store)
        store = X509_STORE_new();
    assert(store);
    return store;
}

/* 0 with *RET, or 1 with a reason that can be shown. */
static int choose(const uint8_t *data, size_t size, X509_STORE *anchors, X509 **ret)
{
    const struct certificate_rules rules = { .address = "asa.oberg@example.com",
                                             .now = NOW * MICROSECONDS_PER_SECOND,
                                             .anchors = anchors };
    struct problem p = { .code = "" };
    int r = certificate_choose(data, size, &rules, ret, &p);

    assert(r == 0 || r == 1);
    assert((r == 0) == (*ret != NULL));
    if (r == 1)
        assert(strncmp(p.code, "certificate-", strlen("certificate-")) == 0 && p.message[0]);
    return r;
}

static void encrypt(X509 *to)
{
    static const char mail[] = "From: a@example.com\r\nSubject: PIN\r\n\r\n0000\r\n";
    CLEANUP(buffer_release) struct buffer plain = BUFFER(sizeof(mail)), closed = BUFFER(1024 * 1024);
    int r;

    assert(buffer_add(&plain, mail, strlen(mail)) == 0);
    r = smime_encrypt(&plain, to, true, &closed);
    assert(r == 0 || r == -EIO);
    if (r == 0)
        assert(!memmem(buffer_bytes(&closed), buffer_size(&closed), "0000\r\n", strlen("0000\r\n")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(x509_cleanup) X509 *any = NULL, *none = NULL;
    struct protection about = { .expires = "" };

    assert(choose(data, size, no_anchors(), &none) == 1);
    if (choose(data, size, NULL, &any) != 0)
        return 0;
    assert(certificate_describe(any, &about) == 0);
    assert(strlen(about.fingerprint) == 64 && about.expires[0]);
    encrypt(any);
    return 0;
}
