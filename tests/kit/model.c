/* model: how Envoy applies an answer to a message.
 *
 * Header mutations are applied by proxy_model.c. This file does what concerns more than one map:
 * which map an answer applies to, the body, content-length, metadata. An answer that Envoy would
 * refuse with a 500, or silently ignore in part, is our fault and ends the test (the rules, with
 * their sources, are sections 2 and 3 of the protocol's description).
 */
#include "base/str.h"
#include "kit/kit_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum body_mode body_mode_of(const struct kit_call *c, enum lane lane)
{
    return lane == LANE_REQUEST ? c->how.request : c->how.response;
}

static struct extproc_str view(ProtobufCBinaryData data)
{
    return (struct extproc_str){data.data ? (const char *)data.data : "", data.len};
}

static struct extproc_str kept(struct kit_call *c, struct extproc_str s)
{
    struct extproc_str copy = arena_copy(&c->arena, s);
    if (s.ptr)
        kit_need((char *)(uintptr_t)copy.ptr);
    return copy;
}

/* ---- the message ----------------------------------------------------------------------------- */

void kit_model_message(struct kit_call *c, const struct kit_message *m)
{
    struct kit_side *side = &c->sides[phase_lane(m->phase)];
    enum part part = phase_part(m->phase);
    if (!m->has_phase || part == PART_BODY)
        return;
    struct extproc_header *headers;
    struct extproc_str text = arena_format(&c->arena, "%s", m->headers);
    size_t n = kit_parse_headers(text.ptr, &c->arena, &headers);
    proxy_init(part == PART_HEADERS ? &side->headers : &side->trailers, &c->arena, headers, n);
    /* Where a body may change on its way, Envoy takes the length out. */
    if (part == PART_HEADERS && body_mode_of(c, phase_lane(m->phase)) == BODY_MODE_STREAMED)
        proxy_remove(&side->headers, EXTPROC_S("content-length"));
}

static void add_body(struct kit_call *c, struct kit_side *side, struct extproc_str bytes)
{
    side->n_body += bytes.len;
    if (c->how.forget_bodies)
        return;
    if (side->body_len + bytes.len > side->body_cap) {
        side->body_cap = 2 * (side->body_len + bytes.len);
        side->body = kit_need(realloc(side->body, side->body_cap));
    }
    if (bytes.len > 0)
        memcpy(side->body + side->body_len, bytes.ptr, bytes.len);
    side->body_len += bytes.len;
}

void kit_model_pass(struct kit_call *c, const struct kit_message *m)
{
    if (m->has_phase && phase_part(m->phase) == PART_BODY)
        add_body(c, &c->sides[phase_lane(m->phase)], m->body);
}

/* ---- header mutations ------------------------------------------------------------------------ */

/* Envoy looks at `append` only, gRPC at `append_action` only: both must say the same. */
static void check_option(struct kit_call *c, const PbHeaderValueOption *option)
{
    bool append = option->append && option->append->value;
    int action = append ? PB_APPEND_ACTION(APPEND_IF_EXISTS_OR_ADD)
                        : PB_APPEND_ACTION(OVERWRITE_IF_EXISTS_OR_ADD);
    if (!option->header || !option->header->key[0])
        kit_fail(c, "a header without a name is set");
    if (option->header->value[0])
        kit_fail(c, "header %s is set by `value`, which proxies ignore", option->header->key);
    if (!option->append || (int)option->append_action != action)
        kit_fail(c, "header %s: `append` and `append_action` do not agree", option->header->key);
}

static void apply_mutation(struct kit_call *c, struct proxy_map *map,
                           const PbHeaderMutation *mutation)
{
    for (size_t i = 0; i < mutation->n_remove_headers; i++)
        proxy_remove(map, extproc_str_of(mutation->remove_headers[i]));
    for (size_t i = 0; i < mutation->n_set_headers; i++) {
        const PbHeaderValueOption *option = mutation->set_headers[i];
        check_option(c, option);
        struct extproc_str name = kept(c, extproc_str_of(option->header->key));
        struct extproc_str value = kept(c, view(option->header->raw_value));
        if (option->append->value)
            proxy_add(map, name, value);
        else
            proxy_set(map, name, value);
    }
}

