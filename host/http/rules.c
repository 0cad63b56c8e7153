/* rules: Envoy's own checks, made before an edit reaches it.
 *
 * Envoy lets some edits fall under the table, and answers others with a 500; both are found here,
 * where their author can be told. Names are judged by what Envoy's default mutation_rules say
 * (mutation_rules.cc), and by who owns the framing of a message: content-length is the host's,
 * transfer-encoding and the headers of one connection (RFC 9110, 7.6.1) are the proxy's.
 *
 * Limits are judged by the sum after the edit. A map that is above one already, since its proxy has
 * larger ones, may still be edited in ways that make it no worse.
 */
#include "http/rules.h"

#include "base/str.h"

#include <errno.h>
#include <string.h>

/* ---- what is allowed where --------------------------------------------------------------------- */

enum {
    HEADERS_HELD = MAY_EDIT_HEADERS | MAY_RESPOND,
    REQUEST_HELD = HEADERS_HELD | MAY_CLEAR_ROUTE
};

#define EVERY_MODE(x)                                                                              \
    {                                                                                              \
        x, x, x, x, x, x, x                                                                        \
    }

/* The headers rows: a proxy that sends bodies without waiting would lose what is on its way when
 * the body is replaced; gRPC takes neither replacement nor clear_route_cache.
 * The body rows: of a part of a body nobody knows what follows, so it is not rewritten; response
 * headers that have gone cannot be taken back. */
static const unsigned char allowed[N_PHASES][N_BODY_MODES + 1] = {
    [PHASE_REQUEST_HEADERS] =
        {
            [BODY_MODE_NONE] = REQUEST_HELD | MAY_REPLACE_BODY,
            [BODY_MODE_STREAMED] = REQUEST_HELD | MAY_REPLACE_BODY,
            [BODY_MODE_BUFFERED] = REQUEST_HELD | MAY_REPLACE_BODY,
            [BODY_MODE_BUFFERED_PARTIAL] = REQUEST_HELD | MAY_REPLACE_BODY,
            [BODY_MODE_FULL_DUPLEX_STREAMED] = REQUEST_HELD,
            [BODY_MODE_GRPC] = HEADERS_HELD,
            [BODY_MODE_UNKNOWN] = REQUEST_HELD | MAY_REPLACE_BODY,
        },
    [PHASE_REQUEST_BODY] =
        {
            [BODY_MODE_STREAMED] = MAY_SET_BODY | MAY_RESPOND,
            [BODY_MODE_BUFFERED] = REQUEST_HELD | MAY_SET_BODY,
            [BODY_MODE_BUFFERED_PARTIAL] = HEADERS_HELD,
            [BODY_MODE_FULL_DUPLEX_STREAMED] = MAY_SET_BODY | MAY_RESPOND,
            [BODY_MODE_GRPC] = MAY_SET_BODY | MAY_RESPOND,
            [BODY_MODE_UNKNOWN] = MAY_SET_BODY | MAY_RESPOND,
        },
    [PHASE_REQUEST_TRAILERS] = EVERY_MODE(MAY_EDIT_TRAILERS | MAY_RESPOND),
    [PHASE_RESPONSE_HEADERS] =
        {
            [BODY_MODE_NONE] = HEADERS_HELD | MAY_REPLACE_BODY,
            [BODY_MODE_STREAMED] = HEADERS_HELD | MAY_REPLACE_BODY,
            [BODY_MODE_BUFFERED] = HEADERS_HELD | MAY_REPLACE_BODY,
            [BODY_MODE_BUFFERED_PARTIAL] = HEADERS_HELD | MAY_REPLACE_BODY,
            [BODY_MODE_FULL_DUPLEX_STREAMED] = HEADERS_HELD,
            [BODY_MODE_GRPC] = HEADERS_HELD,
            [BODY_MODE_UNKNOWN] = HEADERS_HELD | MAY_REPLACE_BODY,
        },
    [PHASE_RESPONSE_BODY] =
        {
            [BODY_MODE_STREAMED] = MAY_SET_BODY,
            [BODY_MODE_BUFFERED] = HEADERS_HELD | MAY_SET_BODY,
            [BODY_MODE_BUFFERED_PARTIAL] = HEADERS_HELD,
            [BODY_MODE_FULL_DUPLEX_STREAMED] = MAY_SET_BODY,
            [BODY_MODE_GRPC] = MAY_SET_BODY,
            [BODY_MODE_UNKNOWN] = MAY_SET_BODY,
        },
    [PHASE_RESPONSE_TRAILERS] = EVERY_MODE(MAY_EDIT_TRAILERS),
};

