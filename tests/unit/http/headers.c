#include "http/message/headers.h"

#include "base/str.h"
#include "failing_arena.h"
#include "kit/edit.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>

static const struct extproc_header request[] = {
    {EXTPROC_STR(":authority"), EXTPROC_STR("example.org")},
    {EXTPROC_STR("cookie"), EXTPROC_STR("a=1")},
    {EXTPROC_STR("accept"), EXTPROC_STR("text/html")},
    {EXTPROC_STR("cookie"), EXTPROC_STR("b=2")},
    {EXTPROC_STR("x-empty"), {NULL, 0}},
};
enum { N_REQUEST = sizeof request / sizeof *request };

static struct arena arena;
static struct headers headers;

static void setup(void)
{
    arena_init(&arena, 0);
    headers_init(&headers, request, N_REQUEST);
}

static void teardown(void)
{
    arena_fini(&arena);
}

TestSuite(headers, .init = setup, .fini = teardown);

static int edit(enum extproc_edit op, const char *name, const char *value)
{
    return edit_map(&headers, &arena, op, extproc_str_of(name), extproc_str_of(value));
}

/* "name=value;..." of all entries. */
static const char *map_text(void)
{
    static char text[1024];
    size_t len = 0;
    text[0] = 0;
    headers_settle(&headers);
    for (size_t i = 0; i < headers_count(&headers); i++) {
        const struct extproc_header *h = headers_at(&headers, i);
        len += (size_t)snprintf(text + len, sizeof text - len, "%.*s=%.*s;", EXTPROC_ARG(h->name),
                                EXTPROC_ARG(h->value));
    }
    return text;
}

/* "+name:v,v" appended, "=name:v,v" set, "-name:" removed, in the cells' order. */
static const char *cells_text(void)
{
    static char text[1024];
    size_t len = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < headers.n_cells; i++) {
        const struct cell *cell = &headers.cells[i];
        len += (size_t)snprintf(text + len, sizeof text - len, "%c%.*s:", "+=-"[cell->state],
                                EXTPROC_ARG(cell->name));
        for (const struct cell_value *v = cell->first; v; v = v->next)
            len += (size_t)snprintf(text + len, sizeof text - len, "%.*s%s", EXTPROC_ARG(v->value),
                                    v->next ? "," : "");
        len += (size_t)snprintf(text + len, sizeof text - len, ";");
    }
    return text;
}

#define SHOWN ":authority=example.org;cookie=a=1;accept=text/html;cookie=b=2;x-empty=;"

static struct extproc_str get(const char *name, size_t i)
{
    return headers_get(&headers, extproc_str_of(name), i);
}

Test(headers, without_memory_shows_what_the_message_had)
{
    cr_assert_eq(headers_count(&headers), N_REQUEST);
    cr_assert_eq(headers_at(&headers, 2), &request[2]);
    cr_assert(str_eq_c(get("Cookie", 0), "a=1"));
    cr_assert(str_eq_c(get("cookie", 1), "b=2"));
    cr_assert_null(get("cookie", 2).ptr);
    cr_assert_null(get("cookies", 0).ptr);
    cr_assert_null(arena.blocks);
}

Test(headers, an_empty_value_is_not_an_absent_one)
{
    cr_assert_not_null(get("x-empty", 0).ptr);
    cr_assert_eq(get("x-empty", 0).len, 0);
}

Test(headers, host_finds_authority_where_there_is_no_host)
{
    cr_assert(str_eq_c(get("Host", 0), "example.org"));
    cr_assert_null(get("host", 1).ptr);

    edit(EXTPROC_EDIT_SET, "host", "other.org");
    cr_assert(str_eq_c(get("host", 0), "other.org"));
    cr_assert_null(get("host", 1).ptr);
}

Test(headers, of_nothing_is_empty)
{
    headers_init(&headers, NULL, 0);
    cr_assert_eq(headers_count(&headers), 0);
    cr_assert_null(get("host", 0).ptr);
    cr_assert_eq(edit(EXTPROC_EDIT_REMOVE, "x", NULL), 0);
    cr_assert_str_eq(cells_text(), "-x:;");
    cr_assert_eq(headers_commit(&headers, &arena), 0);
    cr_assert_eq(headers_count(&headers), 0);
}

