/* Plugins that inspect: bodies that must be seen, and headers that close() reads. */
#include "session/opening.h"

#include <errno.h>
#include <stdio.h>

static enum extproc_action go_on(struct extproc_txn *x)
{
    return EXTPROC_ACTION_CONTINUE;
}

/* ---- bodies that must be seen ---------------------------------------------------------------- */

static const struct extproc_plugin inspects = {
    .abi = EXTPROC_ABI,
    .name = "inspects",
    .needs = EXTPROC_MUST_SEE_REQUEST_BODY | EXTPROC_MUST_SEE_RESPONSE_BODY,
    .request_body = go_on,
    .response_body = go_on,
};

Test(inspect, a_body_that_must_be_seen_and_is_not_sent_is_a_403)
{
    k = kit_of((struct kit_linked[]){{"p", &inspects}, {0}});
    begin(BODY_MODE_NONE, BODY_MODE_STREAMED);
    request_headers(false);
    kit_expect_immediate(c, 403, NULL, NULL);
    kit_expect_log(c, "the plugin must see the request body, and the proxy does not send it");
    kit_end(c);
    kit_free(k);
}

Test(inspect, a_tunnel_is_a_403_where_a_body_must_be_seen)
{
    static const char *const requests[] = {
        ":method: CONNECT\n:authority: a:443",
        ":method: GET\n:path: /\nconnection: upgrade\nupgrade: websocket",
    };
    k = kit_of((struct kit_linked[]){{"p", &inspects}, {0}});
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        begin(BODY_MODE_STREAMED, BODY_MODE_STREAMED);
        kit_headers(c, LANE_REQUEST, requests[i], false);
        kit_expect_immediate(c, 403, NULL, NULL);
        kit_expect_log(c, "the bytes of a tunnel are not seen");
        kit_end(c);
    }
    kit_free(k);
}

Test(inspect, what_is_seen_or_has_no_body_passes)
{
    k = kit_of((struct kit_linked[]){{"p", &inspects}, {0}});
    begin(BODY_MODE_STREAMED, BODY_MODE_STREAMED);
    request_headers(false);
    kit_body(c, LANE_REQUEST, "abc", true);
    response_headers(false);
    kit_body(c, LANE_RESPONSE, "abc", true);
    kit_expect_going(c);
    kit_end(c);
    begin(BODY_MODE_NONE, BODY_MODE_STREAMED);
    request_headers(true);
    response_headers(true);
    kit_expect_going(c);
    kit_end(c);
    kit_free(k);
}

/* ---- headers in close() ---------------------------------------------------------------------- */

static char seen[128];

static void look_back(struct extproc_txn *x, enum extproc_end why)
{
    struct extproc_str name = EXTPROC_S("x-a");
    struct extproc_str path = extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S(":path"));
    struct extproc_str a = extproc_header_get(x, EXTPROC_MAP_REQUEST, name);
    struct extproc_str status = extproc_header_get(x, EXTPROC_MAP_RESPONSE, EXTPROC_S(":status"));
    snprintf(seen, sizeof seen, "%.*s %.*s %.*s %d %d", EXTPROC_ARG(path), EXTPROC_ARG(a),
             EXTPROC_ARG(status), (int)extproc_header_state(x, EXTPROC_MAP_REQUEST),
             extproc_header_set(x, EXTPROC_MAP_REQUEST, name, name));
}

static enum extproc_action edit(struct extproc_txn *x)
{
    return extproc_continue(
        extproc_header_set(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-a"), EXTPROC_S("edited")));
}

Test(inspect, close_sees_the_headers_where_a_plugin_says_so)
{
    static struct extproc_plugin logs = {
        .abi = EXTPROC_ABI, .name = "logs", .request_headers = go_on, .close = look_back};
    static const struct extproc_plugin edits = {
        .abi = EXTPROC_ABI, .name = "edits", .request_headers = edit};
    char wanted[64];
    for (int i = 0; i < 2; i++) {
        logs.needs = i ? EXTPROC_CLOSE_SEES_HEADERS : 0;
        k = kit_of((struct kit_linked[]){{"logs", &logs}, {"edits", &edits}, {0}});
        begin(BODY_MODE_STREAMED, BODY_MODE_STREAMED);
        request_headers(false);
        kit_body(c, LANE_REQUEST, "abc", true);
        response_headers(true);
        kit_end(c);
        snprintf(wanted, sizeof wanted, i ? "/ edited 200 %d %d" : "   %d %d",
                 (int)(i ? EXTPROC_MAP_STATE_GONE : EXTPROC_MAP_STATE_NONE), -EOPNOTSUPP);
        cr_expect_str_eq(seen, wanted);
        kit_free(k);
    }
}
