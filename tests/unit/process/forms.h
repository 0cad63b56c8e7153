/* forms: a recipe that a test writes down, in the syntax of one kind of proxy. */
#ifndef EXTPROCD_TESTS_UNIT_PROCESS_FORMS_H
#define EXTPROCD_TESTS_UNIT_PROCESS_FORMS_H

#include "kit/printed.h"
#include "process/proxy/forms.h"

#include <criterion/criterion.h>
#include <string.h>

static struct listener listener = {.transport.name = "a"};
static struct recipe recipe = {
    .listener = &listener, .connections = 10, .streams = 1000, .health_ms = 1500, .message_s = 7};

static inline const char *form_printed(void (*form)(const struct recipe *r))
{
    printed_begin();
    form(&recipe);
    return printed_end();
}

static inline void expect_printed(void (*form)(const struct recipe *r), const char *wanted)
{
    const char *text = form_printed(form);
    cr_expect_not_null(strstr(text, wanted), "no\n%s\nin\n%s", wanted, text);
}

static inline void expect_not_printed(void (*form)(const struct recipe *r), const char *unwanted)
{
    const char *text = form_printed(form);
    cr_expect_null(strstr(text, unwanted), "%s\nis in\n%s", unwanted, text);
}

/* Names that need quotes, and one that need escape them. */
static const struct extproc_str printed_names[] = {EXTPROC_STR("request.path"),
                                                   EXTPROC_STR("a\"b\\c\n")};
static const struct recipe_names two_names = {printed_names, 2};
#define TWO_NAMES "[\"request.path\", \"a\\\"b\\\\c\\x0a\"]"

#endif
