#include "http/message/metadata.h"

#include "base/str.h"
#include "failing_arena.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct arena arena;
static struct metadata metadata;

static void setup(void)
{
    arena_init(&arena, 0);
}

static void teardown(void)
{
    arena_fini(&arena);
}

TestSuite(metadata, .init = setup, .fini = teardown);

static int set(const char *ns, const char *key, double value)
{
    return metadata_set(&metadata, &arena, extproc_str_of(ns), extproc_str_of(key),
                        extproc_number(value));
}

/* The keys that count, in order: "ns.a=1 ns.b=2 ". */
static const char *all(const struct metadata *m)
{
    static char text[256];
    size_t len = 0;
    text[0] = '\0';
    for (const struct metadata_entry *e = m->first; e; e = e->next) {
        if (!e->superseded)
            len += (size_t)snprintf(text + len, sizeof text - len, "%.*s.%.*s=%g ",
                                    EXTPROC_ARG(e->ns), EXTPROC_ARG(e->key), e->value.as.number);
    }
    return text;
}

Test(metadata, of_the_same_key_the_last_stays)
{
    set("ns", "a", 1);
    set("ns", "b", 2);
    set("other", "a", 3);
    set("ns", "a", 4);
    cr_assert_str_eq(all(&metadata), "ns.b=2 other.a=3 ns.a=4 ");
    cr_assert_eq(metadata_find(&metadata, EXTPROC_S("ns"), EXTPROC_S("a"))->value.as.number, 4);
    cr_assert_null(metadata_find(&metadata, EXTPROC_S("other"), EXTPROC_S("b")));
}

Test(metadata, a_namespace_begins_once)
{
    set("one", "a", 1);
    set("two", "a", 2);
    set("one", "a", 3);
    cr_assert(metadata_opens(&metadata, metadata.first));
    cr_assert(metadata_opens(&metadata, metadata.first->next));
    cr_assert_not(metadata_opens(&metadata, metadata.last));
}

Test(metadata, what_was_added_since_a_mark_is_taken_back)
{
    set("ns", "a", 1);
    set("ns", "b", 2);
    struct metadata_entry *mark = metadata_mark(&metadata);
    set("ns", "a", 3);
    set("ns", "a", 4);
    set("more", "c", 5);
    metadata_rewind(&metadata, mark);
    cr_assert_str_eq(all(&metadata), "ns.a=1 ns.b=2 ");

    set("ns", "d", 6);
    cr_assert_str_eq(all(&metadata), "ns.a=1 ns.b=2 ns.d=6 ");
}

Test(metadata, all_of_it_is_taken_back)
{
    struct metadata_entry *mark = metadata_mark(&metadata);
    metadata_rewind(&metadata, mark);
    set("ns", "a", 1);
    metadata_rewind(&metadata, mark);
    cr_assert_null(metadata.first);
    set("ns", "b", 2);
    cr_assert_str_eq(all(&metadata), "ns.b=2 ");
}

/* ---- as the proxy merges it ------------------------------------------------------------------ */

static double number_of(struct extproc_value dict, const char *key)
{
    return value_get(dict, extproc_str_of(key)).as.number;
}

Test(metadata, is_merged_over_what_the_proxy_had)
{
    struct extproc_field fields[] = {{EXTPROC_STR("old"), extproc_number(1)},
                                     {EXTPROC_STR("both"), extproc_number(2)}};
    struct extproc_value had, merged;
    value_dict(&arena, fields, 2, &had);
    set("ns", "both", 3);
    set("ns", "new", 4);
    set("ns", "new", 5);
    set("other", "old", 6);

    merged = metadata_over(&metadata, EXTPROC_S("ns"), had, &arena);
    cr_assert_eq(((const struct value_dict *)merged.as.node)->n, 3);
    cr_assert_eq(number_of(merged, "old"), 1);
    cr_assert_eq(number_of(merged, "both"), 3);
    cr_assert_eq(number_of(merged, "new"), 5);
    cr_assert_eq(number_of(had, "both"), 2);
}

Test(metadata, leaves_namespaces_alone_that_were_not_set)
{
    struct extproc_value had = extproc_number(1), none = {.kind = EXTPROC_KIND_ABSENT};
    set("ns", "a", 1);
    allocations_left = 0;
    cr_assert_eq(metadata_over(&metadata, EXTPROC_S("other"), had, &arena).as.number, 1);
    cr_assert_eq(metadata_over(&metadata, EXTPROC_S("other"), none, &arena).kind,
                 EXTPROC_KIND_ABSENT);
    cr_assert_eq(metadata_over(&metadata, EXTPROC_S("ns"), none, &arena).kind, EXTPROC_KIND_ABSENT);
}

