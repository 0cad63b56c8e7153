/* scene: an ini file of a test's, read into settings. */
#ifndef EXTPROCD_TESTS_UNIT_PROCESS_SCENE_H
#define EXTPROCD_TESTS_UNIT_PROCESS_SCENE_H

#include "kit/lines.h"
#include "process/setup/settings.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct arena arena;
static struct config *config;
static struct config_errors errors;
static struct settings settings;
static char file[] = "/tmp/extprocd-settings-XXXXXX";

/* NULL: it is not in this build. */
static inline const struct transport_ops *found(const char *name)
{
    char why[TRANSPORT_WHY];
    return transport_find(name, why);
}

static inline void setup(void)
{
    arena_init(&arena, 1024);
    close(mkstemp(file));
}

static inline void teardown(void)
{
    config_free(config);
    config_errors_fini(&errors);
    arena_fini(&arena);
    unlink(file);
}

/* Whatever was read before is forgotten. */
static inline bool read_text(const char *text)
{
    FILE *f = fopen(file, "w");
    fputs(text, f);
    fclose(f);
    config_free(config);
    config_errors_fini(&errors);
    config_read(file, settings_knows, NULL, &errors, &config);
    return settings_read(config, &arena, &errors, &settings);
}

/* One of the lines is "FILE:", and then this. */
/* A ~ stands for any text. */
static inline void expect_line(const char *wanted)
{
    bool found = false;
    for (size_t i = 0; i < errors.n_lines; i++)
        found = found || lines_match(errors.lines[i] + strlen(file) + 1, wanted);
    cr_expect(found, "wanted: %s\ngot: %s", wanted, errors.n_lines ? errors.lines[0] : "nothing");
}

static inline void expect_error(const char *text, const char *wanted)
{
    cr_expect_not(read_text(text), "taken: %s", text);
    expect_line(wanted);
}

#endif
