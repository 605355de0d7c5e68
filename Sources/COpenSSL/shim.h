// libcrypto's EVP interface. Imported by Crypto only.
#pragma once
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

// An HMAC-SHA256 context with its key, or NULL. A key of no bytes is a key, too.
static inline EVP_MAC_CTX *scangate_hmac_make(const void *key, size_t count) {
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac);
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
    if (context && EVP_MAC_init(context, (const unsigned char *)key, count, parameters) == 1) return context;
    EVP_MAC_CTX_free(context);
    return NULL;
}

// The 32 bytes over a message; the context is ready for the next one afterwards. 1, or 0 on failure.
static inline int scangate_hmac(EVP_MAC_CTX *context, const void *message, size_t count, unsigned char *out) {
    size_t length = 0;
    return EVP_MAC_init(context, NULL, 0, NULL) == 1 && EVP_MAC_update(context, (const unsigned char *)message, count) == 1
        && EVP_MAC_final(context, out, &length, 32) == 1 && length == 32;
}
