/* secrets: which headers and parameters have values that are not written into files. Of a plugin
 * with the keys `redact` and `redact.query`, which name more of them. */
#ifndef EXTPROC_LIB_SECRETS_H
#define EXTPROC_LIB_SECRETS_H

#include <extproc/text.h>

#define SECRETS_KEYS                                                                               \
    {.name = "redact", .flags = EXTPROC_KEY_LIST, .help = "A header whose value is not logged."},  \
    {                                                                                              \
        .name = "redact.query", .flags = EXTPROC_KEY_LIST,                                         \
        .help = "A query parameter whose value is not logged."                                     \
    }

static inline bool secrets_in_key(struct extproc_instance *instance, const char *key,
                                  struct extproc_str name)
{
    for (size_t i = 0; i < extproc_conf_count(instance, key); i++) {
        if (extproc_eq_nocase(name, extproc_conf(instance, key, i)))
            return true;
    }
    return false;
}

static inline bool secrets_in_list(struct extproc_str name, const struct extproc_str *list,
                                   size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (extproc_eq_nocase(name, list[i]))
            return true;
    }
    return false;
}
#define SECRETS_IN(name, list) secrets_in_list(name, list, sizeof(list) / sizeof *(list))

static inline bool secrets_header(struct extproc_instance *instance, struct extproc_str name)
{
    static const struct extproc_str always[] = {
        EXTPROC_STR("authorization"), EXTPROC_STR("proxy-authorization"), EXTPROC_STR("cookie"),
        EXTPROC_STR("set-cookie"),    EXTPROC_STR("x-api-key"),
    };
    return SECRETS_IN(name, always) || secrets_in_key(instance, "redact", name);
}

/* As redact_url() wants it. */
static inline bool secrets_parameter(struct extproc_txn *x, struct extproc_str name)
{
    static const struct extproc_str always[] = {
        EXTPROC_STR("access_token"),
        EXTPROC_STR("refresh_token"),
        EXTPROC_STR("id_token"),
        EXTPROC_STR("token"),
        EXTPROC_STR("jwt"),
        EXTPROC_STR("api_key"),
        EXTPROC_STR("apikey"),
        EXTPROC_STR("password"),
        EXTPROC_STR("passwd"),
        EXTPROC_STR("client_secret"),
        EXTPROC_STR("secret"),
        EXTPROC_STR("signature"),
        EXTPROC_STR("x-amz-signature"),
        EXTPROC_STR("sig"),
        EXTPROC_STR("x-goog-signature"),
        EXTPROC_STR("x-amz-security-token"),
    };
    return SECRETS_IN(name, always) || secrets_in_key(x->instance, "redact.query", name);
}

#endif
