#include "base/keys/keys.h"

#include "base/str.h"
#include "failing.h"
#include "scene.h"

#include <criterion/criterion.h>

static const struct extproc_key some_keys[] = {
    {"file", EXTPROC_KEY_TYPE_STR, EXTPROC_KEY_REQUIRED, NULL, NULL, "The shared object."},
    {"set", EXTPROC_KEY_TYPE_STR, EXTPROC_KEY_LIST},
    {"timeout", EXTPROC_KEY_TYPE_DURATION, 0, "150ms"},
    {"size", EXTPROC_KEY_TYPE_SIZE},
    {"mode", EXTPROC_KEY_TYPE_CHOICE, 0, "enforce", "enforce|shadow|off"},
    {"codes", EXTPROC_KEY_TYPE_INT, EXTPROC_KEY_LIST, "200"},
    {"token", EXTPROC_KEY_TYPE_INT, EXTPROC_KEY_SECRET},
    {"share", EXTPROC_KEY_TYPE_INT, .min = "1", .max = "99"},
    {NULL},
};
static const struct keys_table table = {some_keys, sizeof *some_keys};

static struct arena arena;
static struct keys keys;

static void given_a_folder(void)
{
    scene_begin();
    arena_init(&arena, 1024);
}
static void remove_it(void)
{
    arena_fini(&arena);
    scene_end();
}
TestSuite(keys, .init = given_a_folder, .fini = remove_it);

/* Checks [plugin:x] with these lines; the first of them is line 2. */
static bool check(const char *lines)
{
    char text[1000];
    snprintf(text, sizeof text, "[plugin:x]\n%s", lines);
    read_text(text);
    return keys_check(&config->sections[0], table, &arena, &errors, &keys);
}

Test(keys, values_are_typed)
{
    cr_assert(check("file = a.so\nset = one\nset = two\ntimeout = 2s\nmode = off\n"));
    expect_said("");
    cr_assert(str_eq_c(keys_text(&keys, "file"), "a.so"));
    cr_assert_eq(keys_number(&keys, "timeout"), 2000000);
    cr_assert_eq(keys_number(&keys, "mode"), 2);

    const struct keys_slot *set = keys_find(&keys, "set");
    cr_assert_eq(set->n_values, 2);
    cr_assert_str_eq(set->values[1].text.ptr, "two");
    cr_assert_eq(set->values[1].entry->line, 4);
}

Test(keys, a_fallback_stands_for_an_absent_key)
{
    cr_assert(check("file = a.so\n"));
    cr_assert(str_eq_c(keys_text(&keys, "timeout"), "150ms"));
    cr_assert_eq(keys_number(&keys, "timeout"), 150000);
    cr_assert_null(keys_find(&keys, "timeout")->values[0].entry);
    cr_assert_eq(keys_find(&keys, "codes")->n_values, 1);
}

Test(keys, what_is_not_there_is_absent)
{
    cr_assert(check("file = a.so\n"));
    cr_assert_eq(keys_find(&keys, "set")->n_values, 0);
    cr_assert_null(keys_text(&keys, "size").ptr);
    cr_assert_eq(keys_number(&keys, "size"), 0);
    cr_assert_null(keys_find(&keys, "no such key"));
    cr_assert_null(keys_text(&keys, "no such key").ptr);
}

Test(keys, every_mistake_is_reported)
{
    cr_assert_not(check("set = a\ntimeout = soon\nmode = on\ncodes = 1\ncodes = x\nsize = 1\n"
                        "size = 2\nsize = 3\nshare = 100\n"));
    expect_said("main.ini:1: [plugin:x] file: ~missing required key~\n"
                "main.ini:3: [plugin:x] timeout: ~\"soon\"~150us~\n"
                "main.ini:4: [plugin:x] mode: ~\"on\"~enforce, shadow, off\n"
                "main.ini:6: [plugin:x] codes: ~\"x\"~integer\n"
                "main.ini:8: [plugin:x] size: ~duplicate key~main.ini:7\n"
                "main.ini:9: [plugin:x] size: ~duplicate key~main.ini:7\n"
                "main.ini:10: [plugin:x] share: invalid value \"100\": expected 1 to 99\n");
    cr_assert_eq(keys_find(&keys, "codes")->n_values, 1, "what is right is there");
}

Test(keys, a_secret_is_never_shown)
{
    cr_assert_not(check("file = a.so\ntoken = hunter2\n"));
    expect_said("main.ini:3: [plugin:x] token: invalid value (hidden): expected an integer\n");
}

Test(keys, what_came_from_outside_the_file_is_not_shown)
{
    setenv("EXTPROCD_TEST", "hunter2", 1);
    cr_assert_not(check("file = a.so\nsize = ${EXTPROCD_TEST}\n"));
    cr_assert(is_said("[plugin:x] size: invalid value (hidden): expected a size"));
    cr_assert_not(is_said("hunter2"));
}

Test(keys, a_value_that_could_not_be_read_is_one_error)
{
    cr_assert_not(check("file = ${EXTPROCD_TEST_UNSET}\n"));
    cr_assert_eq(errors.n_errors, 1);
    keys_unknown(&config->sections[0], &table, 1, &errors);
    cr_assert_eq(errors.n_errors, 1);
}

Test(keys, an_entry_that_no_table_claims_is_unknown)
{
    static const struct extproc_key others[] = {{"when.path", EXTPROC_KEY_TYPE_STR}, {NULL}};
    const struct keys_table tables[] = {table, {others, sizeof *others}, {NULL, 0}};
    cr_assert(check("file = a.so\nwhen.paht = /\ntimeuot = 1s\nnothing.like.it = 1\n"));
    keys_unknown(&config->sections[0], tables, 3, &errors);
    expect_said("main.ini:3: [plugin:x] when.paht: unknown key~when.path~\n"
                "main.ini:4: [plugin:x] timeuot: unknown key~timeout~\n"
                "main.ini:5: [plugin:x] nothing.like.it: unknown key~known keys: file set ~\n");
}

