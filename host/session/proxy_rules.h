/* proxy_rules: what an ext_proc proxy ignores and limits, as its operator has set it.
 *
 * The proxy does not send these settings (mutation_rules, the limits of header maps), so the keys
 * of the listener repeat them.
 */
#ifndef EXTPROCD_SESSION_PROXY_RULES_H
#define EXTPROCD_SESSION_PROXY_RULES_H

#include "base/arena.h"
#include "http/rules/rules.h"

/* The proxy's own defaults. */
enum { PROXY_MAX_HEADERS = 100, PROXY_MAX_HEADER_BYTES = 60 * 1024 };

struct proxy_settings {
    const char *listener;    /* the section's name; NULL: none */
    bool all_routing, envoy; /* of mutation_rules              */
    uint32_t max_headers;    /* proxy_max_headers              */
    size_t max_header_bytes; /* proxy_max_header_bytes         */
};

enum { PROXY_RULES_NAMES = 5 };

struct proxy_rules {
    struct rules rules;
    struct rules_name names[PROXY_RULES_NAMES];
};

/* Texts live in the arena; *ret must stay where it is. 0 or -ENOMEM. */
int proxy_rules_make(const struct proxy_settings *settings, struct arena *arena,
                     struct proxy_rules *ret);

#endif
