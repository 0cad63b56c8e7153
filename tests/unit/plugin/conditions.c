/* The conditions of a section: how they are read, and what they come to. */
#include "plugin/choose/conditions.h"

#include "base/str.h"
#include "ini.h"

#include <criterion/criterion.h>

static const struct extproc_key rows[] = {
    {.name = "when.*", .flags = EXTPROC_KEY_LIST},
    {0},
};
static struct arena arena;
static struct config *config;
static struct config_errors errors;
static struct conditions conditions;
static struct loop loop;
static struct headers request;

static void begin(void)
{
    arena_init(&arena, 256);
    loop_init(&loop, NULL);
}

static void end(void)
{
    conditions_fini(&conditions);
    config_errors_fini(&errors);
    config_free(config);
    loop_fini(&loop);
    arena_fini(&arena);
}

TestSuite(conditions, .init = begin, .fini = end);

static bool given(const char *lines)
{
    struct keys keys;
    config = ini_read(arena_format(&arena, "[plugin:p]\n%s", lines).ptr, &errors);
    cr_assert(keys_check(&config->sections[0], (struct keys_table){rows, sizeof *rows}, &arena,
                         &errors, &keys));
    return conditions_read(&conditions, &keys, "when.*", &config->sections[0], &arena, &errors);
}

static struct facts facts_of(const char *path, const char *role, unsigned status)
{
    struct extproc_header *entries = arena_array(&arena, 2, sizeof *entries);
    entries[0] = (struct extproc_header){EXTPROC_STR(":path"), extproc_str_of(path)};
    entries[1] = (struct extproc_header){EXTPROC_STR("x-role"), extproc_str_of(role)};
    headers_init(&request, entries, role ? 2 : 1);
    return (struct facts){.headers = {&request, NULL},
                          .status = status,
                          .listener = "main",
                          .arena = &arena,
                          .loop = &loop};
}

static enum match early(const char *path, const char *role)
{
    const struct condition *failed = NULL;
    struct facts facts = facts_of(path, role, 0);
    return conditions_hold_early(&conditions, &facts, &failed);
}

Test(conditions, none_always_hold)
{
    cr_assert(given("file = x\n"));
    cr_expect_eq(conditions.n, 0);
    cr_expect_eq(early("/", NULL), MATCH_YES);
}

Test(conditions, of_one_key_any_pattern_of_different_keys_all)
{
    cr_assert(given("when.path = /a/*\nwhen.header.X-Role = admin\nwhen.path = /b/*\n"
                    "when.header.x-role = ! *\n"));
    cr_expect_eq(conditions.n, 2, "a header's name has no case");
    cr_expect_eq(early("/a/1", "admin"), MATCH_YES);
    cr_expect_eq(early("/b/1", NULL), MATCH_YES);
    cr_expect_eq(early("/c/1", "admin"), MATCH_NO);
    cr_expect_eq(early("/a/1", "user"), MATCH_NO);
}

Test(conditions, those_on_the_response_are_asked_apart)
{
    const struct condition *failed = NULL;
    cr_assert(given("when.status = 5*\nwhen.path = /a\nwhen.status = 404\nwhen.listener = main\n"
                    "when.response_header.x = !*\n"));
    cr_expect_eq(conditions.n, 4);
    cr_expect_eq(conditions.n_late, 2);
    cr_expect_eq(early("/a", NULL), MATCH_YES);
    cr_expect_eq(early("/b", NULL), MATCH_NO);
    struct facts facts = facts_of("/b", NULL, 503);
    cr_expect_eq(conditions_hold_late(&conditions, &facts, &failed), MATCH_YES);
    facts.status = 200;
    cr_expect_eq(conditions_hold_late(&conditions, &facts, &failed), MATCH_NO);
    facts.status = 0;
    cr_expect_eq(conditions_hold_late(&conditions, &facts, &failed), MATCH_NO);
    cr_expect_eq(conditions_read_phases(&conditions),
                 EXTPROC_PHASE_REQUEST_HEADERS | EXTPROC_PHASE_RESPONSE_HEADERS);
}

Test(conditions, one_that_cannot_be_judged_is_named_unless_another_does_not_hold)
{
    const struct condition *failed = NULL;
    char path[2000];
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    cr_assert(given("when.path = ~ ^(a+)+$\nwhen.header.x-role = admin\n"));
    path[sizeof path - 2] = 'c';
    struct facts facts = facts_of(path, "admin", 0);
    cr_expect_eq(conditions_hold_early(&conditions, &facts, &failed), MATCH_FAILED);
    cr_assert(failed);
    cr_expect_str_eq(failed->entry->key, "when.path");
    facts = facts_of(path, "user", 0);
    cr_expect_eq(conditions_hold_early(&conditions, &facts, &failed), MATCH_NO);
}

Test(conditions, every_mistake_is_reported_where_it_stands)
{
    cr_expect(!given("when.paht = /a\n"
                     "when.header.x = ~ (\n"
                     "when.header = x\n"
                     "when.path = *a*\n"
                     "when.path = /good\n"
                     "when.status = 200\n"));
    cr_expect(!conditions_refuse_late(&conditions, &config->sections[0], "not here", &errors));
    INI_EXPECT(&errors, "test.ini:2: [plugin:p] when.paht: unknown subject~did you mean path?~",
               "test.ini:3: [plugin:p] when.header.x: invalid value \"~ (\": ~at byte 1~",
               "test.ini:4: [plugin:p] when.header: ~header.NAME~",
               "test.ini:5: [plugin:p] when.path: invalid value \"*a*\": ~one *~",
               "test.ini:7: [plugin:p] when.status: not here");
}
