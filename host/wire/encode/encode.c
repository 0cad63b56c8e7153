/* encode: a verdict -> a ProcessingResponse's bytes, packed by protobuf-c, except for the two
 * commonest forms.
 *
 * The messages are built in the arena and borrow the verdict's bytes. Every header value is sent in
 * raw_value, the only field that Envoy reads, and with both `append`, which Envoy's ext_proc reads,
 * and `append_action`, which others read: their zeros mean different things.
 *
 * The commonest answer is that nothing was changed in a phase: two constant bytes. The second
 * commonest are edits of headers (encode_edits).
 */
#include "wire/encode/encode.h"

#include "base/rows.h"
#include "base/str.h"
#include "envoy/service/ext_proc/v3/external_processor.pb-c.h"
#include "wire/encode/encode_private.h"

#include <errno.h>
#include <string.h>

typedef Envoy__Service__ExtProc__V3__ProcessingResponse Response;
typedef Envoy__Service__ExtProc__V3__HeadersResponse HeadersResponse;
typedef Envoy__Service__ExtProc__V3__BodyResponse BodyResponse;
typedef Envoy__Service__ExtProc__V3__TrailersResponse TrailersResponse;
typedef Envoy__Service__ExtProc__V3__CommonResponse CommonResponse;
typedef Envoy__Service__ExtProc__V3__HeaderMutation HeaderMutation;
typedef Envoy__Service__ExtProc__V3__BodyMutation BodyMutation;
typedef Envoy__Service__ExtProc__V3__ImmediateResponse ImmediateResponse;
typedef Envoy__Service__ExtProc__V3__GrpcStatus GrpcStatus;
typedef Envoy__Type__V3__HttpStatus HttpStatus;
typedef Envoy__Config__Core__V3__HeaderValueOption Option;
typedef Envoy__Config__Core__V3__HeaderValue HeaderValue;
typedef Google__Protobuf__BoolValue BoolValue;

#define ACTION(name) ENVOY__CONFIG__CORE__V3__HEADER_VALUE_OPTION__HEADER_APPEND_ACTION__##name
#define APPEND       ACTION(APPEND_IF_EXISTS_OR_ADD)
#define OVERWRITE    ACTION(OVERWRITE_IF_EXISTS_OR_ADD)

enum { RESPONSE_DYNAMIC_METADATA = 8, IMMEDIATE_DETAILS = 5 };

/* protobuf-c packs from pointers to what is not const, and changes nothing there. */
static ProtobufCBinaryData binary(struct extproc_str s)
{
    return (ProtobufCBinaryData){s.len, (uint8_t *)(uintptr_t)s.ptr};
}

/* Appends a NUL, which protobuf-c requires; a header's name contains none. */
static char *terminated(struct extproc_str s, struct arena *arena)
{
    char *copy = arena_alloc(arena, s.len + 1);
    if (copy) {
        memcpy(copy, s.ptr, s.len);
        copy[s.len] = '\0';
    }
    return copy;
}

/* ---- header mutations ------------------------------------------------------------------------ */

/* One value that is set or appended. */
struct set {
    Option option;
    HeaderValue header;
};

/* A HeaderMutation with room for its entries, filled from the front. */
struct mutation {
    HeaderMutation message;
    struct set *sets;
    BoolValue append[2]; /* false and true, which all options share */
};

static int mutation_new(struct arena *arena, size_t n_sets, size_t n_removes, struct mutation **ret)
{
    struct mutation *m = arena_alloc(arena, sizeof *m);
    if (!m)
        return -ENOMEM;
    envoy__service__ext_proc__v3__header_mutation__init(&m->message);
    for (int i = 0; i < 2; i++) {
        google__protobuf__bool_value__init(&m->append[i]);
        m->append[i].value = i;
    }
    m->sets = arena_array(arena, n_sets, sizeof *m->sets);
    m->message.set_headers = arena_array(arena, n_sets, sizeof *m->message.set_headers);
    m->message.remove_headers = arena_array(arena, n_removes, sizeof *m->message.remove_headers);
    if (!m->sets || !m->message.set_headers || !m->message.remove_headers)
        return -ENOMEM;
    *ret = m;
    return 0;
}

static void mutation_set(struct mutation *m, char *name, struct extproc_str value, bool append)
{
    size_t i = m->message.n_set_headers++;
    struct set *set = &m->sets[i];
    envoy__config__core__v3__header_value__init(&set->header);
    set->header.key = name;
    set->header.raw_value = binary(value);
    envoy__config__core__v3__header_value_option__init(&set->option);
    set->option.header = &set->header;
    set->option.append = &m->append[append];
    set->option.append_action = append ? APPEND : OVERWRITE;
    m->message.set_headers[i] = &set->option;
}

