#include "plugin/chain.h"

#include <criterion/criterion.h>
#include <errno.h>

enum { ALL = (1 << N_PHASES) - 1 };

static struct arena arena;
static struct extproc_plugin plain;
static struct chain c;

static void begin(void)
{
    arena_init(&arena, 1024);
}

static void end(void)
{
    arena_fini(&arena);
}

TestSuite(chain, .init = begin, .fini = end);

Test(chain, calls_responses_in_reverse)
{
    struct instance in[3] = {
        {.plugin = &plain, .interest = ALL},
        {.plugin = &plain, .interest = ALL & ~EXTPROC_PHASE_REQUEST_BODY},
        {.plugin = &plain, .interest = ALL & ~EXTPROC_PHASE_RESPONSE_BODY},
    };
    cr_assert_eq(chain_init(&c, "web", (struct instance *[]){&in[0], &in[1], &in[2]}, 3, &arena),
                 0);

    cr_expect_str_eq(c.name, "web");
    cr_expect_eq(c.n_instances, 3);
    cr_expect_eq(c.instances[2], &in[2]);
    cr_expect_arr_eq(c.calls[PHASE_REQUEST_HEADERS], ((uint16_t[]){0, 1, 2}), 6);
    cr_expect_arr_eq(c.calls[PHASE_RESPONSE_HEADERS], ((uint16_t[]){2, 1, 0}), 6);
    cr_expect_eq(c.n_calls[PHASE_REQUEST_BODY], 2);
    cr_expect_arr_eq(c.calls[PHASE_REQUEST_BODY], ((uint16_t[]){0, 2}), 4);
    cr_expect_eq(c.n_calls[PHASE_RESPONSE_BODY], 2);
    cr_expect_arr_eq(c.calls[PHASE_RESPONSE_BODY], ((uint16_t[]){1, 0}), 4);
    cr_expect_eq(c.interest, (uint32_t)ALL);
}

Test(chain, without_interest_needs_nothing)
{
    struct extproc_plugin whole = {.needs =
                                       EXTPROC_WHOLE_REQUEST_BODY | EXTPROC_WHOLE_RESPONSE_BODY};
    struct instance in = {.plugin = &whole, .interest = EXTPROC_PHASE_RESPONSE_HEADERS};
    cr_assert_eq(chain_init(&c, "web", (struct instance *[]){&in}, 1, &arena), 0);

    cr_expect_eq(c.interest, (uint32_t)EXTPROC_PHASE_RESPONSE_HEADERS);
    cr_expect_eq(c.n_calls[PHASE_REQUEST_HEADERS], 0);
    cr_expect_eq(c.needs[LANE_REQUEST], BODY_MODE_NONE);
    cr_expect_eq(c.needs[LANE_RESPONSE], BODY_MODE_NONE);
}

Test(chain, needs_the_least_that_serves_all)
{
    const uint32_t bodies = EXTPROC_PHASE_REQUEST_BODY | EXTPROC_PHASE_RESPONSE_BODY;
    struct extproc_plugin whole = {.needs = EXTPROC_WHOLE_REQUEST_BODY};
    struct instance in[2] = {{.plugin = &whole, .interest = bodies},
                             {.plugin = &plain, .interest = bodies}};
    cr_assert_eq(chain_init(&c, "web", (struct instance *[]){&in[0], &in[1]}, 2, &arena), 0);

    cr_expect_eq(c.needs[LANE_REQUEST], BODY_MODE_BUFFERED);
    cr_expect_eq(c.needs[LANE_RESPONSE], BODY_MODE_STREAMED);
}

Test(chain, headers_that_wait_need_the_complete_body)
{
    struct extproc_plugin waits = {.needs = EXTPROC_HEADERS_WAIT};
    struct instance in = {.plugin = &waits, .interest = EXTPROC_PHASE_RESPONSE_BODY};
    cr_assert_eq(chain_init(&c, "web", (struct instance *[]){&in}, 1, &arena), 0);

    cr_expect_eq(c.needs[LANE_REQUEST], BODY_MODE_NONE);
    cr_expect_eq(c.needs[LANE_RESPONSE], BODY_MODE_BUFFERED);
}

Test(chain, may_be_empty)
{
    cr_assert_eq(chain_init(&c, "web", NULL, 0, &arena), 0);
    cr_expect_eq(c.interest, 0);
    cr_expect_eq(c.n_calls[PHASE_REQUEST_HEADERS], 0);
}

