/* criterion: the kit in a Criterion program: what is not as it should be fails the test. */
#ifndef EXTPROCD_TESTS_KIT_CRITERION_H
#define EXTPROCD_TESTS_KIT_CRITERION_H

#include "kit/kit.h"

#include <criterion/criterion.h>

static inline void kit_criterion_fail(const char *file, int line, const char *text)
{
    cr_assert_fail("%s:%d: %s", file, line, text);
}

/* A kit for an ini text, or for descriptors: up to a {0}. */
static inline struct kit *kit_of_ini(const char *ini)
{
    return kit_new(&(struct kit_options){.ini = ini, .fail = kit_criterion_fail});
}
static inline struct kit *kit_of(const struct kit_linked *linked)
{
    return kit_new(&(struct kit_options){.linked = linked, .fail = kit_criterion_fail});
}

#endif
