/* S/MIME messages, opened again by the library's other half. */
#include "maker.h"

#include <smime.h>

#include <errno.h>
#include <stdlib.h>

#include <openssl/cms.h>

static const char message[] = "From: PIN service <pin@example.com>\r\nSubject: The PIN for your card\r\n of today\r\n"
                              "To: Asa <asa@example.com>\r\nMIME-Version: 1.0\r\n"
                              "Content-Type: text/plain;\r\n\tcharset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n"
                              "\r\nPIN: 482913\r\n\r\n--\r\nbye\r\n";
static const char within[] =
    "From: PIN service <pin@example.com>\r\nHP-Outer: From: PIN service <pin@example.com>\r\n"
    "Subject: The PIN for your card\r\n of today\r\n"
    "HP-Outer: Subject: The PIN for your card\r\n of today\r\n"
    "To: Asa <asa@example.com>\r\nHP-Outer: To: Asa <asa@example.com>\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: text/plain;\r\n\tcharset=utf-8;\r\n\thp=\"cipher\"\r\n"
    "Content-Transfer-Encoding: 7bit\r\n\r\nPIN: 482913\r\n\r\n--\r\nbye\r\n";

static int put(struct buffer *b, const char *text, X509 *c, bool authenticated)
{
    CLEANUP(buffer_release) struct buffer plain = BUFFER(65536);

    assert_int_equal(buffer_add_text(&plain, text), 0);
    return smime_encrypt(&plain, c, authenticated, b);
}

/* What is in the base64 body of B. The caller frees. */
static CMS_ContentInfo *envelope(struct buffer *b)
{
    BIO *in = BIO_new(BIO_s_mem()), *decoder = BIO_new(BIO_f_base64());
    CMS_ContentInfo *cms;
    char *body;

    assert_int_equal(buffer_terminate(b), 0);
    body = strstr(buffer_bytes(b), "\r\n\r\n");
    assert_non_null(body);
    BIO_puts(in, body + 4);
    BIO_set_mem_eof_return(in, 0);
    cms = d2i_CMS_bio(BIO_push(decoder, in), NULL);
    BIO_free_all(decoder);
    assert_non_null(cms);
    return cms;
}

static void assert_opens(CMS_ContentInfo *cms, EVP_PKEY *key, X509 *c)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *bytes;
    long size;

    assert_int_equal(CMS_decrypt(cms, key, c, NULL, out, CMS_BINARY), 1);
    size = BIO_get_mem_data(out, &bytes);
    assert_int_equal(size, strlen(within));
    assert_memory_equal(bytes, within, strlen(within));
    BIO_free(out);
}

static void assert_round(unsigned rsa, bool authenticated, int type)
{
    const struct making m = { .rsa = rsa };
    CLEANUP(buffer_release) struct buffer b = BUFFER(65536);
    EVP_PKEY *key = make_key(&m);
    X509 *c = make_certificate(&m, key);
    CMS_ContentInfo *cms;

    assert_int_equal(put(&b, message, c, authenticated), 0);
    cms = envelope(&b);
    assert_int_equal(OBJ_obj2nid(CMS_get0_type(cms)), type);
    assert_opens(cms, key, c);
    CMS_ContentInfo_free(cms);
    X509_free(c);
    EVP_PKEY_free(key);
}

static void what_is_closed_opens(void **state)
{
    (void)state;
    assert_round(2048, false, NID_pkcs7_enveloped);
    assert_round(0, false, NID_pkcs7_enveloped);
    assert_round(2048, true, NID_id_smime_ct_authEnvelopedData);
    assert_round(0, true, NID_id_smime_ct_authEnvelopedData);
}

static void only_the_header_is_seen(void **state)
{
    static const char header[] =
        "From: PIN service <pin@example.com>\r\nSubject: The PIN for your card\r\n of today\r\n"
        "To: Asa <asa@example.com>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: application/pkcs7-mime; smime-type=enveloped-data;\r\n\t";
    const struct making m = { .rsa = 0 };
    CLEANUP(buffer_release) struct buffer b = BUFFER(65536);
    EVP_PKEY *key = make_key(&m);
    X509 *c = make_certificate(&m, key);

    (void)state;
    assert_int_equal(put(&b, message, c, false), 0);
    assert_int_equal(buffer_terminate(&b), 0);
    assert_memory_equal(buffer_bytes(&b), header, strlen(header));
    assert_null(strstr(buffer_bytes(&b), "482913"));
    assert_null(strstr(buffer_bytes(&b), "7bit"));
    for (char *line = buffer_bytes(&b), *end; (end = strstr(line, "\r\n")) != NULL; line = end + 2)
        assert_true(end - line <= 78);
    X509_free(c);
    EVP_PKEY_free(key);
}

static void two_are_never_alike(void **state)
{
    const struct making m = { .rsa = 0 };
    CLEANUP(buffer_release) struct buffer one = BUFFER(65536), two = BUFFER(65536);
    EVP_PKEY *key = make_key(&m);
    X509 *c = make_certificate(&m, key);

    (void)state;
    assert_int_equal(put(&one, message, c, false), 0);
    assert_int_equal(put(&two, message, c, false), 0);
    assert_int_equal(buffer_size(&one), buffer_size(&two));
    assert_memory_not_equal(buffer_bytes(&one), buffer_bytes(&two), buffer_size(&one));
    X509_free(c);
    EVP_PKEY_free(key);
}

static void too_small_a_buffer_is_no_half_message(void **state)
{
    const struct making m = { .rsa = 0 };
    CLEANUP(buffer_release) struct buffer b = BUFFER(600);
    EVP_PKEY *key = make_key(&m);
    X509 *c = make_certificate(&m, key);

    (void)state;
    assert_int_equal(put(&b, message, c, false), -ENOBUFS);
    X509_free(c);
    EVP_PKEY_free(key);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_closed_opens),
        cmocka_unit_test(only_the_header_is_seen),
        cmocka_unit_test(two_are_never_alike),
        cmocka_unit_test(too_small_a_buffer_is_no_half_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
