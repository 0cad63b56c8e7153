#include "session/proxy_rules.h"

#include <criterion/criterion.h>
#include <string.h>

static struct arena arena;
static struct proxy_rules made;

static void begin(void)
{
    arena_init(&arena, 256);
}

static void end(void)
{
    arena_fini(&arena);
}

TestSuite(proxy_rules, .init = begin, .fini = end);

static void make(struct proxy_settings settings)
{
    cr_assert_eq(proxy_rules_make(&settings, &arena, &made), 0);
}

/* NULL: the name may be edited. */
static const struct rules_name *guard_of(const char *name)
{
    for (size_t i = 0; i < made.rules.n_names; i++) {
        struct extproc_str guarded = made.rules.names[i].name;
        if (guarded.len == strlen(name) && memcmp(guarded.ptr, name, guarded.len) == 0)
            return &made.rules.names[i];
    }
    return NULL;
}

static void expect_remedy(const char *name, const char *key, const char *setting)
{
    const struct rules_name *guard = guard_of(name);
    cr_assert_not_null(guard, "%s", name);
    cr_expect(strstr(guard->remedy, key) && strstr(guard->remedy, setting), "%s: %s", name,
              guard->remedy);
}

Test(proxy_rules, a_proxy_that_allows_nothing_guards_its_routing_and_its_own_headers)
{
    static const char *const routing[] = {"host", ":authority", ":scheme", ":method"};
    make((struct proxy_settings){0});
    for (size_t i = 0; i < sizeof routing / sizeof *routing; i++)
        expect_remedy(routing[i], "mutation_rules = all_routing", "allow_all_routing: true");
    expect_remedy("x-envoy-", "mutation_rules = envoy", "allow_envoy: true");
    cr_expect(guard_of("x-envoy-")->prefix);
    cr_expect(guard_of(":method")->unless_replaced);
    cr_expect_eq(made.rules.n_names, 5);
}

Test(proxy_rules, what_it_allows_is_not_guarded)
{
    make((struct proxy_settings){.all_routing = true});
    cr_expect_eq(made.rules.n_names, 1);
    cr_expect(guard_of("x-envoy-"));

    make((struct proxy_settings){.envoy = true});
    cr_expect_eq(made.rules.n_names, 4);
    cr_expect_null(guard_of("x-envoy-"));

    make((struct proxy_settings){.all_routing = true, .envoy = true});
    cr_expect_eq(made.rules.n_names, 0);
}

Test(proxy_rules, its_limits_are_those_of_the_keys)
{
    make((struct proxy_settings){.max_headers = 200, .max_header_bytes = 98304});
    cr_expect_eq(made.rules.max_edits, 200);
    cr_expect_eq(made.rules.max_entries, 200);
    cr_expect_eq(made.rules.max_bytes, 98304);
    cr_expect(strstr(made.rules.limits_remedy, "proxy_max_headers = 200"), "%s",
              made.rules.limits_remedy);
    cr_expect(strstr(made.rules.limits_remedy, "proxy_max_header_bytes = 98304"), "%s",
              made.rules.limits_remedy);
}

Test(proxy_rules, it_is_named_by_its_listener_where_there_is_one)
{
    make((struct proxy_settings){0});
    cr_expect_str_eq(made.rules.proxy, "the proxy");
    make((struct proxy_settings){.listener = "mesh"});
    cr_expect_str_eq(made.rules.proxy, "the proxy of [listener:mesh]");
}