Test(headers, set_keeps_the_place_of_the_first_value)
{
    cr_assert_eq(edit(EXTPROC_EDIT_SET, "COOKIE", "c=3"), 0);
    cr_assert_str_eq(map_text(), ":authority=example.org;cookie=c=3;accept=text/html;x-empty=;");
    cr_assert_str_eq(cells_text(), "=cookie:c=3;");
}

Test(headers, set_adds_what_is_not_there_in_lower_case)
{
    cr_assert_eq(edit(EXTPROC_EDIT_SET, "X-New", "1"), 0);
    cr_assert_str_eq(map_text(), SHOWN "x-new=1;");
    cr_assert_str_eq(cells_text(), "=x-new:1;");
}

Test(headers, append_adds_at_the_end)
{
    edit(EXTPROC_EDIT_APPEND, "cookie", "c=3");
    edit(EXTPROC_EDIT_APPEND, "cookie", "d=4");
    cr_assert_str_eq(map_text(), SHOWN "cookie=c=3;cookie=d=4;");
    cr_assert_str_eq(cells_text(), "+cookie:c=3,d=4;");
}

Test(headers, append_joins_what_the_proxy_joins)
{
    edit(EXTPROC_EDIT_APPEND, "accept", "text/plain");
    edit(EXTPROC_EDIT_APPEND, "accept", "");
    edit(EXTPROC_EDIT_APPEND, "via", "");
    edit(EXTPROC_EDIT_APPEND, "via", "1.1 x");
    cr_assert(str_eq_c(get("accept", 0), "text/html,text/plain"));
    cr_assert(str_eq_c(get("via", 0), "1.1 x"));
    cr_assert_eq(headers_count(&headers), N_REQUEST + 1);
    cr_assert_str_eq(cells_text(), "+accept:text/plain,;+via:,1.1 x;");
}

Test(headers, remove_moves_up_later_entries_and_reaches_hidden_ones)
{
    edit(EXTPROC_EDIT_REMOVE, "cookie", NULL);
    edit(EXTPROC_EDIT_REMOVE, "x-hidden", "ignored");
    cr_assert_str_eq(map_text(), ":authority=example.org;accept=text/html;x-empty=;");
    cr_assert_str_eq(cells_text(), "-cookie:;-x-hidden:;");
}

Test(headers, a_value_appended_after_a_remove_is_a_set)
{
    edit(EXTPROC_EDIT_REMOVE, "cookie", NULL);
    edit(EXTPROC_EDIT_APPEND, "cookie", "c=3");
    cr_assert_str_eq(cells_text(), "=cookie:c=3;");
    edit(EXTPROC_EDIT_APPEND, "cookie", "d=4");
    cr_assert_str_eq(cells_text(), "=cookie:c=3,d=4;");
    edit(EXTPROC_EDIT_SET, "cookie", "e=5");
    cr_assert_str_eq(cells_text(), "=cookie:e=5;");
}

Test(headers, if_absent_and_if_present_ask_the_working_copy)
{
    edit(EXTPROC_EDIT_IF_ABSENT, "cookie", "no");
    edit(EXTPROC_EDIT_IF_PRESENT, "x-new", "no");
    cr_assert_eq(headers.n_cells, 0);

    edit(EXTPROC_EDIT_IF_ABSENT, "x-new", "1");
    edit(EXTPROC_EDIT_IF_PRESENT, "x-new", "2");
    edit(EXTPROC_EDIT_IF_PRESENT, "accept", "*/*");
    cr_assert_str_eq(cells_text(), "=x-new:2;=accept:*/*;");
}

Test(headers, an_operation_that_is_none_does_nothing)
{
    cr_assert_eq(edit((enum extproc_edit)77, "x-new", "1"), 0);
    cr_assert_eq(headers.n_cells, 0);
    cr_assert_eq(headers_count(&headers), N_REQUEST);
}

