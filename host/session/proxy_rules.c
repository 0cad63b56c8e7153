/* proxy_rules: Envoy's mutation rules (mutation_rules.cc) and limits (mutation_utils.cc).
 *
 * Seen on 1.36 and 1.40: allow_all_routing lets host, :authority, :scheme and :method be set, in
 * headers and in a body phase that holds them, and `host` as an ordinary header of responses;
 * allow_envoy lets x-envoy-* be edited everywhere; without them such an edit is dropped and
 * counted, also beside an immediate response. :method may be set wherever CONTINUE_AND_REPLACE is.
 * Appending to `host` makes a list of hosts of it, so that is refused with the other pseudo
 * headers.
 */
#include "session/proxy_rules.h"

#include "session/proxy_names.h"

#include <errno.h>

#define ROUTING                                                                                    \
    "to allow it, set mutation_rules = all_routing in the listener's section, and "                \
    "allow_all_routing: true in the proxy's mutation_rules"
#define ENVOYS                                                                                     \
    "to allow it, set mutation_rules = envoy in the listener's section, and allow_envoy: true in " \
    "the proxy's mutation_rules"

static const struct rules_name routing_names[] = {
    {.name = EXTPROC_STR("host"), .remedy = ROUTING},
    {.name = EXTPROC_STR(":authority"), .remedy = ROUTING},
    {.name = EXTPROC_STR(":scheme"), .remedy = ROUTING},
    {.name = EXTPROC_STR(":method"), .unless_replaced = true, .remedy = ROUTING},
};
static const struct rules_name envoys = {
    .name = EXTPROC_STR("x-envoy-"), .prefix = true, .remedy = ENVOYS};

enum { N_ROUTING_NAMES = sizeof routing_names / sizeof *routing_names };
_Static_assert(N_ROUTING_NAMES + 1 == PROXY_RULES_NAMES, "room for all of them");

#define ADVICE(part, mode)                                                                         \
    {                                                                                              \
        [LANE_REQUEST] = "in the proxy, set request_" part "_mode: " mode,                         \
        [LANE_RESPONSE] = "in the proxy, set response_" part "_mode: " mode                        \
    }

static const struct rules rules_common = {
    .proxy = "the proxy",
    .fits_length = true,
    .body_mode = {[LANE_REQUEST] = "request_body_mode", [LANE_RESPONSE] = "response_body_mode"},
    .sends_headers = ADVICE("header", "SEND"),
    .sends_body = ADVICE("body", "STREAMED"),
    .sends_complete_body = ADVICE("body", "BUFFERED"),
    .sends_trailers = ADVICE("trailer", "SEND"),
    .holds_headers =
        {
            [LANE_REQUEST] = "in the proxy, set request_header_mode: SEND, "
                             "request_body_mode: BUFFERED",
            [LANE_RESPONSE] = "in the proxy, set response_header_mode: SEND, "
                              "response_body_mode: BUFFERED",
        },
    .details = "extprocd",
};

static void add_names(struct proxy_rules *r, const struct rules_name *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        r->names[r->rules.n_names++] = names[i];
}

int proxy_rules_make(const struct proxy_settings *settings, struct arena *arena,
                     struct proxy_rules *ret)
{
    *ret = (struct proxy_rules){.rules = rules_common};
    struct rules *rules = &ret->rules;
    rules->names = ret->names;
    rules->joined = proxy_joined;
    rules->hints = proxy_hints;
    if (!settings->all_routing)
        add_names(ret, routing_names, N_ROUTING_NAMES);
    if (!settings->envoy)
        add_names(ret, &envoys, 1);
    rules->max_edits = settings->max_headers;
    rules->max_entries = settings->max_headers;
    rules->max_bytes = settings->max_header_bytes;
    rules->limits_remedy =
        arena_format(arena,
                     "proxy_max_headers = %u and proxy_max_header_bytes = %zu say what it takes",
                     settings->max_headers, settings->max_header_bytes)
            .ptr;
    if (settings->listener)
        rules->proxy = arena_format(arena, "the proxy of [listener:%s]", settings->listener).ptr;
    return rules->limits_remedy && rules->proxy ? 0 : -ENOMEM;
}
