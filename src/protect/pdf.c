#include "pdf.h"

#include <errno.h>

#include <qpdf/qpdf-c.h>

/* The owner's password is the user's: without one anybody could open the file, and one of our own would be a second
 * way in. So the holder may also copy, change and print it, which is no loss: the letter is the holder's. */
static void set_password(qpdf_data q, const char *password)
{
    qpdf_set_r6_encryption_parameters2(q, password, password, QPDF_TRUE, QPDF_TRUE, QPDF_TRUE, QPDF_TRUE, QPDF_TRUE,
                                       QPDF_TRUE, qpdf_r3p_full, QPDF_TRUE);
}

/* cairo has no way to say it. */
static void set_language(qpdf_data q, const char *language)
{
    const qpdf_oh root = qpdf_get_root(q);

    if (language[0])
        qpdf_oh_replace_key(q, root, "/Lang", qpdf_oh_new_unicode_string(q, language));
    qpdf_oh_replace_key(q, root, "/ViewerPreferences", qpdf_oh_parse(q, "<< /DisplayDocTitle true >>"));
}

static int fail(qpdf_data q)
{
    /* Its texts may quote the document. */
    return qpdf_get_error_code(q, qpdf_get_error(q)) == qpdf_e_system ? -ENOMEM : -EIO;
}

static int encrypt(qpdf_data q, const struct buffer *plain, const struct secret *password, const char *language,
                   struct buffer *ret)
{
    qpdf_silence_errors(q);
    qpdf_set_suppress_warnings(q, QPDF_TRUE);
    qpdf_set_attempt_recovery(q, QPDF_FALSE);
    if (qpdf_read_memory(q, "letter", buffer_bytes(plain), buffer_size(plain), NULL) & QPDF_ERRORS)
        return fail(q);
    set_language(q, language);
    if (qpdf_init_write_memory(q) & QPDF_ERRORS)
        return fail(q);
    set_password(q, secret_reveal(password));
    if (qpdf_write(q) & QPDF_ERRORS)
        return fail(q);
    return buffer_add(ret, qpdf_get_buffer(q), qpdf_get_buffer_length(q));
}

int pdf_encrypt(const struct buffer *plain, const struct secret *password, const char *language, struct buffer *ret)
{
    qpdf_data q = qpdf_init();
    int r = q ? encrypt(q, plain, password, language, ret) : -ENOMEM;

    qpdf_cleanup(&q);
    return r;
}
