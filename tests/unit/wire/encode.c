/* Verdicts encoded, read back by protobuf-c, and shown as text by its own descriptors. */
#include "wire/encode/encode.h"

#include "base/str.h"
#include "kit/edit.h"

#include <protobuf-c/protobuf-c.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

extern const ProtobufCMessageDescriptor
    envoy__service__ext_proc__v3__processing_response__descriptor;

static struct arena arena;
static struct headers headers;
static char *shown;

static void setup(void)
{
    arena_init(&arena, 0);
    headers_init(&headers, NULL, 0);
}
static void teardown(void)
{
    free(shown);
    arena_fini(&arena);
}

TestSuite(encode, .init = setup, .fini = teardown);

static void edit(enum extproc_edit op, const char *name, const char *value)
{
    cr_assert_eq(edit_map(&headers, &arena, op, extproc_str_of(name), extproc_str_of(value)), 0);
}

/* ---- a message as text ----------------------------------------------------------------------- */

static void show_message(FILE *out, const ProtobufCMessage *m);

static void show_field(FILE *out, const ProtobufCFieldDescriptor *f, const char *at)
{
    const ProtobufCBinaryData *bytes = (const void *)at;
    double real;
    fprintf(out, " %s", f->name);
    switch (f->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        fputc('{', out);
        show_message(out, *(ProtobufCMessage *const *)at);
        fputs(" }", out);
        break;
    case PROTOBUF_C_TYPE_STRING:
        fprintf(out, ":%s", *(char *const *)at);
        break;
    case PROTOBUF_C_TYPE_BYTES:
        fprintf(out, ":%.*s", (int)bytes->len, (const char *)bytes->data);
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        memcpy(&real, at, sizeof real);
        fprintf(out, ":%g", real);
        break;
    default: /* bool, enum and small numbers; all are ints to protobuf-c */
        fprintf(out, ":%d", *(const int *)at);
    }
}

/* proto3: without presence a field is there if it is not its type's nothing. */
static bool is_set(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, const char *at)
{
    const char *const *pointer = (const void *)at;
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(const uint32_t *)((const char *)m + f->quantifier_offset) == f->id;
    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        return *pointer != NULL;
    if (f->type == PROTOBUF_C_TYPE_STRING)
        return **pointer != '\0';
    if (f->type == PROTOBUF_C_TYPE_BYTES)
        return ((const ProtobufCBinaryData *)(const void *)at)->len > 0;
    return *(const int *)at != 0;
}

static void show_repeated(FILE *out, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    size_t n = *(const size_t *)((const char *)m + f->quantifier_offset);
    char **elements = *(char **const *)((const char *)m + f->offset);
    for (size_t i = 0; i < n; i++)
        show_field(out, f, (const char *)&elements[i]);
}

static void show_message(FILE *out, const ProtobufCMessage *m)
{
    cr_assert_eq(m->n_unknown_fields, 0, "in %s", m->descriptor->name);
    for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
        const char *at = (const char *)m + f->offset;
        if (f->label == PROTOBUF_C_LABEL_REPEATED)
            show_repeated(out, m, f);
        else if (is_set(m, f, at))
            show_field(out, f, at);
    }
}

/* A verdict's bytes as text. */
static const char *encoded(struct verdict v)
{
    struct encoded e;
    size_t len;
    cr_assert_eq(encode_verdict(&v, &arena, &e), 0);
    uint8_t *bytes = malloc(e.len); /* of exactly that size: a byte too many is seen */
    encode_pack(&e, bytes);
    ProtobufCMessage *m = protobuf_c_message_unpack(
        &envoy__service__ext_proc__v3__processing_response__descriptor, NULL, e.len, bytes);
    cr_assert_not_null(m);
    free(shown);
    FILE *out = open_memstream(&shown, &len);
    show_message(out, m);
    fclose(out);
    protobuf_c_message_free_unpacked(m, NULL);
    free(bytes);
    return shown;
}

/* ---- going on -------------------------------------------------------------------------------- */

