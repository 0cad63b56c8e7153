#include "base/config/config_private.h"
#include "scene.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct arena arena;

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
TestSuite(config_files, .init = given_a_folder, .fini = remove_it);

Test(config_files, beside_is_in_the_folder_of_the_file)
{
    cr_assert_str_eq(config_beside(&arena, "main.ini", "x"), "x");
    cr_assert_str_eq(config_beside(&arena, "/etc/extprocd/main.ini", "x"), "/etc/extprocd/x");
    cr_assert_str_eq(config_beside(&arena, "conf.d/a.ini", "../x"), "conf.d/../x");
    cr_assert_str_eq(config_beside(&arena, "/etc/main.ini", "/run/x"), "/run/x");
}

Test(config_files, a_pattern_is_distinguished_from_a_name)
{
    cr_assert(config_is_pattern("conf.d/*.ini"));
    cr_assert(config_is_pattern("x?"));
    cr_assert(config_is_pattern("[ab].ini"));
    cr_assert_not(config_is_pattern("conf.d/a.ini"));
}

Test(config_files, the_folder_is_not_part_of_the_pattern)
{
    const char **paths;
    size_t n;
    mkdir("odd[1]*\\", 0700);
    mkdir("odd1", 0700);
    write_file("odd[1]*\\/a.ini", "");
    write_file("odd1/b.ini", "");
    cr_assert_eq(config_matches(&arena, "odd[1]*\\/main.ini", "*.ini", &paths, &n), 0);
    cr_assert_eq(n, 1);
    cr_assert_str_eq(paths[0], "odd[1]*\\/a.ini");
}

Test(config_files, an_absolute_pattern_stands_for_itself)
{
    char pattern[100];
    const char **paths;
    size_t n;
    write_file("a.ini", "");
    snprintf(pattern, sizeof pattern, "%s/*.ini", scene_dir);
    cr_assert_eq(config_matches(&arena, "/etc/main.ini", pattern, &paths, &n), 0);
    cr_assert_eq(n, 1);
}
