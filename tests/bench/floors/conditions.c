/* conditions: what ten conditions of a plugin cost, in nanoseconds: the least of several rounds,
 * since other processes can only add to it.
 *
 *     conditions [MOST]      exit code 1 where it is more
 */
#include "plugin/choose/conditions.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 50, TIMES = 2000 };

static const struct extproc_key rows[] = {{.name = "when.*", .flags = EXTPROC_KEY_LIST}, {0}};

#define H(name, value)                                                                             \
    {                                                                                              \
        EXTPROC_STR(name), EXTPROC_STR(value)                                                      \
    }
static const struct extproc_header request[] = {
    H(":method", "GET"),
    H(":path", "/api/v1/users?id=42&full=yes"),
    H(":scheme", "https"),
    H(":authority", "shop.example"),
    H("user-agent", "Mozilla/5.0 (X11; Linux)"),
    H("accept", "text/html,application/json"),
    H("accept-language", "en-GB,en"),
    H("accept-encoding", "gzip, br"),
    H("x-request-id", "7f5a2f4e-93c8-4bb5"),
    H("x-forwarded-for", "10.1.2.3"),
};

static struct config_entry entries[] = {
    {.key = "when.path", .value = EXTPROC_STR("/api/*")},
    {.key = "when.method", .value = EXTPROC_STR("GET")},
    {.key = "when.authority", .value = EXTPROC_STR("*.example")},
    {.key = "when.scheme", .value = EXTPROC_STR("https")},
    {.key = "when.query.full", .value = EXTPROC_STR("yes")},
    {.key = "when.header.x-role", .value = EXTPROC_STR("!*")},
    {.key = "when.header.accept", .value = EXTPROC_STR("~ \\bapplication/json\\b")},
    {.key = "when.header.user-agent", .value = EXTPROC_STR("~ ^Mozilla/[0-9]")},
    {.key = "when.header.x-forwarded-for", .value = EXTPROC_STR("10.*")},
    {.key = "when.listener", .value = EXTPROC_STR("main")},
};
enum { N_CONDITIONS = sizeof entries / sizeof *entries };

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t measure(const struct conditions *c, const struct facts *facts)
{
    const struct condition *failed;
    uint64_t least = UINT64_MAX;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t begin = now_ns();
        for (int i = 0; i < TIMES; i++)
            if (conditions_hold_early(c, facts, &failed) != MATCH_YES)
                abort();
        uint64_t took = (now_ns() - begin) / TIMES;
        least = took < least ? took : least;
    }
    return least;
}

int main(int argc, char **argv)
{
    struct config_section section = {
        .type = "plugin", .name = "p", .entries = entries, .n_entries = N_CONDITIONS};
    const struct keys_table table = {rows, sizeof *rows};
    struct config_errors errors = {0};
    struct conditions conditions;
    struct headers headers;
    struct arena arena;
    struct loop loop;
    struct keys keys;
    arena_init(&arena, 4096);
    loop_init(&loop, NULL);
    headers_init(&headers, request, sizeof request / sizeof *request);
    if (!keys_check(&section, table, &arena, &errors, &keys) ||
        !conditions_read(&conditions, &keys, "when.*", &section, &arena, &errors))
        abort();
    const struct facts facts = {
        .listener = "main", .headers = {&headers, NULL}, .arena = &arena, .loop = &loop};
    uint64_t ns = measure(&conditions, &facts);
    printf("%d conditions: %llu ns\n", N_CONDITIONS, (unsigned long long)ns);
    conditions_fini(&conditions);
    config_errors_fini(&errors);
    loop_fini(&loop);
    arena_fini(&arena);
    return argc > 1 && ns > strtoull(argv[1], NULL, 10);
}