Test(encode, nothing_changed)
{
    static const char *const answers[N_PHASES] = {
        [PHASE_REQUEST_HEADERS] = " request_headers{ }",
        [PHASE_REQUEST_BODY] = " request_body{ }",
        [PHASE_REQUEST_TRAILERS] = " request_trailers{ }",
        [PHASE_RESPONSE_HEADERS] = " response_headers{ }",
        [PHASE_RESPONSE_BODY] = " response_body{ }",
        [PHASE_RESPONSE_TRAILERS] = " response_trailers{ }",
    };
    struct body body = {.len = 3};
    for (unsigned p = 0; p < N_PHASES; p++) {
        struct verdict v = {.phase = (enum phase)p, .headers = &headers, .body = &body};
        cr_assert_str_eq(encoded(v), answers[p]);
    }
}

Test(encode, a_removed_header)
{
    edit(EXTPROC_EDIT_REMOVE, "X-A", NULL);
    edit(EXTPROC_EDIT_REMOVE, "b", NULL);
    cr_assert_str_eq(encoded((struct verdict){.phase = PHASE_REQUEST_HEADERS, .headers = &headers}),
                     " request_headers{ response{ header_mutation{ remove_headers:x-a"
                     " remove_headers:b } } }");
}

Test(encode, a_set_header_overwrites_and_its_further_values_are_appended)
{
    edit(EXTPROC_EDIT_SET, "a", "1");
    edit(EXTPROC_EDIT_APPEND, "a", "2");
    cr_assert_str_eq(
        encoded((struct verdict){.phase = PHASE_RESPONSE_HEADERS, .headers = &headers}),
        " response_headers{ response{ header_mutation{"
        " set_headers{ header{ key:a raw_value:1 } append{ } append_action:2 }"
        " set_headers{ header{ key:a raw_value:2 } append{ value:1 } } } } }");
}

Test(encode, an_appended_header)
{
    edit(EXTPROC_EDIT_APPEND, "a", "");
    cr_assert_str_eq(encoded((struct verdict){.phase = PHASE_REQUEST_BODY, .headers = &headers}),
                     " request_body{ response{ header_mutation{"
                     " set_headers{ header{ key:a } append{ value:1 } } } } }");
}

Test(encode, trailers_have_a_mutation_of_their_own)
{
    edit(EXTPROC_EDIT_SET, "t", "1");
    edit(EXTPROC_EDIT_REMOVE, "u", NULL);
    struct verdict v = {.phase = PHASE_RESPONSE_TRAILERS, .headers = &headers, .clear_route = true};
    cr_assert_str_eq(encoded(v), " response_trailers{ header_mutation{"
                                 " set_headers{ header{ key:t raw_value:1 } append{ }"
                                 " append_action:2 } remove_headers:u } }");
}

Test(encode, clear_route_goes_with_a_mutation_be_it_empty)
{
    struct verdict v = {.phase = PHASE_REQUEST_HEADERS, .headers = &headers, .clear_route = true};
    const char *text = " request_headers{ response{ header_mutation{ } clear_route_cache:1 } }";
    cr_assert_str_eq(encoded(v), text);
    v.headers = NULL;
    cr_assert_str_eq(encoded(v), text);
}

Test(encode, a_body)
{
    struct body body = {0};
    cr_assert_eq(body_set(&body, &arena, EXTPROC_S("new")), 0);
    struct verdict v = {.phase = PHASE_RESPONSE_BODY, .body = &body};
    cr_assert_str_eq(encoded(v), " response_body{ response{ body_mutation{ body:new } } }");

    cr_assert_eq(body_set(&body, &arena, EXTPROC_S("")), 0);
    cr_assert_str_eq(encoded(v), " response_body{ response{ body_mutation{ clear_body:1 } } }");
    body_fini(&body);
}

