/* --print-keys: every key of every section, in each form. */
#include "kit/printed.h"
#include "process/process.h"
#include "process/setup/settings.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int status; /* of the last command */

static const char *keys_in(const char *form)
{
    printed_begin();
    status = process_print_keys(form);
    return printed_end();
}

static void expect_in(const char *text, const char *wanted)
{
    cr_expect_not_null(strstr(text, wanted), "no %s", wanted);
}

Test(reference, every_form_has_every_key)
{
    static const struct {
        const char *form, *key; /* as the form writes it */
    } forms[] = {{"text", "\n  %s ("}, {"markdown", "\n| `%s` | "}, {"man", "\n\\fB%s\\fR ("}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const char *text = keys_in(forms[i].form);
        cr_assert_eq(status, EXIT_GOOD);
        for (const struct settings_section *s = settings_sections; s->name; s++)
            for (const struct extproc_key *key = s->keys; key->name; key++) {
                char wanted[64], *name = strstr(strcpy(wanted, forms[i].key), "%s");
                snprintf(name, sizeof wanted - (size_t)(name - wanted), "%s%s", key->name,
                         strstr(forms[i].key, "%s") + 2);
                expect_in(text, wanted);
            }
    }
}

Test(reference, a_section_says_whether_it_takes_a_name)
{
    const char *text = keys_in("text");
    expect_in(text, "\n[extprocd]\n");
    expect_in(text, "\n[listener:NAME]\n");
    expect_in(text, "\n[chain:NAME]\n");
    expect_in(text, "\n[plugin:NAME]\n");
    expect_in(keys_in("markdown"), "\n### `[listener:NAME]`\n\n| key | takes | default | |\n");
    expect_in(keys_in("man"), ".SS [listener:NAME]\n");
}

Test(reference, a_key_says_what_it_takes_and_what_holds_without_it)
{
    const char *text = keys_in("text");
    expect_in(text, "  address (text; required)\n");
    expect_in(text, "  drain (duration; default: 30s)\n");
    expect_in(text, "  max_message (size; default: 16m)\n");
    expect_in(text, "  log_format (one of text json; default: text)\n");
    expect_in(text, "; may be repeated");
}

/* It differs from build to build, and what is printed is committed. */
Test(reference, no_folder_of_this_machine_is_printed)
{
    expect_in(keys_in("text"), "  plugin_dir (text; default: where the bundled plugins are "
                               "installed)\n");
    cr_expect_null(strstr(keys_in("text"), "lib/"));
}

/* roff takes a minus for a hyphen, and a backslash for its own. */
Test(reference, a_manual_page_has_no_hyphens_where_there_is_a_minus)
{
    for (const char *at = keys_in("man"); (at = strchr(at, '-')); at++)
        cr_expect_eq(at[-1], '\\', "%.40s", at - 10);
}

Test(reference, a_form_that_is_not_known)
{
    cr_expect_str_empty(keys_in("html"));
    cr_expect_eq(status, EXIT_USAGE);
}