Test(chain, is_not_cut_where_it_is_too_long)
{
    cr_expect_eq(chain_init(&c, "web", NULL, UINT16_MAX + 1, &arena), -E2BIG);
}

Test(chain, wants_what_is_looked_back_at)
{
    struct instance in = {.plugin = &plain,
                          .interest = EXTPROC_PHASE_RESPONSE_HEADERS,
                          .reads = EXTPROC_PHASE_REQUEST_HEADERS};
    cr_assert_eq(chain_init(&c, "web", (struct instance *[]){&in}, 1, &arena), 0);

    cr_expect_eq(c.interest, (uint32_t)EXTPROC_PHASE_RESPONSE_HEADERS);
    cr_expect_eq(c.wants,
                 (uint32_t)(EXTPROC_PHASE_REQUEST_HEADERS | EXTPROC_PHASE_RESPONSE_HEADERS));
}

/* Whether a response has a body depends on the request's method, and on its own status. */
Test(chain, wants_what_says_whether_there_is_a_body)
{
    const struct extproc_plugin keeps = {.needs = EXTPROC_KEEPS_BODY};
    const uint32_t request = EXTPROC_PHASE_REQUEST_HEADERS,
                   response = EXTPROC_PHASE_RESPONSE_HEADERS;
    const struct {
        const struct extproc_plugin *plugin;
        uint32_t interest, wants;
    } cases[] = {
        {&plain, EXTPROC_PHASE_REQUEST_BODY, request | EXTPROC_PHASE_REQUEST_BODY},
        {&plain, EXTPROC_PHASE_RESPONSE_BODY, request | response | EXTPROC_PHASE_RESPONSE_BODY},
        {&plain, response, request | response},
        {&keeps, response, response},
        {&keeps, EXTPROC_PHASE_RESPONSE_BODY, request | response | EXTPROC_PHASE_RESPONSE_BODY},
        {&plain, EXTPROC_PHASE_RESPONSE_TRAILERS, EXTPROC_PHASE_RESPONSE_TRAILERS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct instance in = {.plugin = cases[i].plugin, .interest = cases[i].interest};
        cr_assert_eq(chain_init(&c, "web", (struct instance *[]){&in}, 1, &arena), 0);
        cr_expect_eq(c.wants, cases[i].wants, "case %zu", i);
    }
}

Test(chain, a_fallback_is_in_the_calls_and_not_asked_of_the_proxy)
{
    struct instance in = {.plugin = &plain,
                          .interest = EXTPROC_PHASE_REQUEST_HEADERS,
                          .fallback = EXTPROC_PHASE_REQUEST_BODY};
    cr_assert_eq(chain_init(&c, "web", (struct instance *[]){&in}, 1, &arena), 0);

    cr_expect_eq(c.n_calls[PHASE_REQUEST_BODY], 1);
    cr_expect_eq(c.interest, (uint32_t)EXTPROC_PHASE_REQUEST_HEADERS);
    cr_expect_eq(c.wants & EXTPROC_PHASE_REQUEST_BODY, 0);
    cr_expect_eq(c.needs[LANE_REQUEST], BODY_MODE_NONE);
}

/* One column per body mode, in their order, the last one unknown. '+' met, '-' not. */
Test(chain, which_modes_meet_a_need)
{
    static const struct {
        uint64_t needs;
        uint32_t interest;
        const char *picture;
    } cases[] = {
        {EXTPROC_WHOLE_REQUEST_BODY, EXTPROC_PHASE_REQUEST_BODY, "-++++-+"},
        {EXTPROC_HEADERS_WAIT, EXTPROC_PHASE_REQUEST_BODY, "--+++-+"},
        {EXTPROC_WHOLE_RESPONSE_BODY, EXTPROC_PHASE_REQUEST_BODY, "+++++++"},
        {EXTPROC_WHOLE_REQUEST_BODY, EXTPROC_PHASE_REQUEST_HEADERS, "+++++++"},
        {0, EXTPROC_PHASE_REQUEST_BODY, "+++++++"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct extproc_plugin plugin = {.needs = cases[i].needs};
        struct instance in = {.plugin = &plugin, .interest = cases[i].interest};
        for (enum body_mode mode = 0; mode <= BODY_MODE_UNKNOWN; mode++)
            cr_expect_eq(chain_need_met(&in, LANE_REQUEST, mode), cases[i].picture[mode] == '+',
                         "case %zu, %s", i, body_mode_name(mode));
    }
}