Test(metadata, makes_a_namespace_that_the_proxy_has_not)
{
    set("ns", "a", 1);
    struct extproc_value merged =
        metadata_over(&metadata, EXTPROC_S("ns"), (struct extproc_value){0}, &arena);
    cr_assert_eq(number_of(merged, "a"), 1);
}

/* ---- what was sent --------------------------------------------------------------------------- */

Test(metadata, what_was_sent_is_merged_and_outlives_the_message)
{
    struct metadata_sent sent = {0};
    struct arena message;
    struct metadata now = {0};
    arena_init(&message, 0);
    metadata_set(&now, &message, EXTPROC_S("ns"), EXTPROC_S("a"), extproc_number(1));
    metadata_set(&now, &message, EXTPROC_S("ns"), EXTPROC_S("b"), extproc_number(2));
    cr_assert_eq(metadata_add_sent(&sent, &now), 0);
    now = (struct metadata){0};
    metadata_set(&now, &message, EXTPROC_S("ns"), EXTPROC_S("a"), extproc_number(3));
    cr_assert_eq(metadata_add_sent(&sent, &now), 0);
    arena_fini(&message);

    cr_assert_str_eq(all(&sent.metadata), "ns.b=2 ns.a=3 ");
    metadata_sent_fini(&sent);
}

Test(metadata, sending_it_repeatedly_takes_no_further_memory)
{
    struct metadata_sent sent = {0};
    size_t most = 0;
    for (int i = 0; i < 10000; i++) {
        struct metadata now = {0};
        metadata_set(&now, &arena, EXTPROC_S("ns"), EXTPROC_S("n"), extproc_number(i));
        if (i == 0)
            metadata_set(&now, &arena, EXTPROC_S("ns"), EXTPROC_S("first"), extproc_number(i));
        cr_assert_eq(metadata_add_sent(&sent, &now), 0);
        most = arena_size(&sent.arena) > most ? arena_size(&sent.arena) : most;
    }
    cr_assert_lt(most, 8 * 1024);
    cr_assert_str_eq(all(&sent.metadata), "ns.first=0 ns.n=9999 ");
    metadata_sent_fini(&sent);
}

Test(metadata, everything_is_copied)
{
    char ns[] = "ns", key[] = "key", bytes[] = "bytes";
    cr_assert_eq(metadata_set(&metadata, &arena, extproc_str_of(ns), extproc_str_of(key),
                              extproc_string(extproc_str_of(bytes))),
                 0);
    memset(ns, '?', 2);
    memset(key, '?', 3);
    memset(bytes, '?', 5);
    cr_assert(str_eq_c(metadata.first->ns, "ns"));
    cr_assert(str_eq_c(metadata.first->key, "key"));
    cr_assert(str_eq_c(metadata.first->value.as.string, "bytes"));
}

Test(metadata, what_a_struct_cannot_carry_is_refused)
{
    cr_assert_eq(set("", "a", 1), -EINVAL);
    cr_assert_eq(set(NULL, "a", 1), -EINVAL);
    cr_assert_eq(set("ns", "", 1), -EINVAL);
    cr_assert_eq(set("\xff", "a", 1), -EINVAL);
    cr_assert_eq(set("ns", "\xed\xa0\x80", 1), -EINVAL);
    cr_assert_eq(metadata_set(&metadata, &arena, EXTPROC_S("ns"), EXTPROC_S("a"),
                              (struct extproc_value){.kind = EXTPROC_KIND_ABSENT}),
                 -EINVAL);
    cr_assert_null(metadata.first);
}

Test(metadata, without_memory_nothing_changes)
{
    set("ns", "a", 1);
    for (size_t n = 0; n < 3; n++) {
        allocations_left = n;
        cr_assert_eq(set("ns", "a", 2), -ENOMEM);
        cr_assert_str_eq(all(&metadata), "ns.a=1 ");
    }
    allocations_left = 3;
    cr_assert_eq(set("ns", "a", 2), 0);
}

Test(metadata, without_memory_nothing_was_sent)
{
    struct metadata_sent sent = {0};
    set("ns", "a", 1);
    cr_assert_eq(metadata_add_sent(&sent, &metadata), 0);
    allocations_left = 0;
    cr_assert_eq(metadata_add_sent(&sent, &metadata), -ENOMEM);
    cr_assert_null(sent.metadata.first);
}
