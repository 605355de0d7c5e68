// libmosquitto, and what it does not tell itself: why OpenSSL did not like the broker's certificate, and what it was
// told by the broker after the handshake.
// Imported by MQTTClient only.
#pragma once
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

// X509_V_ERR_… of the handshake under way, X509_V_OK where there is none.
static inline long scangate_mosquitto_verdict(struct mosquitto *m) {
    SSL *ssl = (SSL *)mosquitto_ssl_get(m);
    return ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
}

// Calls `heard` with each TLS message of this connection; alerts (content type 21) are two bytes, level and description.
static inline void scangate_mosquitto_watch(struct mosquitto *m, void *context,
    void (*heard)(int written, int version, int type, const void *bytes, size_t count, SSL *ssl, void *context)) {
    SSL *ssl = (SSL *)mosquitto_ssl_get(m);
    if (!ssl) return;
    SSL_set_msg_callback(ssl, heard);
    SSL_set_msg_callback_arg(ssl, context);
}

// OpenSSL's words for an alert's description, such as "unknown CA".
static inline const char *scangate_alert_words(int description) { return SSL_alert_desc_string_long(description); }