Test(headers, an_edit_that_was_looked_up_says_what_it_comes_to)
{
    static const struct {
        enum extproc_edit op;
        const char *name, *value;
        struct headers_edit is; /* op, moot, joins */
        int entries, bytes, sets, removes;
    } rows[] = {
        {EXTPROC_EDIT_SET, "x-new", "12", {.op = EXTPROC_EDIT_SET}, 1, 5 + 2 + 4, 1, 0},
        {EXTPROC_EDIT_SET, "Cookie", "c", {.op = EXTPROC_EDIT_SET}, -1, 1 - 3 - (6 + 3 + 4), 1, 0},
        {EXTPROC_EDIT_APPEND,
         "accept",
         "*",
         {.op = EXTPROC_EDIT_APPEND, .joins = true},
         0,
         2,
         1,
         0},
        {EXTPROC_EDIT_APPEND, "via", "v", {.op = EXTPROC_EDIT_APPEND}, 1, 3 + 1 + 4, 1, 0},
        {EXTPROC_EDIT_IF_ABSENT, "via", "v", {.op = EXTPROC_EDIT_APPEND}, 1, 3 + 1 + 4, 1, 0},
        {EXTPROC_EDIT_IF_ABSENT,
         "cookie",
         "c",
         {.op = EXTPROC_EDIT_APPEND, .moot = true},
         0,
         0,
         0,
         0},
        {EXTPROC_EDIT_IF_PRESENT, "accept", "*", {.op = EXTPROC_EDIT_SET}, 0, 1 - 9, 1, 0},
        {EXTPROC_EDIT_REMOVE,
         "cookie",
         NULL,
         {.op = EXTPROC_EDIT_REMOVE},
         -2,
         -2 * (6 + 3 + 4),
         0,
         1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct headers_edit e;
        struct headers_sum sum;
        headers_init(&headers, request, N_REQUEST);
        headers_prepare(&headers, edit_joined, rows[i].op, extproc_str_of(rows[i].name),
                        extproc_str_of(rows[i].value), &e);
        cr_expect_eq(e.op, rows[i].is.op, "row %zu", i);
        cr_expect_eq(e.moot, rows[i].is.moot, "row %zu", i);
        cr_expect_eq(e.joins, rows[i].is.joins, "row %zu", i);
        cr_expect_eq((int)(e.after.n_entries - e.before.n_entries), rows[i].entries, "row %zu", i);
        cr_expect_eq((int)(e.after.bytes - e.before.bytes), rows[i].bytes, "row %zu", i);
        cr_expect_eq((int)e.after.n_sets, rows[i].sets, "row %zu", i);
        cr_expect_eq((int)e.after.n_removes, rows[i].removes, "row %zu", i);
        headers_apply(&headers, &arena, &e);
        headers_sum(&headers, &sum);
        cr_expect_eq(sum.bytes, e.after.bytes, "row %zu", i);
        cr_expect_eq(sum.n_entries, e.after.n_entries, "row %zu", i);
    }
}

Test(headers, what_was_looked_up_before_another_edit_is_not_applied, .signal = SIGABRT)
{
    struct headers_edit e;
    headers_prepare(&headers, edit_joined, EXTPROC_EDIT_SET, EXTPROC_S("cookie"), EXTPROC_S("c"),
                    &e);
    edit(EXTPROC_EDIT_REMOVE, "cookie", NULL);
    headers_apply(&headers, &arena, &e);
}

Test(headers, names_and_values_are_copied)
{
    char name[] = "X-New", value[] = "1";
    edit(EXTPROC_EDIT_SET, name, value);
    memset(name, '?', sizeof name);
    memset(value, '?', sizeof value);
    cr_assert_str_eq(map_text(), SHOWN "x-new=1;");
}

Test(headers, many_edits_grow_everything)
{
    char name[16];
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "x-%d", i);
        cr_assert_eq(edit(EXTPROC_EDIT_SET, name, "v"), 0);
    }
    cr_assert_eq(headers_count(&headers), N_REQUEST + 200);
    cr_assert_eq(headers.n_cells, 200);
    cr_assert(str_eq_c(get("x-199", 0), "v"));
    cr_assert_not_null(headers_cell(&headers, EXTPROC_S("X-7")));
    cr_assert_null(headers_cell(&headers, EXTPROC_S("accept")));
}

Test(headers, rewind_takes_back_every_edit_since_the_mark)
{
    edit(EXTPROC_EDIT_APPEND, "accept", "text/plain");
    edit(EXTPROC_EDIT_REMOVE, "cookie", NULL);
    uint32_t mark = headers_mark(&headers);
    edit(EXTPROC_EDIT_SET, "accept", "*/*");
    edit(EXTPROC_EDIT_APPEND, "cookie", "c=3");
    edit(EXTPROC_EDIT_SET, "x-new", "1");

    allocations_left = 0;
    headers_rewind(&headers, mark);

    cr_assert_str_eq(map_text(), ":authority=example.org;accept=text/html,text/plain;x-empty=;");
    cr_assert_str_eq(cells_text(), "+accept:text/plain;-cookie:;");
    cr_assert_eq(headers_mark(&headers), mark);
}

