#include "scene.h"

#include <criterion/criterion.h>

TestSuite(config_build, .init = scene_begin, .fini = scene_end);

Test(config_build, a_named_section_is_defined_once)
{
    read_text("[plugin:a]\nx = 1\n[plugin:b]\n[plugin:a]\ny = 2\n");
    expect_said("main.ini:4: [plugin:a] ~duplicate~main.ini:1\n");
    cr_assert_eq(config->n_sections, 3, "the second one's entries are there to be checked");
    cr_assert_str_eq(config->sections[2].entries[0].key, "y");
}

Test(config_build, a_name_may_be_used_by_another_type)
{
    read_text("[plugin:a]\n[chain:a]\n");
    expect_said("");
}

Test(config_build, a_named_section_of_an_included_file_counts_too)
{
    write_file("a.ini", "[plugin:a]\n");
    read_text("[plugin:a]\n[extprocd]\ninclude = a.ini\n");
    expect_said("a.ini:1: [plugin:a] ~duplicate~main.ini:1\n");
}

Test(config_build, a_section_without_a_name_may_go_on_elsewhere)
{
    write_file("log.ini", "[extprocd]\nlog_level = debug\n");
    read_text("[extprocd]\ninclude = log.ini\n[chain:a]\n[extprocd]\ndrain = 5s\n");
    expect_said("");
    cr_assert_eq(config->n_sections, 2);

    const struct config_section *section = config_find(config, "extprocd", "");
    cr_assert_eq(section->n_entries, 3);
    cr_assert_str_eq(section->entries[1].value.ptr, "debug");
    cr_assert_str_eq(section->entries[1].file, "log.ini");
    cr_assert_eq(section->entries[1].line, 2);
    cr_assert_str_eq(section->entries[2].value.ptr, "5s");
}

Test(config_build, many_of_everything_keep_their_order)
{
    char text[40000] = "";
    for (int i = 0; i < 100; i++)
        snprintf(text + strlen(text), 100, "[plugin:p%d]\nk = %d\nk = %d\nk = %d\n", i, i, i + 1,
                 i + 2);
    read_text(text);
    cr_assert_eq(config->n_sections, 100);
    for (int i = 0; i < 100; i++) {
        const struct config_section *section = &config->sections[i];
        cr_assert_eq(section->n_entries, 3);
        cr_assert_eq(atoi(section->entries[0].value.ptr), i);
        cr_assert_eq(atoi(section->entries[2].value.ptr), i + 2);
    }
}

Test(config_build, a_value_that_cannot_be_expanded_is_kept_as_refused)
{
    read_text("[a]\nx = ${EXTPROCD_TEST_UNSET}\ny = 1\n");
    const struct config_entry *entries = config_find(config, "a", "")->entries;
    cr_assert_eq(errors.n_errors, 1);
    cr_assert(entries[0].refused);
    cr_assert_str_eq(entries[0].value.ptr, "");
    cr_assert_not(entries[1].refused);
}
