/* What reading costs grows with a file, not with its square: four times the lines take four times
 * the time, and would take sixteen times where something is looked for by going through all of
 * it. */
#include "base/keys/keys.h"
#include "scene.h"

#include <criterion/criterion.h>
#include <time.h>

enum { TRIES = 5, SMALL = 5000, LARGE = 4 * SMALL, RATIO_MAX = 9 };

TestSuite(config_size, .init = scene_begin, .fini = scene_end, .timeout = 300);

static const struct extproc_key keys[] = {
    {.name = "file"}, {.name = "set", .flags = EXTPROC_KEY_LIST}, {0}};

static void check_sections(void)
{
    const struct keys_table table = {keys, sizeof *keys};
    struct keys typed;
    struct arena arena;
    arena_init(&arena, 4096);
    for (size_t i = 0; i < config->n_sections; i++) {
        keys_check(&config->sections[i], table, &arena, &errors, &typed);
        keys_unknown(&config->sections[i], &table, 1, &errors);
        config_find(config, "plugin", config->sections[i].name);
    }
    arena_fini(&arena);
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The least that n such lines have taken. */
static double cost(const char *head, const char *line, int n)
{
    FILE *f = fopen("main.ini", "w");
    fputs(head, f);
    for (int i = 0; i < n; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        fprintf(f, line, i);
#pragma GCC diagnostic pop
    }
    fclose(f);

    double least = 1e9;
    for (int i = 0; i < TRIES; i++) {
        config = config_free(config);
        config_errors_fini(&errors);
        double start = cpu_seconds();
        config_read("main.ini", knows, NULL, &errors, &config);
        check_sections();
        double took = cpu_seconds() - start;
        least = took < least ? took : least;
    }
    return least;
}

static void expect_linear(const char *head, const char *line)
{
    double small = cost(head, line, SMALL), large = cost(head, line, LARGE);
    cr_expect(large < RATIO_MAX * small, "%s: %d lines: %g s, %d lines: %g s", line, SMALL, small,
              LARGE, large);
}

Test(config_size, sections)
{
    expect_linear("", "[plugin:p%d]\nfile = x\n");
    cr_expect_eq(config->n_sections, LARGE);
    cr_expect_eq(errors.n_errors, 0);
}

Test(config_size, one_section_that_is_defined_again_and_again)
{
    expect_linear("", "[plugin:p]\nset = %d\n");
}

Test(config_size, one_section_that_goes_on_again_and_again)
{
    expect_linear("", "[extprocd]\nset = %d\n");
    cr_expect_eq(config->n_sections, 1);
}

Test(config_size, values_of_one_key)
{
    expect_linear("[plugin:p]\n", "set = %d\n");
}

Test(config_size, one_long_value)
{
    expect_linear("[plugin:p]\nset = x\n", "  line %d\n");
}

Test(config_size, unknown_keys)
{
    expect_linear("[plugin:p]\n", "fiel%d = x\n");
}

Test(config_size, errors_are_counted_and_the_first_are_kept)
{
    expect_linear("[plugin:p]\n", "nonsense %d\n");
    cr_expect_eq(errors.n_errors, LARGE);
    cr_expect_eq(errors.n_lines, CONFIG_LINES_MAX);
}