/* ---- answers --------------------------------------------------------------------------------- */

/* NULL: the body stays as it was. */
static const struct extproc_str *new_body(struct kit_call *c, const PbBodyMutation *mutation,
                                          struct extproc_str *ret)
{
    if (!mutation)
        return NULL;
    switch (mutation->mutation_case) {
    case PB_CASE_MUTATION(BODY):
        *ret = view(mutation->body);
        return ret;
    case PB_CASE_MUTATION(CLEAR_BODY):
        *ret = EXTPROC_S("");
        return mutation->clear_body ? ret : NULL;
    default:
        kit_fail(c, "a body mutation of case %d", (int)mutation->mutation_case);
    }
}

/* RFC 9112, 6.3. Envoy lets such bytes out, and the client takes them for the next response. */
static void check_framing(struct kit_call *c, const struct kit_side *side, struct extproc_str body)
{
    struct extproc_str method = proxy_get(&c->sides[LANE_REQUEST].headers, EXTPROC_S(":method"), 0);
    struct extproc_str status = proxy_get(&side->headers, EXTPROC_S(":status"), 0);
    bool bodiless = str_eq_c(method, "HEAD") || extproc_has_prefix(status, EXTPROC_S("1")) ||
                    str_eq_c(status, "204") || str_eq_c(status, "304");
    if (side == &c->sides[LANE_RESPONSE] && bodiless && body.len > 0)
        kit_fail(c, "%zu bytes in a response that has no body (status %.*s)", body.len,
                 EXTPROC_ARG(status));
}

static void answer_headers(struct kit_call *c, struct kit_side *side, enum body_mode mode,
                           const PbCommonResponse *common)
{
    struct extproc_str body;
    if (common->header_mutation)
        apply_mutation(c, &side->headers, common->header_mutation);
    if (mode == BODY_MODE_STREAMED)
        proxy_remove(&side->headers, EXTPROC_S("content-length"));
    if (common->status == PB_CONTINUE_AND_REPLACE) {
        side->deaf = true;
        if (new_body(c, common->body_mutation, &body)) {
            proxy_remove(&side->headers, EXTPROC_S("content-length"));
            check_framing(c, side, body);
            add_body(c, side, body);
        }
    } else if (common->body_mutation) {
        kit_fail(c, "a body in a headers answer without CONTINUE_AND_REPLACE is ignored");
    }
}

/* processor_state.cc: a new body that does not fit content-length is a 500. */
static void check_length(struct kit_call *c, const struct kit_side *side, size_t body_len)
{
    char want[24];
    snprintf(want, sizeof want, "%zu", body_len);
    struct extproc_str length = proxy_get(&side->headers, EXTPROC_S("content-length"), 0);
    if (length.ptr && !str_eq_c(length, want))
        kit_fail(c, "content-length is %.*s and the new body has %s bytes", EXTPROC_ARG(length),
                 want);
}

static void answer_body(struct kit_call *c, struct kit_side *side, enum body_mode mode,
                        const struct kit_message *m, const PbCommonResponse *common)
{
    bool fast = mode == BODY_MODE_STREAMED && side->n_body == 0 && m->end;
    struct extproc_str changed;
    const struct extproc_str *body = new_body(c, common->body_mutation, &changed);
    if (common->header_mutation && mode != BODY_MODE_BUFFERED && !fast)
        kit_fail(c, "a header mutation in the answer to a chunk is ignored");
    if (common->header_mutation)
        apply_mutation(c, &side->headers, common->header_mutation);
    if (body && mode == BODY_MODE_BUFFERED)
        check_length(c, side, body->len);
    if (body)
        check_framing(c, side, *body);
    add_body(c, side, body ? *body : m->body);
}