static int mutation_cell(struct mutation *m, const struct cell *cell, struct arena *arena)
{
    char *name = terminated(cell->name, arena);
    if (!name)
        return -ENOMEM;
    bool append = false;
    switch (cell->state) {
    case CELL_REMOVED:
        m->message.remove_headers[m->message.n_remove_headers++] = name;
        return 0;
    case CELL_APPENDED:
        append = true;
        break;
    case CELL_SET:
        break;
    }
    for (const struct cell_value *v = cell->first; v; v = v->next, append = true)
        mutation_set(m, name, v->value, append);
    return 0;
}

static int encode_cells(const struct headers *headers, struct arena *arena, HeaderMutation **ret)
{
    size_t n_cells = headers ? headers->n_cells : 0, n_sets = 0;
    for (size_t i = 0; i < n_cells; i++) {
        for (const struct cell_value *v = headers->cells[i].first; v; v = v->next)
            n_sets++;
    }
    struct mutation *m;
    int r = mutation_new(arena, n_sets, n_cells, &m);
    for (size_t i = 0; r == 0 && i < n_cells; i++)
        r = mutation_cell(m, &headers->cells[i], arena);
    if (r == 0)
        *ret = &m->message;
    return r;
}

/* ---- going on -------------------------------------------------------------------------------- */

static bool has_cells(const struct verdict *v)
{
    return v->headers && v->headers->n_cells > 0;
}

static bool has_body(const struct verdict *v)
{
    return v->body && v->body->changed;
}

static bool has_metadata(const struct verdict *v)
{
    return v->metadata && v->metadata->first;
}

static int encode_body(const struct body *body, struct arena *arena, BodyMutation **ret)
{
    BodyMutation *m = arena_alloc(arena, sizeof *m);
    if (!m)
        return -ENOMEM;
    envoy__service__ext_proc__v3__body_mutation__init(m);
    if (body->len) {
        m->mutation_case = ENVOY__SERVICE__EXT_PROC__V3__BODY_MUTATION__MUTATION_BODY;
        m->body = binary(body->bytes);
    } else {
        m->mutation_case = ENVOY__SERVICE__EXT_PROC__V3__BODY_MUTATION__MUTATION_CLEAR_BODY;
        m->clear_body = true;
    }
    *ret = m;
    return 0;
}

/* *ret stays NULL where nothing is changed. */
static int encode_common(const struct verdict *v, struct arena *arena, CommonResponse **ret)
{
    bool replace = v->kind == VERDICT_REPLACE;
    if (!replace && !has_cells(v) && !has_body(v) && !v->clear_route)
        return 0;
    CommonResponse *c = arena_alloc(arena, sizeof *c);
    if (!c)
        return -ENOMEM;
    envoy__service__ext_proc__v3__common_response__init(c);
    if (replace)
        c->status =
            ENVOY__SERVICE__EXT_PROC__V3__COMMON_RESPONSE__RESPONSE_STATUS__CONTINUE_AND_REPLACE;
    c->clear_route_cache = v->clear_route;

    int r = 0;
    if (has_cells(v) || v->clear_route) /* which counts only beside a mutation, be it empty */
        r = encode_cells(v->headers, arena, &c->header_mutation);
    if (r == 0 && has_body(v))
        r = encode_body(v->body, arena, &c->body_mutation);
    if (r == 0)
        *ret = c;
    return r;
}

static int encode_headers_phase(const struct verdict *v, struct arena *arena, Response *ret)
{
    HeadersResponse *response = arena_alloc(arena, sizeof *response);
    if (!response)
        return -ENOMEM;
    envoy__service__ext_proc__v3__headers_response__init(response);
    ret->request_headers = response; /* all members of the oneof lie in one place */
    return encode_common(v, arena, &response->response);
}

static int encode_body_phase(const struct verdict *v, struct arena *arena, Response *ret)
{
    BodyResponse *response = arena_alloc(arena, sizeof *response);
    if (!response)
        return -ENOMEM;
    envoy__service__ext_proc__v3__body_response__init(response);
    ret->request_body = response;
    return encode_common(v, arena, &response->response);
}

static int encode_trailers_phase(const struct verdict *v, struct arena *arena, Response *ret)
{
    TrailersResponse *response = arena_alloc(arena, sizeof *response);
    if (!response)
        return -ENOMEM;
    envoy__service__ext_proc__v3__trailers_response__init(response);
    ret->request_trailers = response;
    return has_cells(v) ? encode_cells(v->headers, arena, &response->header_mutation) : 0;
}

/* The oneof's numbers: headers, body, trailers, each the request's, then the response's. */
static unsigned answer_number(enum phase phase)
{
    return (unsigned)phase_part(phase) * N_LANES + (unsigned)phase_lane(phase) + 1;
}

