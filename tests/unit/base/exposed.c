#include "base/config/exposed.h"

#include "scene.h"

#include <criterion/criterion.h>

static struct arena arena;
static struct exposed e;

static void begin(void)
{
    umask(022);
    scene_begin();
    arena_init(&arena, 256);
    mkdir("d", 0755);
    write_file("d/file", "x");
}

static void end(void)
{
    arena_fini(&arena);
    scene_end();
}

TestSuite(exposed, .init = begin, .fini = end);

Test(exposed, a_file_that_only_its_owner_writes)
{
    cr_expect_not(exposed_find("d/file", &arena, &e));
    cr_expect_not(exposed_find("d/none", &arena, &e));
    cr_expect_not(exposed_find("d", &arena, &e), "no file");
}

Test(exposed, a_file_that_others_write)
{
    static const mode_t modes[] = {0660, 0646, 0666, 0777};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        chmod("d/file", modes[i]);
        cr_assert(exposed_find("d/file", &arena, &e));
        cr_expect_eq(e.mode, modes[i]);
        cr_expect_str_eq(e.path, "d/file");
        cr_expect_not(e.folder);
    }
}

Test(exposed, a_folder_whose_entries_others_replace)
{
    chmod("d", 0777);
    cr_assert(exposed_find("d/file", &arena, &e));
    cr_expect(e.folder);
    cr_expect_eq(e.mode, 0777u);
    cr_expect_str_eq(strrchr(e.path, '/'), "/d");

    chmod("d", 01777);
    cr_expect_not(exposed_find("d/file", &arena, &e), "the sticky bit protects it");
}

Test(exposed, a_folder_further_up)
{
    mkdir("d/e", 0755);
    write_file("d/e/file", "x");
    chmod("d", 0775);
    cr_assert(exposed_find("d/e/file", &arena, &e));
    cr_expect_str_eq(strrchr(e.path, '/'), "/d");
}

/* A user who may replace the link, or its target, may replace what is loaded. */
Test(exposed, a_link)
{
    mkdir("links", 0777);
    chmod("links", 0777);
    cr_assert_eq(symlink("../d/file", "links/file"), 0);
    cr_assert(exposed_find("links/file", &arena, &e));
    cr_expect_str_eq(strrchr(e.path, '/'), "/links");

    chmod("links", 0755);
    cr_expect_not(exposed_find("links/file", &arena, &e));
    chmod("d", 0777);
    cr_assert(exposed_find("links/file", &arena, &e));
    cr_expect_str_eq(strrchr(e.path, '/'), "/d");
}

Test(exposed, a_configuration_and_what_it_includes)
{
    write_file("a.ini", "[chain:a]\n");
    write_file("main.ini", "[extprocd]\ninclude = a.ini\n");
    chmod("main.ini", 0666);
    chmod("a.ini", 0664);
    config_read("main.ini", knows, NULL, &errors, &config);
    cr_expect(is_said("main.ini: warning: main.ini has mode 0666"));
    cr_expect(is_said("main.ini:2: [extprocd] include: warning: a.ini has mode 0664"));
    cr_expect_eq(errors.n_errors, 0);
}

Test(exposed, a_file_that_all_users_may_read)
{
    chmod(scene_dir, 0711);
    chmod("d/file", 0644);
    cr_expect(exposed_to_readers("d/file"));
    chmod("d/file", 0640);
    cr_expect_not(exposed_to_readers("d/file"));
    chmod("d/file", 0644);
    chmod("d", 0750);
    cr_expect_not(exposed_to_readers("d/file"), "nobody comes near");
}
