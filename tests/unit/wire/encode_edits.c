/* Edits by the writer of our own, held to protobuf-c byte for byte. */
#include "base/str.h"
#include "kit/edit.h"
#include "wire/encode/encode_private.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 2000, EDITS_MAX = 40, NAMES = 6, VALUE_MAX = 300 };

static struct arena arena;
static struct headers headers;

static void setup(void)
{
    arena_init(&arena, 0);
}
static void teardown(void)
{
    arena_fini(&arena);
}

TestSuite(encode_edits, .init = setup, .fini = teardown);

static unsigned below(unsigned n)
{
    return (unsigned)rand() % n;
}

/* Few names, so that cells get several values; lengths on both sides of a varint's byte. */
static void edit_something(void)
{
    static const enum extproc_edit ops[] = {EXTPROC_EDIT_SET, EXTPROC_EDIT_APPEND,
                                            EXTPROC_EDIT_REMOVE};
    char name[160] = "x-", value[VALUE_MAX];
    size_t name_len = 3 + (below(4) == 0 ? 130 : 0),
           value_len = below(4) ? below(20) : below(VALUE_MAX);
    memset(name + 2, (int)('a' + below(NAMES)), name_len - 2);
    memset(value, 'v', sizeof value);
    cr_assert_eq(edit_map(&headers, &arena, ops[below(3)], (struct extproc_str){name, name_len},
                          (struct extproc_str){value, value_len}),
                 0);
}

static uint8_t *packed(const struct encoded *e)
{
    uint8_t *bytes = malloc(e->len);
    encode_pack(e, bytes);
    return bytes;
}

static void expect_the_same(const struct verdict *v)
{
    struct encoded ours, reference;
    cr_assert(encode_edits_only(v));
    cr_assert_eq(encode_verdict(v, &arena, &ours), 0);
    cr_assert_eq(encode_message(v, &arena, &reference), 0);
    cr_assert_null(ours.message, "not written by the writer");
    cr_assert_eq(ours.len, reference.len);
    uint8_t *a = packed(&ours), *b = packed(&reference);
    cr_expect_arr_eq(a, b, ours.len);
    free(a);
    free(b);
}

Test(encode_edits, are_what_protobuf_c_packs)
{
    static const enum phase phases[] = {PHASE_REQUEST_HEADERS, PHASE_REQUEST_TRAILERS,
                                        PHASE_RESPONSE_HEADERS, PHASE_RESPONSE_TRAILERS};
    const char *given = getenv("SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    printf("SEED=%u\n", seed);
    srand(seed);
    for (int i = 0; i < ROUNDS; i++) {
        headers_init(&headers, NULL, 0);
        for (unsigned n = 1 + below(EDITS_MAX); n > 0; n--)
            edit_something();
        enum phase phase = phases[below(4)];
        struct verdict v = {.kind = VERDICT_CONTINUE, .phase = phase, .headers = &headers};
        v.clear_route = phase == PHASE_REQUEST_HEADERS && below(2);
        expect_the_same(&v);
        arena_reset(&arena);
    }
}

Test(encode_edits, are_nothing_but_edits)
{
    struct body body = {.changed = true};
    struct metadata_entry entry = {0};
    struct metadata metadata = {&entry, &entry};
    struct verdict v = {.phase = PHASE_REQUEST_HEADERS, .headers = &headers};
    headers_init(&headers, NULL, 0);
    cr_expect_not(encode_edits_only(&v), "without an edit");
    cr_assert_eq(edit_map(&headers, &arena, EXTPROC_EDIT_REMOVE, EXTPROC_S("a"), STR_ABSENT), 0);
    cr_expect(encode_edits_only(&v));
    v.body = &body;
    cr_expect_not(encode_edits_only(&v), "with a body");
    v.body = NULL;
    v.metadata = &metadata;
    cr_expect_not(encode_edits_only(&v), "with metadata");
    v.metadata = NULL;
    v.kind = VERDICT_REPLACE;
    cr_expect_not(encode_edits_only(&v), "with a replacement");
    v.kind = VERDICT_CONTINUE;
    v.phase = PHASE_REQUEST_BODY;
    cr_expect_not(encode_edits_only(&v), "in a body phase");
}
