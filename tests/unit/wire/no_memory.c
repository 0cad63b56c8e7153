/* Every allocation of the decoder and the encoder fails once: an error, and nothing else. */
#include "bytes.h"
#include "kit/edit.h"
#include "show.h"
#include "unit/base/failing.h"
#include "wire/decode/decode.h"
#include "wire/encode/encode.h"

#include <criterion/criterion.h>
#include <stdio.h>

TestSuite(no_memory, .init = bytes_init, .fini = bytes_fini);

enum { MANY = 10000 };

/* 0 once everything could be had; an arena that takes every allocation from the heap. */
static int decode_all(struct extproc_str m, size_t cut)
{
    struct extproc_str pieces[] = {{m.ptr, cut}, {m.ptr + cut, m.len - cut}};
    struct arena arena;
    struct event event;
    const char *why = NULL;
    arena_init(&arena, 0);
    int r = decode_request(pieces, 2, &arena, &event, &why);
    if (r == 0 && event.attributes.raw.ptr) {
        struct extproc_value value;
        r = event.attributes.read(event.attributes.raw, &arena, &value);
    }
    arena_fini(&arena);
    return r;
}

static void fail_each(struct extproc_str message, size_t cut, int rc_at_last)
{
    long n = 0;
    int r = -ENOMEM;
    for (; r == -ENOMEM && n < MANY; n++) {
        fail_after(n);
        r = decode_all(message, cut);
        fail_no_more();
    }
    cr_assert_eq(r, rc_at_last);
    cr_assert(n > 1 || failing_is_off);
}

Test(no_memory, decode)
{
    struct extproc_str attributes = entry(9, "k", entry(1, "v", field(6, field(1, number(4, 1)))));
    struct extproc_str headers = field(2, field(1, header("Name", "value")));
    struct extproc_str m = cat(headers, attributes, headers);
    for (size_t cut = 0; cut <= m.len; cut++)
        fail_each(m, cut, 0);
    fail_each(field(4, field(1, text("body"))), 6, 0);
}

/* More than are gathered without the heap. */
Test(no_memory, decode_many_headers)
{
    struct extproc_str m = field(2, field(1, repeat(header("Name", "value"), 300)));
    fail_each(m, 0, 0);
    fail_each(m, m.len / 2, 0);
}

Test(no_memory, the_words_for_what_is_wrong)
{
    fail_each(field(11, number(1, 9)), 1, -EBADMSG);
}

static int encode_all(const struct verdict *v)
{
    struct arena arena;
    struct encoded e;
    arena_init(&arena, 0);
    int r = encode_verdict(v, &arena, &e);
    arena_fini(&arena);
    return r;
}

static void fail_each_of(const struct verdict *v)
{
    long n = 0;
    int r = -ENOMEM;
    for (; r == -ENOMEM && n < MANY; n++) {
        fail_after(n);
        r = encode_all(v);
        fail_no_more();
    }
    cr_assert_eq(r, 0);
    cr_assert(n > 1 || failing_is_off);
}

Test(no_memory, encode)
{
    struct arena arena;
    struct headers headers;
    struct metadata metadata = {0};
    struct body body = {0};
    struct extproc_str name = EXTPROC_S("name");
    struct extproc_header set = {name, name};
    struct answer answer = {
        .status = 200, .details = name, .headers = &set, .n_headers = 1, .grpc_status = 0};
    arena_init(&arena, 4096);
    headers_init(&headers, NULL, 0);
    cr_assert_eq(edit_map(&headers, &arena, EXTPROC_EDIT_SET, name, name), 0);
    cr_assert_eq(metadata_set(&metadata, &arena, name, name, extproc_bool(true)), 0);
    cr_assert_eq(body_set(&body, &arena, name), 0);

    for (unsigned p = 0; p < N_PHASES; p++)
        fail_each_of(&(struct verdict){
            .phase = (enum phase)p, .headers = &headers, .body = &body, .metadata = &metadata});
    fail_each_of(&(struct verdict){.kind = VERDICT_RESPOND, .answer = &answer});
    body_fini(&body);
    arena_fini(&arena);
}

/* As many edits as it takes for each allocation to need a block of the heap once. */
Test(no_memory, encode_edits_of_any_number)
{
    struct arena arena;
    struct headers headers;
    char name[16];
    arena_init(&arena, 4096);
    headers_init(&headers, NULL, 0);
    for (int n = 0; n < 60; n++) {
        struct extproc_str edited = {name, (size_t)snprintf(name, sizeof name, "n%d", n)};
        enum extproc_edit op = n % 2 ? EXTPROC_EDIT_SET : EXTPROC_EDIT_REMOVE;
        cr_assert_eq(edit_map(&headers, &arena, op, edited, edited), 0);
        for (enum phase p = 0; p < N_PHASES; p++)
            fail_each_of(&(struct verdict){.phase = p, .headers = &headers});
    }
    arena_fini(&arena);
}