Test(headers, rewind_to_the_start_leaves_no_trace_and_editing_goes_on)
{
    edit(EXTPROC_EDIT_SET, "accept", "*/*");
    headers_rewind(&headers, 0);
    cr_assert_str_eq(map_text(), SHOWN);
    cr_assert_str_eq(cells_text(), "");

    edit(EXTPROC_EDIT_APPEND, "x-new", "1");
    cr_assert_str_eq(map_text(), SHOWN "x-new=1;");
    headers_rewind(&headers, headers_mark(&headers));
    cr_assert_str_eq(cells_text(), "+x-new:1;");
}

Test(headers, commit_keeps_the_working_copy_and_forgets_the_edits)
{
    struct arena keep;
    arena_init(&keep, 0);
    edit(EXTPROC_EDIT_SET, "accept", "*/*");
    cr_assert_eq(headers_commit(&headers, &keep), 0);
    arena_fini(&arena);

    cr_assert_str_eq(map_text(),
                     ":authority=example.org;cookie=a=1;accept=*/*;cookie=b=2;x-empty=;");
    cr_assert_eq(headers.n_cells, 0);
    cr_assert_eq(headers_mark(&headers), 0);
    arena_fini(&keep);
}

Test(headers, commit_copies_nothing_that_is_kept_already)
{
    struct arena keep;
    arena_init(&keep, 0);
    headers_commit(&headers, &keep);
    const struct extproc_header *first = headers_at(&headers, 0);
    edit(EXTPROC_EDIT_SET, "accept", "*/*");
    headers_rewind(&headers, 0);

    allocations_left = 0;
    cr_assert_eq(headers_commit(&headers, &keep), 0);
    cr_assert_eq(headers_at(&headers, 0), first);
    cr_assert_str_eq(map_text(), SHOWN);
    arena_fini(&keep);
}

Test(headers, commit_to_nowhere_or_without_memory_drops_all)
{
    edit(EXTPROC_EDIT_SET, "accept", "*/*");
    cr_assert_eq(headers_commit(&headers, NULL), 0);
    cr_assert_eq(headers_count(&headers), 0);

    headers_init(&headers, request, N_REQUEST);
    allocations_left = 0;
    cr_assert_eq(headers_commit(&headers, &arena), -ENOMEM);
    cr_assert_eq(headers_count(&headers), 0);
}

Test(headers, an_edit_without_memory_changes_nothing)
{
    for (size_t n = 0; n < 4; n++) { /* the working copy, what is beside it, cells, the edit */
        headers_init(&headers, request, N_REQUEST);
        allocations_left = n;
        cr_assert_eq(edit(EXTPROC_EDIT_APPEND, "accept", "text/plain"), -ENOMEM);
        cr_assert_str_eq(map_text(), SHOWN);
        cr_assert_str_eq(cells_text(), "");
        cr_assert_eq(headers_mark(&headers), 0);
    }
    allocations_left = 1;
    cr_assert_eq(edit(EXTPROC_EDIT_APPEND, "accept", "text/plain"), 0, "room was made before");
}

Test(headers, sum_counts_what_goes_out_and_what_is_there)
{
    struct headers_sum sum;
    headers_init(&headers, request, 2);
    edit(EXTPROC_EDIT_REMOVE, "x-gone", NULL);
    edit(EXTPROC_EDIT_SET, "cookie", "c");
    edit(EXTPROC_EDIT_APPEND, "cookie", "dd");

    headers_sum(&headers, &sum);

    cr_assert_eq(sum.n_sets, 2);
    cr_assert_eq(sum.n_removes, 1);
    cr_assert_eq(sum.n_entries, 3);
    cr_assert_eq(sum.bytes, strlen(":authorityexample.org"
                                   "cookiec"
                                   "cookiedd") +
                                3 * 4);
}

/* The proxy has those edits. */
Test(headers, nothing_is_rewound_past_a_commit, .signal = SIGABRT)
{
    edit(EXTPROC_EDIT_SET, "cookie", "c");
    uint32_t mark = headers_mark(&headers);
    headers_commit(&headers, &arena);
    headers_rewind(&headers, mark);
}