static void answer_message(struct kit_call *c, const struct kit_message *m,
                           const PbResponse *answer)
{
    static const PbCommonResponse nothing;
    enum lane lane = phase_lane(m->phase);
    struct kit_side *side = &c->sides[lane];
    const PbCommonResponse *common;
    switch (phase_part(m->phase)) { /* members of the oneof are pointers in one union */
    case PART_HEADERS:
        side->passed = body_mode_of(c, lane) != BODY_MODE_BUFFERED || m->end;
        common = answer->request_headers->response;
        answer_headers(c, side, body_mode_of(c, lane), common ? common : &nothing);
        break;
    case PART_BODY:
        side->passed = true;
        common = answer->request_body->response;
        answer_body(c, side, body_mode_of(c, lane), m, common ? common : &nothing);
        break;
    case PART_TRAILERS:
        if (answer->request_trailers->header_mutation)
            apply_mutation(c, &side->trailers, answer->request_trailers->header_mutation);
        break;
    case N_PARTS:
        break;
    }
}

/* ---- metadata -------------------------------------------------------------------------------- */

static struct extproc_str value_text(struct kit_call *c, const PbValue *v);

static struct extproc_str list_text(struct kit_call *c, const Google__Protobuf__ListValue *list)
{
    struct extproc_str text = EXTPROC_S("");
    for (size_t i = 0; i < list->n_values; i++)
        text = arena_format(&c->arena, "%.*s%s%.*s", EXTPROC_ARG(text), i ? "," : "",
                            EXTPROC_ARG(value_text(c, list->values[i])));
    return arena_format(&c->arena, "[%.*s]", EXTPROC_ARG(text));
}

static struct extproc_str dict_text(struct kit_call *c, const PbStruct *dict)
{
    struct extproc_str text = EXTPROC_S("");
    for (size_t i = 0; i < dict->n_fields; i++)
        text =
            arena_format(&c->arena, "%.*s%s%s:%.*s", EXTPROC_ARG(text), i ? "," : "",
                         dict->fields[i]->key, EXTPROC_ARG(value_text(c, dict->fields[i]->value)));
    return arena_format(&c->arena, "{%.*s}", EXTPROC_ARG(text));
}

static struct extproc_str value_text(struct kit_call *c, const PbValue *v)
{
    switch (v->kind_case) {
    case GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE:
        return EXTPROC_S("null");
    case GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE:
        return arena_format(&c->arena, "%.17g", v->number_value);
    case GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE:
        return kept(c, extproc_str_of(v->string_value));
    case GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE:
        return extproc_str_of(v->bool_value ? "true" : "false");
    case GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE:
        return dict_text(c, v->struct_value);
    case GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE:
        return list_text(c, v->list_value);
    default:
        kit_fail(c, "a value without a kind");
    }
}

/* Merged as Envoy merges it: key by key, each value replaced completely. */
static void take_metadata(struct kit_call *c, const PbStruct *metadata)
{
    for (size_t i = 0; i < metadata->n_fields; i++) {
        const PbFieldsEntry *ns = metadata->fields[i];
        if (!ns->value || ns->value->kind_case != GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE)
            kit_fail(c, "metadata of namespace %s is no Struct", ns->key);
        const PbStruct *dict = ns->value->struct_value;
        for (size_t j = 0; j < dict->n_fields; j++) {
            struct extproc_value text = {.kind = EXTPROC_KIND_STRING};
            text.as.string = value_text(c, dict->fields[j]->value);
            if (metadata_set(&c->metadata, &c->arena, extproc_str_of(ns->key),
                             extproc_str_of(dict->fields[j]->key), text) < 0)
                kit_fail(c, "metadata %s: %s is not legal", ns->key, dict->fields[j]->key);
        }
    }
}

void kit_model_answer(struct kit_call *c, const struct kit_message *m, const PbResponse *answer)
{
    if (answer->dynamic_metadata)
        take_metadata(c, answer->dynamic_metadata);
    if (!c->immediate)
        answer_message(c, m, answer);
    else if (c->sides[LANE_RESPONSE].passed)
        kit_fail(c, "an immediate response, although the response's headers have gone on");
}
