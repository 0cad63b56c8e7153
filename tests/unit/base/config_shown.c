#include "base/config/config_private.h"
#include "base/str.h"
#include "scene.h"

#include <criterion/criterion.h>

static struct arena arena;

static void begin(void)
{
    scene_begin();
    arena_init(&arena, 256);
    setenv("SECRET", "hunter2", 1);
}

static void end(void)
{
    arena_fini(&arena);
    scene_end();
}

TestSuite(config_shown, .init = begin, .fini = end);

static struct config_section *section(const char *entries)
{
    char text[1024];
    snprintf(text, sizeof text, "[plugin:x]\n%s\n", entries);
    read_text(text);
    return &config->sections[0];
}

Test(config_shown, what_was_put_in_is_masked_and_nothing_else)
{
    const struct config_entry *e = section("a = unix:${SECRET}/x\nb = plain $${SECRET}\n")->entries;
    cr_expect_str_eq(e[0].value.ptr, "unix:hunter2/x");
    cr_expect_str_eq(e[0].shown.ptr, "unix:" CONFIG_MASK "/x");
    cr_expect(e[0].hidden);
    cr_expect_str_eq(e[1].shown.ptr, "plain ${SECRET}");
    cr_expect_not(e[1].hidden);
}

Test(config_shown, a_hidden_value_is_not_quoted)
{
    const struct config_entry *e = section("a = ${SECRET}\nb = plain\n")->entries;
    cr_expect_str_eq(config_quote(&arena, &e[0], e[0].value), "(hidden)");
    cr_expect_str_eq(config_quote(&arena, &e[1], e[1].value), "\"plain\"");
    cr_expect(str_eq_c(config_shown(&e[0], EXTPROC_S("hunt")), "(hidden)"));
    cr_expect(str_eq_c(config_shown(NULL, EXTPROC_S("hunt")), "hunt"));
}

Test(config_shown, a_long_value_is_cut)
{
    static char text[1000];
    memset(text, 'x', sizeof text);
    cr_expect_lt(strlen(config_quote(&arena, NULL, (struct extproc_str){text, sizeof text})), 300);
}

/* Also a plugin that puts its own words together says nothing of it, not even a part, in another
 * case. */
Test(config_shown, words_that_have_a_piece_of_it_lose_what_was_put_in)
{
    struct config_section *s = section("a = ${SECRET}\nb = plain\n");
    config_say(&errors, CONFIG_ERROR, s, &s->entries[0], "100%% \"%.*s\" is no %s", 5, "HUNTE",
               "colour");
    config_say(&errors, CONFIG_ERROR, s, &s->entries[0], "%s", "hunter2 is no colour");
    config_say(&errors, CONFIG_ERROR, s, &s->entries[1], "differs from %s", "hunter2");
    config_say(&errors, CONFIG_ERROR, s, NULL, "differs from %s", "hunter2");
    config_say(&errors, CONFIG_ERROR, s, &s->entries[0], "%s", "No such file or directory");
    expect_said("main.ini:1: [plugin:x] differs from (hidden)\n"
                "main.ini:2: [plugin:x] a: 100% \"(hidden)\" is no (hidden)\n"
                "main.ini:2: [plugin:x] a: invalid value (hidden)\n"
                "main.ini:2: [plugin:x] a: No such file or directory\n"
                "main.ini:3: [plugin:x] b: differs from (hidden)\n");
}

Test(config_shown, the_name_of_an_included_file_may_be_hidden)
{
    mkdir("hunter2", 0700);
    write_file("hunter2/a.ini", "nonsense\n");
    read_text("[extprocd]\ninclude = ${SECRET}/*.ini\ninclude = ${SECRET}\n");
    cr_assert(is_said(CONFIG_MASK "/a.ini:1: "));
    cr_assert_not(is_said("hunter2"));
}
