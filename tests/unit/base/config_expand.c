#include "scene.h"

#include <criterion/criterion.h>

TestSuite(config_expand, .init = scene_begin, .fini = scene_end);

Test(config_expand, a_variable_is_the_environments)
{
    setenv("EXTPROCD_TEST", "from outside", 1);
    setenv("EXTPROCD_EMPTY", "", 1);
    read_text("[a]\nx = ${EXTPROCD_TEST}\ny = <${EXTPROCD_TEST}${EXTPROCD_EMPTY}>\n"
              "z = ${EXTPROCD_EMPTY}\n");
    expect_said("");
    cr_assert_str_eq(value("x"), "from outside");
    cr_assert_str_eq(value("y"), "<from outside>");
    cr_assert_str_eq(value("z"), "");
}

Test(config_expand, a_variable_that_is_not_set_is_an_error)
{
    unsetenv("EXTPROCD_TEST");
    read_text("[a]\nx = 1\n  ${EXTPROCD_TEST}\n");
    expect_said("main.ini:2: [a] x: ~${EXTPROCD_TEST}~not set~\n");
}

Test(config_expand, a_file_is_relative_to_the_ini_file_and_loses_one_newline)
{
    mkdir("conf.d", 0700);
    write_file("conf.d/one", "secret\n");
    write_file("conf.d/two", "secret\n\n");
    write_file("conf.d/dos", "secret\r\n");
    write_file("conf.d/none", "");
    write_file("conf.d/a.ini", "[a]\none = <${file:one}>\ntwo = <${file:../conf.d/two}>\n"
                               "dos = <${file:dos}>\nnone = <${file:none}>\n");
    read_text("[extprocd]\ninclude = conf.d/a.ini\n");
    expect_said("");
    cr_assert_str_eq(value("one"), "<secret>");
    cr_assert_str_eq(value("two"), "<secret\n>");
    cr_assert_str_eq(value("dos"), "<secret>");
    cr_assert_str_eq(value("none"), "<>");
}

Test(config_expand, a_file_may_be_longer_than_any_line)
{
    static char text[50001];
    memset(text, 'x', 50000);
    write_file("long", text);
    read_text("[a]\nx = ${file:long}\n");
    cr_assert_eq(strlen(value("x")), 50000);
}

Test(config_expand, a_file_that_cannot_be_read_is_an_error)
{
    read_text("[a]\nx = ${file:none}\ny = ${file:.}\nz = ${file:}\n");
    expect_said("main.ini:2: [a] x: ~${file:none}~: No such file or directory\n"
                "main.ini:3: [a] y: ~${file:.}~: is a directory, expected a regular file\n"
                "main.ini:4: [a] z: ~${file:}~: the path is empty\n");
}

Test(config_expand, a_file_with_a_nul_is_an_error)
{
    write_bytes("nul", "a\0b", 3);
    read_text("[a]\nx = ${file:nul}\n");
    expect_said("main.ini:2: [a] x: ~${file:nul}~NUL byte~\n");
}

Test(config_expand, what_was_put_in_is_not_looked_at_again)
{
    setenv("EXTPROCD_TEST", "${HOME} $${ \\; ; #", 1);
    read_text("[a]\nx = ${EXTPROCD_TEST}!\n");
    expect_said("");
    cr_assert_str_eq(value("x"), "${HOME} $${ \\; ; #!");
}

Test(config_expand, escapes)
{
    setenv("V", "v", 1);
    read_text("[a]\n"
              "brace = $${V}\n"
              "dollar = $V $ $$ $$V 100$\n"
              "semicolon = \\;\\;${V}\\;$${\\;\n"
              "backslash = \\d+\\. \\\\; \\\n");
    expect_said("");
    cr_assert_str_eq(value("brace"), "${V}");
    cr_assert_str_eq(value("dollar"), "$V $ $$ $$V 100$");
    cr_assert_str_eq(value("semicolon"), ";;v;${;");
    cr_assert_str_eq(value("backslash"), "\\d+\\. \\; \\");
}

Test(config_expand, what_names_no_variable_is_an_error_that_does_not_show_it)
{
    read_text("[a]\nv = ${}\nw = ${1X}\nx = pass${word\ny = ${a-b} tail\nz = ${file}\n");
    expect_said("main.ini:2: [a] v: ~invalid reference~${VAR}~\n"
                "main.ini:3: [a] w: ~invalid reference~${VAR}~\n"
                "main.ini:4: [a] x: ~missing }~$${~\n"
                "main.ini:5: [a] y: ~invalid reference~${VAR}~\n"
                "main.ini:6: [a] z: ~${file}~not set~\n");
}