Test(encode, a_replaced_message)
{
    struct body body = {0};
    cr_assert_eq(body_set(&body, &arena, EXTPROC_S("new")), 0);
    edit(EXTPROC_EDIT_SET, ":method", "POST");
    struct verdict v = {.kind = VERDICT_REPLACE, .phase = PHASE_REQUEST_HEADERS};
    cr_assert_str_eq(encoded(v), " request_headers{ response{ status:1 } }");
    v.body = &body;
    v.headers = &headers;
    cr_assert_str_eq(encoded(v), " request_headers{ response{ status:1 header_mutation{"
                                 " set_headers{ header{ key::method raw_value:POST } append{ }"
                                 " append_action:2 } } body_mutation{ body:new } } }");
    body_fini(&body);
}

Test(encode, metadata)
{
    struct metadata metadata = {0};
    cr_assert_eq(metadata_set(&metadata, &arena, EXTPROC_S("ns"), EXTPROC_S("k"),
                              extproc_string(EXTPROC_S("v"))),
                 0);
    struct verdict v = {.phase = PHASE_REQUEST_TRAILERS, .metadata = &metadata};
    cr_assert_str_eq(encoded(v), " request_trailers{ } dynamic_metadata{ fields{ key:ns value{"
                                 " struct_value{ fields{ key:k value{ string_value:v } } } } } }");
    metadata = (struct metadata){0};
    cr_assert_str_eq(encoded(v), " request_trailers{ }");
}

/* ---- immediate responses --------------------------------------------------------------------- */

Test(encode, an_answer)
{
    struct extproc_header set[] = {{EXTPROC_STR("content-type"), EXTPROC_STR("text/html")},
                                   {EXTPROC_STR("set-cookie"), EXTPROC_STR("a")},
                                   {EXTPROC_STR("Set-Cookie"), EXTPROC_STR("b")}};
    struct answer answer = {.status = 403,
                            .body = EXTPROC_STR("no"),
                            .details = EXTPROC_STR("denied"),
                            .headers = set,
                            .n_headers = 3,
                            .grpc_status = 7};
    struct verdict v = {.kind = VERDICT_RESPOND, .phase = PHASE_REQUEST_BODY, .answer = &answer};
    cr_assert_str_eq(
        encoded(v),
        " immediate_response{ status{ code:403 } headers{"
        " set_headers{ header{ key:content-type raw_value:text/html } append{ } append_action:2 }"
        " set_headers{ header{ key:set-cookie raw_value:a } append{ } append_action:2 }"
        " set_headers{ header{ key:Set-Cookie raw_value:b } append{ value:1 } } }"
        " body:no grpc_status{ status:7 } details:denied }");
}

Test(encode, the_least_answer)
{
    struct answer answer = {.status = 204, .grpc_status = EXTPROC_NO_GRPC};
    struct verdict v = {.kind = VERDICT_RESPOND, .answer = &answer};
    cr_assert_str_eq(encoded(v), " immediate_response{ status{ code:204 } }");
    answer.grpc_status = 0;
    cr_assert_str_eq(encoded(v), " immediate_response{ status{ code:204 } grpc_status{ } }");
}

Test(encode, a_nul_does_not_cut_details)
{
    struct answer answer = {
        .status = 400, .details = EXTPROC_STR("a\0b"), .grpc_status = EXTPROC_NO_GRPC};
    struct verdict v = {.kind = VERDICT_RESPOND, .answer = &answer};
    struct encoded e;
    uint8_t bytes[16];
    cr_assert_eq(encode_verdict(&v, &arena, &e), 0);
    cr_assert_leq(e.len, sizeof bytes);
    encode_pack(&e, bytes);
    cr_assert_arr_eq(bytes + e.len - 5,
                     "\x2a\x03"
                     "a\0b",
                     5);
}

Test(encode, a_verdict_that_closes_has_no_answer)
{
    struct verdict v = {.kind = VERDICT_CLOSE};
    struct encoded e = {.len = 7};
    cr_assert_eq(encode_verdict(&v, &arena, &e), -EINVAL);
    cr_assert_eq(e.len, 7);
}
