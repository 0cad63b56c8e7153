/* ini: a text read as an ini file, and what was said about it. */
#ifndef EXTPROCD_UNIT_PLUGIN_INI_H
#define EXTPROCD_UNIT_PLUGIN_INI_H

#include "base/config/config.h"
#include "kit/lines.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Read as "test.ini", in a folder of its own that is gone when this returns. */
static inline struct config *ini_read(const char *text, struct config_errors *errors)
{
    char dir[] = "/tmp/extprocd-test-XXXXXX";
    cr_assert(mkdtemp(dir) && chdir(dir) == 0);
    FILE *file = fopen("test.ini", "w");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);

    struct config *config;
    config_read("test.ini", NULL, NULL, errors, &config);
    unlink("test.ini");
    rmdir(dir);
    return config;
}

/* Exactly these lines were said, in which a ~ stands for any text; NULL ends them. */
static inline void ini_expect(const struct config_errors *errors, const char *const *lines)
{
    size_t n = 0;
    for (; lines[n]; n++) {
        if (n < errors->n_lines)
            cr_expect(lines_match(errors->lines[n], lines[n]), "expected: %s\nsaid: %s", lines[n],
                      errors->lines[n]);
        else
            cr_expect_fail("not said: %s", lines[n]);
    }
    for (; n < errors->n_lines; n++)
        cr_expect_fail("also said: %s", errors->lines[n]);
}
#define INI_EXPECT(errors, ...) ini_expect(errors, (const char *const[]){__VA_ARGS__, NULL})

#endif
