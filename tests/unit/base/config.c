#include "base/config/config.h"

#include "failing.h"
#include "scene.h"

#include <criterion/criterion.h>

TestSuite(config, .init = scene_begin, .fini = scene_end);

Test(config, a_file_is_sections_of_entries_with_their_places)
{
    read_text("[extprocd]\nlog_level = info\n\n[plugin:tags]\nfile = headers.so\n");
    expect_said("");
    cr_assert_str_eq(config->file, "main.ini");
    cr_assert_eq(config->n_sections, 2);

    const struct config_section *plugin = config_find(config, "plugin", "tags");
    cr_assert_str_eq(plugin->type, "plugin");
    cr_assert_str_eq(plugin->name, "tags");
    cr_assert_str_eq(plugin->file, "main.ini");
    cr_assert_eq(plugin->line, 4);
    cr_assert_eq(plugin->n_entries, 1);
    cr_assert_str_eq(plugin->entries[0].key, "file");
    cr_assert_str_eq(plugin->entries[0].value.ptr, "headers.so");
    cr_assert_eq(plugin->entries[0].value.len, 10);
    cr_assert_eq(plugin->entries[0].line, 5);
    cr_assert_not(plugin->entries[0].used);
}

Test(config, what_is_not_there_is_not_found)
{
    read_text("[plugin:tags]\n");
    cr_assert_null(config_find(config, "plugin", "tag"));
    cr_assert_null(config_find(config, "chain", "tags"));
    cr_assert_null(config_free(NULL));
}

Test(config, a_file_that_cannot_be_read_is_an_error)
{
    config_read("none.ini", NULL, NULL, &errors, &config);
    expect_said("none.ini: cannot be read: ~\n");
    cr_assert_not_null(config);
    cr_assert_eq(config->n_sections, 0);
    config = config_free(config);

    config_read(".", NULL, NULL, &errors, &config);
    cr_assert(is_said(".: cannot be read: "));
}

/* ---- includes -------------------------------------------------------------------------------- */

Test(config, an_include_is_read_where_it_stands)
{
    mkdir("conf.d", 0700);
    write_file("conf.d/x.ini", "[chain:x]\nplugins = x\n");
    read_text("[chain:first]\n[extprocd]\ninclude = conf.d/x.ini\ndrain = 30s\n[chain:last]\n");

    expect_said("");
    cr_assert_eq(config->n_sections, 4);
    cr_assert_str_eq(config->sections[2].name, "x");
    cr_assert_str_eq(config->sections[2].file, "conf.d/x.ini");
    cr_assert_str_eq(config->sections[3].name, "last");
    cr_assert_str_eq(nth("extprocd", "", "drain", 0), "30s", "the section goes on after it");
    cr_assert(config_find(config, "extprocd", "")->entries[0].used);
}

Test(config, a_pattern_stands_for_its_files_in_name_order)
{
    mkdir("conf.d", 0700);
    write_file("conf.d/b.ini", "[chain:b]\n");
    write_file("conf.d/a.ini", "[chain:a]\n");
    write_file("conf.d/c.ini", "[chain:c]\n");
    write_file("conf.d/d.ini.bak", "[chain:d]\n");
    read_text("[extprocd]\ninclude = conf.d/*.ini\n");

    expect_said("");
    cr_assert_eq(config->n_sections, 4);
    for (size_t i = 1; i < 4; i++)
        cr_assert_eq(config->sections[i].name[0], (char)('a' + i - 1));
}

Test(config, includes_are_relative_to_the_file_that_has_them)
{
    mkdir("one", 0700);
    mkdir("one/two", 0700);
    write_file("one/a.ini", "[extprocd]\ninclude = two/b.ini\n");
    write_file("one/two/b.ini", "[extprocd]\ninclude = ../c.ini\n");
    write_file("one/c.ini", "[chain:c]\n");
    read_text("[extprocd]\ninclude = one/a.ini\n");

    expect_said("");
    cr_assert_str_eq(config_find(config, "chain", "c")->file, "one/two/../c.ini");
}