unsigned rules_allow(enum phase phase, enum body_mode mode)
{
    return allowed[phase][mode];
}

/* ---- names and values ---------------------------------------------------------------------------- */

static bool in_list(struct extproc_str name, const struct extproc_str *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i].len == name.len && str_eq_nocase(list[i], name))
            return true;
    }
    return false;
}

#define IN_LIST(name, list) in_list(name, list, sizeof(list) / sizeof *(list))

static bool is_token_char(char c)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    char lower = ascii_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
           memchr(marks, c, sizeof marks - 1);
}

static bool is_token(struct extproc_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_token_char(s.ptr[i]))
            return false;
    }
    return s.len > 0;
}

static bool is_pseudo(struct extproc_str name)
{
    return name.len > 0 && name.ptr[0] == ':';
}

bool rules_name_valid(struct extproc_str name)
{
    if (is_pseudo(name))
        name = (struct extproc_str){name.ptr + 1, name.len - 1};
    return is_token(name);
}

bool rules_value_valid(struct extproc_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return value.ptr != NULL;
}

/* ---- who may edit what ----------------------------------------------------------------------------- */

/* Routing and framing. */
static const struct extproc_str untouchable[] = {
    EXTPROC_STR("host"),
    EXTPROC_STR("content-length"),
    EXTPROC_STR("transfer-encoding"),
};

/* Of the connection, not of the message: one that slipped through may be removed. */
static const struct extproc_str only_removed[] = {
    EXTPROC_STR("connection"),
    EXTPROC_STR("keep-alive"),
    EXTPROC_STR("proxy-connection"),
    EXTPROC_STR("upgrade"),
};

static bool is_envoys(struct extproc_str name)
{
    static const struct extproc_str prefix = EXTPROC_STR("x-envoy-");
    return name.len >= prefix.len &&
           str_eq_nocase((struct extproc_str){name.ptr, prefix.len}, prefix);
}

static int check_ordinary(enum extproc_edit op, struct extproc_str name)
{
    bool refused = IN_LIST(name, untouchable) || is_envoys(name) ||
                   (op != EXTPROC_EDIT_REMOVE && IN_LIST(name, only_removed));
    return refused ? -EPERM : 0;
}

static bool is_path(struct extproc_str value)
{
    return extproc_eq(value, EXTPROC_S("*")) ||
           (str_has_prefix(value, "/") && !memchr(value.ptr, ' ', value.len) &&
            !memchr(value.ptr, '\t', value.len));
}

static bool is_final_status(struct extproc_str value)
{
    if (value.len != 3 || value.ptr[0] < '2' || value.ptr[0] > '5')
        return false;
    return value.ptr[1] >= '0' && value.ptr[1] <= '9' && value.ptr[2] >= '0' && value.ptr[2] <= '9';
}

/* What each kind of message must have, it may have another value of; nothing else with a colon is
 * HTTP (RFC 9113, 8.3), and trailers have none. */
static int check_pseudo(const struct rules_context *context, enum extproc_edit op,
                        struct extproc_str name)
{
    bool request = !context->response;
    bool may = (!request && str_eq_nocase(name, EXTPROC_S(":status"))) ||
               (request && str_eq_nocase(name, EXTPROC_S(":path"))) ||
               (request && context->replacing && str_eq_nocase(name, EXTPROC_S(":method")));
    return may && !context->trailers && op != EXTPROC_EDIT_REMOVE ? 0 : -EPERM;
}

/* Of a pseudo header that may be edited. */
static bool is_pseudo_value(struct extproc_str name, struct extproc_str value)
{
    if (str_eq_nocase(name, EXTPROC_S(":status")))
        return is_final_status(value);
    return str_eq_nocase(name, EXTPROC_S(":path")) ? is_path(value) : is_token(value);
}

static int check_status(const struct headers *h, const struct rules_context *context,
                        struct extproc_str value)
{
    unsigned from = framing_status(headers_get(h, EXTPROC_S(":status"), 0));
    struct extproc_str length = headers_get(h, EXTPROC_S("content-length"), 0);
    bool announced = length.len > 0 && !extproc_eq(length, EXTPROC_S("0"));
    bool may = framing_may_change(&context->request, from, framing_status(value),
                                  context->body_follows, announced);
    return may ? 0 : -EPROTO;
}