static int encode_phase(const struct verdict *v, struct arena *arena, Response *ret)
{
    static int (*const encode_part[N_PARTS])(const struct verdict *, struct arena *, Response *) = {
        [PART_HEADERS] = encode_headers_phase,
        [PART_BODY] = encode_body_phase,
        [PART_TRAILERS] = encode_trailers_phase};
    ROWS(encode_part, N_PARTS, 3);
    ret->response_case =
        (Envoy__Service__ExtProc__V3__ProcessingResponse__ResponseCase)answer_number(v->phase);
    return encode_part[phase_part(v->phase)](v, arena, ret);
}

/* ---- immediate responses --------------------------------------------------------------------- */

/* The first of a name replaces what the proxy would send by itself (its content-type), further
 * ones are more of it (set-cookie). */
static int encode_answer_headers(const struct answer *a, struct arena *arena, HeaderMutation **ret)
{
    struct mutation *m;
    int r = mutation_new(arena, a->n_headers, 0, &m);
    for (size_t i = 0; r == 0 && i < a->n_headers; i++) {
        bool again = false;
        for (size_t j = 0; j < i && !again; j++)
            again = extproc_eq_nocase(a->headers[j].name, a->headers[i].name);
        char *name = terminated(a->headers[i].name, arena);
        if (!name)
            return -ENOMEM;
        mutation_set(m, name, a->headers[i].value, again);
    }
    if (r == 0)
        *ret = &m->message;
    return r;
}

static int encode_grpc_status(int status, struct arena *arena, GrpcStatus **ret)
{
    GrpcStatus *g = arena_alloc(arena, sizeof *g);
    if (!g)
        return -ENOMEM;
    envoy__service__ext_proc__v3__grpc_status__init(g);
    g->status = (uint32_t)status;
    *ret = g;
    return 0;
}

static int encode_answer(const struct answer *a, struct arena *arena, Response *ret)
{
    ImmediateResponse *response = arena_alloc(arena, sizeof *response);
    HttpStatus *status = arena_alloc(arena, sizeof *status);
    if (!response || !status)
        return -ENOMEM;
    envoy__service__ext_proc__v3__immediate_response__init(response);
    envoy__type__v3__http_status__init(status);
    status->code = (Envoy__Type__V3__StatusCode)a->status;
    response->status = status;
    response->body = binary(a->body);
    ret->response_case =
        ENVOY__SERVICE__EXT_PROC__V3__PROCESSING_RESPONSE__RESPONSE_IMMEDIATE_RESPONSE;
    ret->immediate_response = response;

    int r = a->n_headers ? encode_answer_headers(a, arena, &response->headers) : 0;
    if (r == 0 && a->grpc_status != EXTPROC_NO_GRPC)
        r = encode_grpc_status(a->grpc_status, arena, &response->grpc_status);
    if (r == 0 && a->details.len)
        r = encode_string(&response->base, IMMEDIATE_DETAILS, a->details, arena);
    return r;
}

/* ---- the complete message -------------------------------------------------------------------- */

/* The answer "go on, nothing changed" of each phase: a tag and the length of nothing. */
static void encode_untouched(enum phase phase, struct encoded *ret)
{
    static const uint8_t answers[N_PHASES][2] = {{1 << 3 | 2, 0}, {2 << 3 | 2, 0}, {3 << 3 | 2, 0},
                                                 {4 << 3 | 2, 0}, {5 << 3 | 2, 0}, {6 << 3 | 2, 0}};
    ROWS(answers, N_PHASES, 6);
    *ret = (struct encoded){.len = 2, .bytes = answers[answer_number(phase) - 1]};
}

int encode_message(const struct verdict *v, struct arena *arena, struct encoded *ret)
{
    Response *response = arena_alloc(arena, sizeof *response);
    if (!response)
        return -ENOMEM;
    envoy__service__ext_proc__v3__processing_response__init(response);
    int r = v->kind == VERDICT_RESPOND ? encode_answer(v->answer, arena, response)
                                       : encode_phase(v, arena, response);
    if (r == 0 && has_metadata(v))
        r = encode_metadata(&response->base, RESPONSE_DYNAMIC_METADATA, v->metadata, arena);
    if (r == 0)
        *ret = (struct encoded){.len = protobuf_c_message_get_packed_size(&response->base),
                                .message = response};
    return r;
}

int encode_verdict(const struct verdict *v, struct arena *arena, struct encoded *ret)
{
    switch (v->kind) {
    case VERDICT_CLOSE:
        return -EINVAL;
    case VERDICT_CONTINUE:
        if (encode_edits_only(v))
            return encode_edits(v, answer_number(v->phase), arena, ret);
        if (has_cells(v) || has_body(v) || v->clear_route || has_metadata(v))
            break;
        encode_untouched(v->phase, ret);
        return 0;
    case VERDICT_REPLACE:
    case VERDICT_RESPOND:
        break;
    }
    return encode_message(v, arena, ret);
}

void encode_pack(const struct encoded *e, uint8_t *out)
{
    if (e->message)
        protobuf_c_message_pack(e->message, out);
    else
        memcpy(out, e->bytes, e->len);
}