Test(config, an_include_may_repeat)
{
    write_file("a.ini", "[chain:a]\n");
    write_file("b.ini", "[chain:b]\n");
    read_text("[extprocd]\ninclude = a.ini\ninclude = b.ini\n");
    expect_said("");
    cr_assert_eq(config->n_sections, 3);
}

Test(config, a_pattern_may_match_nothing_but_a_name_must_be_there)
{
    read_text("[extprocd]\ninclude = none.d/*.ini\ninclude = none-*\ninclude = none.ini\n");
    expect_said("main.ini:4: [extprocd] include: ~cannot read none.ini: ~\n");
}

Test(config, a_folder_is_not_a_file)
{
    mkdir("x.ini", 0700);
    read_text("[extprocd]\ninclude = x*\n");
    expect_said("main.ini:2: [extprocd] include: ~cannot read x.ini: ~\n");
}

Test(config, a_folder_that_cannot_be_searched_is_reported)
{
    cr_assert_eq(symlink("loop", "loop"), 0);
    read_text("[extprocd]\ninclude = loop/*.ini\n");
    expect_said("main.ini:2: [extprocd] include: ~loop/*.ini~: Permission denied\n");
}

Test(config, a_circle_of_includes_ends_where_it_closes)
{
    write_file("b.ini", "[extprocd]\ninclude = ./main.ini\ndrain = 1s\n");
    read_text("[extprocd]\ninclude = b.ini\nworkers = 2\n");
    expect_said("b.ini:2: [extprocd] include: ~./main.ini includes itself\n");
    cr_assert_str_eq(nth("extprocd", "", "drain", 0), "1s");
    cr_assert_str_eq(nth("extprocd", "", "workers", 0), "2");
}

Test(config, a_pattern_that_matches_the_file_itself_is_a_circle)
{
    read_text("[extprocd]\ninclude = *.ini\n");
    expect_said("main.ini:2: [extprocd] include: ~main.ini includes itself\n");
}

Test(config, a_file_counts_once_whatever_its_name)
{
    write_file("a.ini", "[chain:a]\n");
    cr_assert_eq(symlink("a.ini", "b.ini"), 0);
    read_text("[extprocd]\ninclude = a.ini\ninclude = b.ini\n");
    expect_said("main.ini:3: [extprocd] include: ~b.ini~already included at main.ini:2~\n");
    cr_assert_eq(config->n_sections, 2);
}

Test(config, only_extprocd_includes)
{
    read_text("[plugin:x]\ninclude = none.ini\n");
    expect_said("");
    cr_assert_str_eq(nth("plugin", "x", "include", 0), "none.ini");
}

Test(config, errors_of_an_included_file_name_it)
{
    write_file("a.ini", "[chain:a]\nnonsense\n");
    read_text("[extprocd]\ninclude = a.ini\n");
    cr_assert(is_said("a.ini:2: [chain:a] ~missing ="));
}

/* ---- memory ---------------------------------------------------------------------------------- */

Test(config, memory_that_runs_out_anywhere_is_an_error)
{
    if (failing_is_off)
        cr_skip_test("the allocator is the sanitizer's");
    char text[40000] = "[extprocd]\ninclude = *.inc\ninclude = b.txt\ndrain = ${file:b.txt}\n";
    for (int i = 0; i < 300; i++)
        snprintf(text + strlen(text), 128, "[plugin:p%d]\nk1 = v\nk2 = v\n  more\nk3 = v\n", i);
    write_file("main.ini", text);
    write_file("a.inc", "[chain:a]\nplugins = p1\n[chain:a]\n");
    write_file("b.txt", "[chain:b]\n");

    for (long n = 0;; n++) {
        fail_after(n);
        config_read("main.ini", knows, NULL, &errors, &config);
        bool enough = allocations_left > 0;
        fail_no_more();
        cr_assert(errors.n_errors > 0);
        if (enough)
            break;
        config = config_free(config);
        config_errors_fini(&errors);
    }
    expect_said("a.inc:3: [chain:a] ~duplicate~a.inc:1\n");
}
