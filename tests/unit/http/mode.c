/* Each mode's traits, written out a second time as a picture. */
#include "http/mode.h"

#include <criterion/criterion.h>

/* built (N not, B bodiless, Y), body (n never, c chunks, w all in one, u unsaid), holds headers,
 * one answer or many. */
static const struct {
    enum body_mode mode;
    const char *name, *traits;
    enum extproc_body_mode shown;
} rows[] = {
    {BODY_MODE_NONE, "NONE", "Yn-1", EXTPROC_BODY_MODE_NONE},
    {BODY_MODE_STREAMED, "STREAMED", "Yc-1", EXTPROC_BODY_MODE_STREAMED},
    {BODY_MODE_BUFFERED, "BUFFERED", "Ywh1", EXTPROC_BODY_MODE_WHOLE},
    {BODY_MODE_BUFFERED_PARTIAL, "BUFFERED_PARTIAL", "Nch1", EXTPROC_BODY_MODE_PARTIAL},
    {BODY_MODE_FULL_DUPLEX_STREAMED, "FULL_DUPLEX_STREAMED", "Nchn", EXTPROC_BODY_MODE_FULL_DUPLEX},
    {BODY_MODE_GRPC, "GRPC", "Bn-1", EXTPROC_BODY_MODE_NONE},
    {BODY_MODE_UNKNOWN, "unknown", "Yu-1", EXTPROC_BODY_MODE_STREAMED},
};

Test(mode, traits)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct mode *m = mode_of(rows[i].mode);
        char traits[] = {"NBY"[m->built], "ncwu"[m->body], m -> holds_headers ? 'h' : '-',
                         "1n"[m->answers], '\0'};
        cr_expect_str_eq(m->name, rows[i].name);
        cr_expect_str_eq(traits, rows[i].traits, "%s: %s", m->name, traits);
        cr_expect_eq(m->shown, rows[i].shown, "%s", m->name);
    }
}

Test(mode, without_a_body_grpc_acts_as_none)
{
    for (enum body_mode mode = 0; mode <= BODY_MODE_UNKNOWN; mode++)
        cr_expect_eq(mode_of(mode)->acts_as, mode == BODY_MODE_GRPC ? BODY_MODE_NONE : mode);
}

Test(mode, the_least_that_serves_grows_with_the_need)
{
    cr_expect_eq(mode_least(false, true), BODY_MODE_NONE);
    cr_expect_eq(mode_least(true, false), BODY_MODE_STREAMED);
    cr_expect_eq(mode_least(true, true), BODY_MODE_BUFFERED);
    cr_expect_lt(mode_least(false, false), mode_least(true, false));
    cr_expect_lt(mode_least(true, false), mode_least(true, true));
}

Test(mode, a_first_body_message_that_is_the_last_is_complete)
{
    cr_expect_eq(mode_of(mode_guess(true))->body, MODE_BODY_WHOLE);
    cr_expect_eq(mode_of(mode_guess(false))->body, MODE_BODY_CHUNKS);
}

Test(mode, those_that_are_built_are_named_for_messages)
{
    char text[MODES_TEXT];
    modes_built(text);
    cr_expect_str_eq(text, "NONE, STREAMED and BUFFERED");
}
