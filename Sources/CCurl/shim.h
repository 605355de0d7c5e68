// libcurl's multi interface, with typed wrappers for its variadic calls. Imported by HTTPClient only.
#pragma once
#include <curl/curl.h>

static inline CURLcode scangate_setopt_long(CURL *e, CURLoption o, long v) { return curl_easy_setopt(e, o, v); }
static inline CURLcode scangate_setopt_offset(CURL *e, CURLoption o, curl_off_t v) { return curl_easy_setopt(e, o, v); }
static inline CURLcode scangate_setopt_text(CURL *e, CURLoption o, const char *v) { return curl_easy_setopt(e, o, v); }
static inline CURLcode scangate_setopt_pointer(CURL *e, CURLoption o, void *v) { return curl_easy_setopt(e, o, v); }
static inline CURLcode scangate_setopt_const(CURL *e, CURLoption o, const void *v) { return curl_easy_setopt(e, o, v); }
static inline CURLcode scangate_setopt_list(CURL *e, CURLoption o, struct curl_slist *v) { return curl_easy_setopt(e, o, v); }
static inline CURLcode scangate_setopt_callback(CURL *e, CURLoption o, size_t (*v)(char *, size_t, size_t, void *)) { return curl_easy_setopt(e, o, v); }
static inline CURLcode scangate_getinfo_long(CURL *e, CURLINFO i, long *v) { return curl_easy_getinfo(e, i, v); }
static inline CURLcode scangate_getinfo_offset(CURL *e, CURLINFO i, curl_off_t *v) { return curl_easy_getinfo(e, i, v); }
static inline CURLcode scangate_getinfo_text(CURL *e, CURLINFO i, char **v) { return curl_easy_getinfo(e, i, v); }
static inline CURLcode scangate_getinfo_pointer(CURL *e, CURLINFO i, void **v) { return curl_easy_getinfo(e, i, v); }
static inline CURLcode scangate_getinfo_list(CURL *e, CURLINFO i, struct curl_slist **v) { return curl_easy_getinfo(e, i, v); }
static inline CURLMcode scangate_multi_long(CURLM *m, CURLMoption o, long v) { return curl_multi_setopt(m, o, v); }
static inline CURLSHcode scangate_share_long(CURLSH *s, CURLSHoption o, long v) { return curl_share_setopt(s, o, v); }
static inline CURLMSG scangate_message_kind(const CURLMsg *m) { return m->msg; }
static inline CURLcode scangate_message_result(const CURLMsg *m) { return m->data.result; }
static inline CURLcode scangate_setopt_before_request(CURL *e, int (*v)(void *, char *, char *, int, int)) { return curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, v); }
static inline CURLcode scangate_setopt_share(CURL *e, CURLSH *v) { return curl_easy_setopt(e, CURLOPT_SHARE, v); }
static inline CURLSHcode scangate_share_cookies(CURLSH *s) { return curl_share_setopt(s, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE); }