Test(keys, a_required_key_that_is_misspelt_is_one_mistake)
{
    cr_assert_not(check("fil = a.so\nnothing.like.it = 1\n"));
    keys_unknown(&config->sections[0], &table, 1, &errors);
    expect_said("main.ini:2: [plugin:x] fil: unknown key~file~\n"
                "main.ini:3: [plugin:x] nothing.like.it: unknown key~\n");
}

Test(keys, a_table_is_walked_by_its_own_stride)
{
    static const struct {
        struct extproc_key key;
        const char *of_a_later_minor;
    } larger[] = {
        {{"file", EXTPROC_KEY_TYPE_STR}, "x"}, {{"size", EXTPROC_KEY_TYPE_SIZE}, "y"}, {{NULL}}};

    read_text("[plugin:x]\nfile = a.so\nsize = 4k\n");
    cr_assert(keys_check(&config->sections[0], (struct keys_table){&larger[0].key, sizeof *larger},
                         &arena, &errors, &keys));
    cr_assert_eq(keys.n_slots, 2);
    cr_assert_eq(keys_number(&keys, "size"), 4096);
}

Test(keys, no_table_is_an_empty_one)
{
    read_text("[plugin:x]\nfile = a.so\n");
    cr_assert(
        keys_check(&config->sections[0], (struct keys_table){NULL, 0}, &arena, &errors, &keys));
    cr_assert_eq(keys.n_slots, 0);
}

Test(keys, without_memory_is_an_error)
{
    if (failing_is_off)
        cr_skip_test("the allocator is the sanitizer's");
    read_text("[plugin:x]\nfile = a.so\n");
    for (long n = 0; n < 2; n++) {
        struct arena small;
        arena_init(&small, 16);
        fail_after(n);
        cr_assert_not(keys_check(&config->sections[0], table, &small, &errors, &keys));
        fail_no_more();
        arena_fini(&small);
    }
    cr_assert_eq(errors.n_errors, 2);
}

Test(keys, milliseconds_are_rounded_up)
{
    static const struct extproc_key times[] = {
        {"a", EXTPROC_KEY_TYPE_DURATION}, {"b", EXTPROC_KEY_TYPE_DURATION}, {NULL}};
    read_text("[plugin:x]\na = 150us\nb = 0\n");
    cr_assert(keys_check(&config->sections[0], (struct keys_table){times, sizeof *times}, &arena,
                         &errors, &keys));
    cr_assert_eq(keys_ms(&keys, "a"), 1);
    cr_assert_eq(keys_ms(&keys, "b"), 0);
}

Test(keys, numbers_with_a_fraction_and_paths)
{
    static const struct extproc_key others[] = {
        {"ratio", EXTPROC_KEY_TYPE_FLOAT},
        {"page", EXTPROC_KEY_TYPE_PATH},
        {"style", EXTPROC_KEY_TYPE_PATH, .fallback = "c.css"},
        {NULL}};
    read_text("[plugin:x]\nratio = -1.25\npage = a/b.html\n");
    struct config_entry *entries = config->sections[0].entries;
    entries[0].path = entries[1].path = "/etc/x/main.ini";
    cr_assert(keys_check(&config->sections[0], (struct keys_table){others, sizeof *others}, &arena,
                         &errors, &keys));
    cr_assert_eq(keys_find(&keys, "ratio")->values[0].real, -1.25);
    cr_assert(str_eq_c(keys_text(&keys, "page"), "/etc/x/a/b.html"));
    cr_assert(str_eq_c(keys_text(&keys, "style"), "/etc/x/c.css"), "a fallback, too");
}

/* ---- families -------------------------------------------------------------------------------- */

static const struct extproc_key families[] = {
    {"file", EXTPROC_KEY_TYPE_STR}, {"when.*", EXTPROC_KEY_TYPE_STR, EXTPROC_KEY_LIST}, {NULL}};

Test(keys, a_family_has_every_key_that_begins_with_its_name)
{
    const struct keys_table all = {families, sizeof *families};
    read_text("[plugin:x]\nwhen.path = /a\nfile = x\nwhen.header.a = b\nwhen.path = /b\n");
    cr_assert(keys_check(&config->sections[0], all, &arena, &errors, &keys));
    keys_unknown(&config->sections[0], &all, 1, &errors);
    expect_said("");
    const struct keys_slot *slot = keys_find(&keys, "when.*");
    cr_assert_eq(slot->n_values, 3);
    cr_expect_str_eq(slot->values[1].entry->key, "when.header.a");
    cr_expect_str_eq(slot->values[2].text.ptr, "/b");
}

Test(keys, a_key_like_those_of_a_family_is_reported_with_its_name)
{
    const struct keys_table all = {families, sizeof *families};
    read_text("[plugin:x]\nwhne.path = /a\nwhen = /b\n.path = x\n");
    cr_assert(keys_check(&config->sections[0], all, &arena, &errors, &keys));
    keys_unknown(&config->sections[0], &all, 1, &errors);
    expect_said("main.ini:2: [plugin:x] whne.path: unknown key (did you mean when.path?)\n"
                "main.ini:3: [plugin:x] when: unknown key (known keys: file when.*)\n"
                "main.ini:4: [plugin:x] .path: unknown key (known keys: file when.*)\n");
}
