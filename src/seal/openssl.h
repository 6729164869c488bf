/* OpenSSL's objects as owning locals. Only this room knows them. */
#ifndef PINDISPATCH_SEAL_OPENSSL_H
#define PINDISPATCH_SEAL_OPENSSL_H

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <pindispatch/cleanup.h>

DEFINE_CLEANUP(BIGNUM, bignum, BN_clear_free)
DEFINE_CLEANUP(EVP_PKEY, pkey, EVP_PKEY_free)
DEFINE_CLEANUP(EVP_PKEY_CTX, pkey_ctx, EVP_PKEY_CTX_free)
DEFINE_CLEANUP(EVP_CIPHER_CTX, cipher_ctx, EVP_CIPHER_CTX_free)
DEFINE_CLEANUP(EVP_KDF, kdf, EVP_KDF_free)

/* OpenSSL queues its reasons in the thread; nobody reads them here, and old ones must not mislead a library that
 * shares the process (the mail worker's TLS). */
static inline int openssl_failed(int r)
{
    ERR_clear_error();
    return r;
}

#endif
