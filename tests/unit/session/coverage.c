/* What is reported once for a listener; with real transactions it is tried in tests/session. */
#include "session/coverage.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char file[] = "/tmp/extprocd-coverage-XXXXXX", text[8192];
static struct log *sink;
static const struct session_listener listener = {.name = "mesh"};
static struct coverage coverage = {.listener = &listener};
static struct arena arena;
static struct txn txn = {
    .arena = &arena, .listener = "mesh", .peer = "192.0.2.1:7", .id = EXTPROC_STR("7f3a")};

static void begin(void)
{
    close(mkstemp(file));
    cr_assert_eq(log_new(&(struct log_options){.file = file}, &sink), 0);
}

static void end(void)
{
    log_free(sink);
    unlink(file);
}

TestSuite(coverage, .init = begin, .fini = end);

static size_t count_lines(const char *wanted)
{
    size_t n = 0;
    FILE *f = fopen(file, "r");
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    for (const char *at = text; (at = strstr(at, wanted)); at++)
        n++;
    return n;
}

Test(coverage, tunnels_that_hang_are_reported_once_for_each_direction)
{
    coverage_holds_tunnels(&coverage, &txn, sink, LANE_REQUEST);
    coverage_holds_tunnels(&coverage, &txn, sink, LANE_REQUEST);
    cr_expect_eq(count_lines("listener=mesh peer=192.0.2.1:7 transaction=7f3a: "), 1, "%s", text);
    cr_expect_eq(count_lines("set request_header_mode: SEND"), 1, "%s", text);

    coverage_holds_tunnels(&coverage, &txn, sink, LANE_RESPONSE);
    coverage_holds_tunnels(&coverage, &txn, sink, LANE_RESPONSE);
    coverage_holds_tunnels(&coverage, &txn, sink, LANE_REQUEST);
    cr_expect_eq(count_lines("listener=mesh peer=192.0.2.1:7 transaction=7f3a: "), 2, "%s", text);
    cr_expect_eq(count_lines("set response_header_mode: SEND"), 1, "%s", text);
}