/* What has to do with the map as it is. */
static int check_pseudo_edit(const struct headers *h, const struct rules_context *context,
                             enum extproc_edit op, struct extproc_str name,
                             struct extproc_str value)
{
    if (op == EXTPROC_EDIT_APPEND && headers_get(h, name, 0).ptr)
        return -EPERM;
    if (!is_pseudo_value(name, value))
        return -EINVAL;
    return context->response ? check_status(h, context, value) : 0;
}

/* ---- limits ------------------------------------------------------------------------------------------ */

static void sum_append(const struct headers *h, struct extproc_str name, struct extproc_str value,
                       struct headers_sum *sum)
{
    const struct cell *cell = headers_cell(h, name);
    sum->n_removes -= cell && cell->state == CELL_REMOVED;
    sum->n_sets++;
    const struct extproc_header *there = headers_joined(h, name);
    if (there) {
        bool comma = there->value.len > 0 && value.len > 0;
        sum->bytes += value.len + comma;
    } else {
        sum->n_entries++;
        sum->bytes += headers_entry_bytes(name.len, value.len);
    }
}

static struct headers_sum sum_after(const struct headers *h, enum extproc_edit op,
                                    struct extproc_str name, struct extproc_str value)
{
    struct headers_sum sum;
    if (op == EXTPROC_EDIT_APPEND) {
        headers_sum(h, &sum);
        sum_append(h, name, value, &sum);
        return sum;
    }
    headers_sum_without(h, name, &sum);
    if (op == EXTPROC_EDIT_SET) {
        sum.n_sets++;
        sum.n_entries++;
        sum.bytes += headers_entry_bytes(name.len, value.len);
    } else {
        sum.n_removes++;
    }
    return sum;
}

static bool too_much(size_t before, size_t after, size_t limit)
{
    return after > limit && after > before;
}

/* owes: one more set or remove is going to follow. */
static int check_limits(const struct headers *h, bool owes, enum extproc_edit op,
                        struct extproc_str name, struct extproc_str value)
{
    if (!headers_resolve(h, op, name, &op))
        return 0;
    struct headers_sum before, after;
    headers_sum(h, &before);
    after = sum_after(h, op, name, value);
    if (owes && after.n_sets >= RULES_MAX_EDITS && after.n_removes >= RULES_MAX_EDITS)
        return -ENOSPC;
    bool refused = too_much(before.n_sets, after.n_sets, RULES_MAX_EDITS) ||
                   too_much(before.n_removes, after.n_removes, RULES_MAX_EDITS) ||
                   too_much(before.n_entries, after.n_entries, RULES_MAX_ENTRIES) ||
                   too_much(before.bytes, after.bytes, RULES_MAX_BYTES);
    return refused ? -ENOSPC : 0;
}

/* ---- the questions --------------------------------------------------------------------------- */

int rules_could_edit(const struct rules_context *context, enum extproc_edit op,
                     struct extproc_str name, struct extproc_str value)
{
    bool known = (unsigned)op <= EXTPROC_EDIT_REMOVE,
         has_value = op != EXTPROC_EDIT_REMOVE && value.ptr;
    if (!known || !rules_name_valid(name) || (has_value && !rules_value_valid(value)))
        return -EINVAL;
    return is_pseudo(name) ? check_pseudo(context, op, name) : check_ordinary(op, name);
}

int rules_edit(const struct headers *h, const struct rules_context *context, enum extproc_edit op,
               struct extproc_str name, struct extproc_str value)
{
    if (op != EXTPROC_EDIT_REMOVE && !value.ptr)
        return -EINVAL;
    int r = rules_could_edit(context, op, name, value);
    if (r == 0 && is_pseudo(name))
        r = check_pseudo_edit(h, context, op, name, value);
    return r < 0 ? r : check_limits(h, context->owes_length, op, name, value);
}

bool rules_host_edit(const struct headers *h, bool owes_length, struct extproc_str name,
                     struct extproc_str value, enum extproc_edit *ret_op)
{
    *ret_op = EXTPROC_EDIT_SET;
    if (value.ptr && check_limits(h, owes_length, EXTPROC_EDIT_SET, name, value) == 0)
        return true;
    *ret_op = EXTPROC_EDIT_REMOVE;
    return !is_pseudo(name) && check_limits(h, owes_length, EXTPROC_EDIT_REMOVE, name, value) == 0;
}

int rules_answer_header(struct extproc_str name, struct extproc_str value)
{
    if (!rules_name_valid(name) || (value.ptr && !rules_value_valid(value)))
        return -EINVAL;
    return is_pseudo(name) ? -EPERM : check_ordinary(EXTPROC_EDIT_APPEND, name);
}
