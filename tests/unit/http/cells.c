/* The property that all composition rests on: what the proxy makes of one answer is what it would
 * have made of every plugin's edits one after another, also to headers that it hides from us.
 *
 * IF_ABSENT and IF_PRESENT ask for what is shown, in both.
 */
#include "base/str.h"
#include "http/message/headers.h"
#include "kit/edit.h"
#include "kit/proxy_model.h"

#include <criterion/criterion.h>

enum {
    N_CASES = 20000,
    MAX_ORIGINAL = 12,
    MAX_ROUNDS = 2, /* headers, then a complete body; edits are committed between */
    MAX_PLUGINS = 4,
    MAX_EDITS = 6
};

static const struct extproc_str names[] = {
    EXTPROC_STR("x-a"),        EXTPROC_STR("x-b"),    EXTPROC_STR("x-cc"),
    EXTPROC_STR("set-cookie"), EXTPROC_STR("accept"), EXTPROC_STR("user-agent"),
};
static const struct extproc_str names_as_written[] = {
    EXTPROC_STR("X-A"),        EXTPROC_STR("x-B"),    EXTPROC_STR("X-cc"),
    EXTPROC_STR("Set-Cookie"), EXTPROC_STR("accept"), EXTPROC_STR("User-Agent"),
};
static const struct extproc_str values[] = {
    EXTPROC_STR(""), EXTPROC_STR("1"), EXTPROC_STR("2"), EXTPROC_STR("33"), EXTPROC_STR("a, b"),
};
enum { N_NAMES = sizeof names / sizeof *names, N_VALUES = sizeof values / sizeof *values };

/* One transaction's headers, four times. */
struct world {
    uint64_t random;
    struct arena message, transaction;
    struct headers headers; /* ours, under test                              */
    struct proxy_map proxy; /* gets our answers, one a round                 */
    struct proxy_map truth; /* gets every edit by itself                     */
    struct proxy_map shown; /* the same, of what the proxy shows             */
};

/* splitmix64 */
static unsigned roll(struct world *w, unsigned n)
{
    uint64_t z = w->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (unsigned)((z ^ (z >> 31)) % n);
}

static void world_init(struct world *w, unsigned seed)
{
    *w = (struct world){.random = seed};
    arena_init(&w->message, 16 * 1024);
    arena_init(&w->transaction, 16 * 1024);
    proxy_init(&w->proxy, &w->transaction, NULL, 0);
    proxy_init(&w->shown, &w->transaction, NULL, 0);

    unsigned hidden = roll(w, 2) ? roll(w, 1u << N_NAMES) : 0; /* a set of names */
    for (unsigned n = roll(w, MAX_ORIGINAL + 1); n > 0; n--) {
        unsigned name = roll(w, N_NAMES);
        struct extproc_str value = values[roll(w, N_VALUES)];
        proxy_add(&w->proxy, names[name], value);
        if (!(hidden & 1u << name))
            proxy_add(&w->shown, names[name], value);
    }
    proxy_init(&w->truth, &w->transaction, w->proxy.entries, w->proxy.n);
    struct proxy_map shown;
    proxy_init(&shown, &w->transaction, w->shown.entries, w->shown.n);
    headers_init(&w->headers, shown.entries, shown.n);
}

static void world_fini(struct world *w)
{
    arena_fini(&w->message);
    arena_fini(&w->transaction);
}

static void edit_truth(struct world *w, enum extproc_edit op, struct extproc_str name,
                       struct extproc_str value)
{
    bool present = proxy_get(&w->shown, name, 0).ptr != NULL;
    struct proxy_map *maps[] = {&w->truth, &w->shown};
    for (size_t i = 0; i < 2; i++) {
        if (op == EXTPROC_EDIT_SET || (op == EXTPROC_EDIT_IF_PRESENT && present))
            proxy_set(maps[i], name, value);
        else if (op == EXTPROC_EDIT_APPEND || (op == EXTPROC_EDIT_IF_ABSENT && !present))
            proxy_add(maps[i], name, value);
        else if (op == EXTPROC_EDIT_REMOVE)
            proxy_remove(maps[i], name);
    }
}

static void edit_both(struct world *w)
{
    enum extproc_edit op = (enum extproc_edit)roll(w, EXTPROC_EDIT_REMOVE + 1);
    unsigned name = roll(w, N_NAMES);
    struct extproc_str value = values[roll(w, N_VALUES)];
    struct headers_edit edit;
    struct headers_sum sum;
    headers_prepare(&w->headers, edit_joined, op, names_as_written[name], value, &edit);
    cr_assert_eq(headers_apply(&w->headers, &w->message, &edit), 0);
    headers_sum(&w->headers, &sum);
    cr_assert_eq(memcmp(&sum, &edit.after, sizeof sum), 0, "the sum was foreseen");
    edit_truth(w, op, names[name], value);
}

