/* PDFs with a password, opened again by the library's other half. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include <pdf.h>

#include <qpdf/qpdf-c.h>

#define PASSWORD "correct-horse"

/* One page with the words of a canary, by the library itself. */
static void make_pdf(struct buffer *b)
{
    static const char page[] = "<< /Type /Page /MediaBox [0 0 99 99] /Resources << >> >>";
    qpdf_data q = qpdf_init();
    qpdf_oh new_page, words;

    assert_int_equal(qpdf_empty_pdf(q), QPDF_SUCCESS);
    new_page = qpdf_make_indirect_object(q, qpdf_oh_parse(q, page));
    words = qpdf_oh_new_stream(q);
    qpdf_oh_replace_stream_data(q, words, (const unsigned char *)"BT (482913) Tj ET", 17, qpdf_oh_new_null(q),
                                qpdf_oh_new_null(q));
    qpdf_oh_replace_key(q, new_page, "/Contents", words);
    assert_int_equal(qpdf_add_page(q, q, new_page, QPDF_TRUE), QPDF_SUCCESS);
    assert_int_equal(qpdf_init_write_memory(q), QPDF_SUCCESS);
    qpdf_set_stream_data_mode(q, qpdf_s_uncompress);
    assert_int_equal(qpdf_write(q), QPDF_SUCCESS);
    assert_int_equal(buffer_add(b, qpdf_get_buffer(q), qpdf_get_buffer_length(q)), 0);
    qpdf_cleanup(&q);
}

static bool is_in_portuguese(qpdf_data q)
{
    return strcmp(qpdf_oh_get_utf8_value(q, qpdf_oh_get_key(q, qpdf_get_root(q), "/Lang")), "pt-BR") == 0;
}

static bool opens(const struct buffer *b, const char *password)
{
    qpdf_data q = qpdf_init();
    bool good;

    qpdf_silence_errors(q);
    qpdf_set_suppress_warnings(q, QPDF_TRUE);
    good = qpdf_read_memory(q, "test", buffer_bytes(b), buffer_size(b), password) == QPDF_SUCCESS &&
           qpdf_is_encrypted(q) && qpdf_get_num_pages(q) == 1 && is_in_portuguese(q);
    if (qpdf_has_error(q))
        qpdf_get_error(q); /* or it is told on standard error */
    qpdf_cleanup(&q);
    return good;
}

static void opens_with_the_password_alone(void **state)
{
    CLEANUP(buffer_release) struct buffer plain = BUFFER(65536), closed = BUFFER(65536);
    CLEANUP(secret_cleanup) struct secret *password = NULL;

    (void)state;
    make_pdf(&plain);
    assert_non_null(memmem(buffer_bytes(&plain), buffer_size(&plain), "482913", 6));
    assert_int_equal(secret_new(PASSWORD, strlen(PASSWORD), &password), 0);
    assert_int_equal(pdf_encrypt(&plain, password, "pt-BR", &closed), 0);
    assert_null(memmem(buffer_bytes(&closed), buffer_size(&closed), "482913", 6));
    assert_null(memmem(buffer_bytes(&closed), buffer_size(&closed), PASSWORD, strlen(PASSWORD)));
    assert_true(opens(&closed, PASSWORD));
    assert_false(opens(&closed, "correct-hors"));
    assert_false(opens(&closed, ""));
    assert_false(opens(&closed, NULL));
}

static void what_is_no_pdf_is_an_error(void **state)
{
    CLEANUP(buffer_release) struct buffer plain = BUFFER(65536), closed = BUFFER(65536);
    CLEANUP(secret_cleanup) struct secret *password = NULL;

    (void)state;
    assert_int_equal(secret_new(PASSWORD, strlen(PASSWORD), &password), 0);
    assert_int_equal(buffer_add_text(&plain, "%PDF-1.7 and no more"), 0);
    assert_int_equal(pdf_encrypt(&plain, password, "pt-BR", &closed), -EIO);
    assert_int_equal(buffer_size(&closed), 0);
}

static void too_small_a_buffer_is_an_error(void **state)
{
    CLEANUP(buffer_release) struct buffer plain = BUFFER(65536), closed = BUFFER(100);
    CLEANUP(secret_cleanup) struct secret *password = NULL;

    (void)state;
    make_pdf(&plain);
    assert_int_equal(secret_new(PASSWORD, strlen(PASSWORD), &password), 0);
    assert_int_equal(pdf_encrypt(&plain, password, "pt-BR", &closed), -ENOBUFS);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_with_the_password_alone),
        cmocka_unit_test(what_is_no_pdf_is_an_error),
        cmocka_unit_test(too_small_a_buffer_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