/* Edits; now and then it fails, and what it did is taken back. */
static void run_plugin(struct world *w)
{
    struct proxy_map truth, shown;
    proxy_init(&truth, &w->message, w->truth.entries, w->truth.n);
    proxy_init(&shown, &w->message, w->shown.entries, w->shown.n);
    uint32_t mark = headers_mark(&w->headers);

    for (unsigned n = roll(w, MAX_EDITS + 1); n > 0; n--)
        edit_both(w);
    if (roll(w, 4) == 0) {
        headers_rewind(&w->headers, mark);
        proxy_init(&w->truth, &w->transaction, truth.entries, truth.n);
        proxy_init(&w->shown, &w->transaction, shown.entries, shown.n);
    }
}

static struct proxy_map working_copy(struct world *w)
{
    struct proxy_map map;
    headers_settle(&w->headers);
    proxy_init(&map, &w->message, headers_at(&w->headers, 0), headers_count(&w->headers));
    return map;
}

/* What is kept with every edit is what a walk would count. */
static void check_sum(const struct world *w, unsigned seed)
{
    const struct headers *h = &w->headers;
    struct headers_sum kept, counted = {0};
    for (size_t i = 0; i < headers_count(h); i++) {
        const struct extproc_header *entry = headers_at(h, i);
        if (entry->name.len == 0) /* the place of one that was dropped */
            continue;
        counted.n_entries++;
        counted.bytes += headers_entry_bytes(entry->name.len, entry->value.len);
    }
    for (uint32_t i = 0; i < h->n_cells; i++) {
        counted.n_removes += h->cells[i].state == CELL_REMOVED;
        for (const struct cell_value *v = h->cells[i].first; v; v = v->next)
            counted.n_sets++;
    }
    headers_sum(h, &kept);
    cr_assert(kept.n_sets == counted.n_sets && kept.n_removes == counted.n_removes &&
                  kept.n_entries == counted.n_entries && kept.bytes == counted.bytes,
              "seed %u: the sum is another", seed);
}

Test(cells, one_answer_has_the_effect_of_all_edits_one_by_one)
{
    for (unsigned seed = 1; seed <= N_CASES; seed++) {
        struct world w;
        world_init(&w, seed);
        for (unsigned rounds = 1 + roll(&w, MAX_ROUNDS); rounds > 0; rounds--) {
            for (unsigned plugins = 1 + roll(&w, MAX_PLUGINS); plugins > 0; plugins--) {
                run_plugin(&w);
                struct proxy_map seen = working_copy(&w);
                cr_assert(proxy_same(&seen, &w.shown), "seed %u: a plugin sees fiction", seed);
                check_sum(&w, seed);
            }
            proxy_apply(&w.proxy, &w.headers);
            cr_assert(proxy_same(&w.proxy, &w.truth), "seed %u: the proxy has other headers", seed);
            cr_assert_eq(headers_commit(&w.headers, &w.transaction), 0);
            arena_reset(&w.message);
        }
        world_fini(&w);
    }
}

/* Without this the property above would also hold for a model that does nothing. */
Test(cells, the_model_of_the_proxy_does_what_envoy_does)
{
    struct arena arena;
    arena_init(&arena, 1024);
    struct proxy_map map;
    proxy_init(&map, &arena, NULL, 0);

    proxy_add(&map, names[0], values[1]);
    proxy_add(&map, names[0], values[2]);
    proxy_add(&map, EXTPROC_S("accept"), values[1]);
    proxy_add(&map, EXTPROC_S("accept"), values[0]);
    proxy_add(&map, EXTPROC_S("accept"), values[2]);

    cr_assert_eq(map.n, 3);
    cr_assert(str_eq_c(proxy_get(&map, names[0], 1), "2"));
    cr_assert(str_eq_c(proxy_get(&map, EXTPROC_S("accept"), 0), "1,2"));

    proxy_set(&map, names[0], values[3]);
    cr_assert(str_eq_c(proxy_get(&map, names[0], 0), "33"));
    cr_assert_null(proxy_get(&map, names[0], 1).ptr);

    proxy_remove(&map, names[0]);
    cr_assert_eq(map.n, 1);
    arena_fini(&arena);
}
