/* sim: transactions, waits, failures, held bytes, clients that do not read, limits and stops in
 * random order, over the virtual clock, through the real floors.
 *
 * Everything follows from one number, which is printed where something is not as it should be. What
 * must hold:
 *
 *     answers   each message gets its one answer, none after the end, and is given back once (kit);
 *               a transaction ends as the section of its plugin says, and for no other reason
 *               (proxy.c); none is stuck
 *     views     each callback sees what the one before has left, also after one that failed or held
 *               bytes; the proxy gets what the last one has left (chaos.c, proxy.c)
 *     results   each is used or dropped once, in time (results.c, chaos.c)
 *     memory    what is held is known at rest, and nothing at the end; every byte is given back
 *     limits    nothing waits or holds where too much is held, no answer is longer and no
 *               transaction larger than it may be, and a client is held up while much waits
 *     routines  each has run as often as time has passed
 *
 *     sim [SEED]           SIM_SECONDS says how long (30); with SEED that round alone; with SIM_LOG
 *                          its log is printed where it fails
 */
#include "chance.h"
#include "chaos.h"
#include "kit/alloc.h"
#include "plugin/wait/wait.h"
#include "proxy.h"
#include "reached.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TRANSACTIONS = 120, BODY_ANY = 1024 * 1024, ENOUGH = 300, MESSAGE_MIN = 16, UNLIMITED = 8 };

/* ---- the configuration ----------------------------------------------------------------------- */

static struct section any_section(void)
{
    static const enum policy_action actions[] = {POLICY_RESPOND, POLICY_CONTINUE, POLICY_CLOSE};
    static const unsigned statuses[] = {500, 502, 504};
    struct section section = {
        .on_error = actions[chance(3)],
        .on_max_body = actions[chance(2)],
        .status = statuses[chance(3)],
        .timeout_ms = 50 + chance(200),
        .max_body = settings.max_memory || chance(2) ? BODY_ANY : 1 + chance(80),
        .every_ms = 20 + chance(400),
    };
    if (settings.max_memory) { /* who may not wait may lack memory too, which on_error decides */
        section.on_error = settings.overload;
        section.status = 503;
    }
    return section;
}

static void choose_settings(void)
{
    settings = (struct settings){.overload = chance(2) ? POLICY_RESPOND : POLICY_CONTINUE,
                                 .pace = chance(2) ? 1 : 8,
                                 .blocks = chance(6) == 0,
                                 .needy = chance(4) == 0};
    switch (settings.blocks ? UNLIMITED : chance(8)) {
    case 0:
    case 1:
        settings.max_waiting = 1 + chance(30000);
        break;
    case 2:
        settings.max_memory = 4000 + chance(16000);
        break;
    case 3:
        settings.max_answer = 50 + chance(200);
        break;
    default:
        break;
    }
    for (unsigned place = 0; place < PLACES; place++)
        settings.sections[place] = any_section();
}

static const char *ini_of_settings(void)
{
    static char text[1024];
    size_t len = 0;
    for (unsigned place = 0; place < PLACES; place++) {
        const struct section *s = &settings.sections[place];
        len += (size_t)snprintf(
            text + len, sizeof text - len,
            "[plugin:%c]\non_error = %s\non_error_status = %u\ntimeout = %llums\nmax_body = %zu\n"
            "on_max_body = %s\n%s",
            (char)('a' + place), policy_action_name(s->on_error), s->status,
            (unsigned long long)s->timeout_ms, s->max_body, policy_action_name(s->on_max_body),
            settings.blocks && place == BLOCKING ? "blocking = yes\n" : "");
    }
    return text;
}

/* ---- many transactions ----------------------------------------------------------------------- */

static void run(uint64_t ms)
{
    uint64_t end = loop_now(kit_loop(kit)) + ms;
    if (!settings.blocks) /* else there is no work */
        gate_open();
    kit_run_until(kit, end);
    chaos_check_routines(end);
    if (!settings.blocks)
        gate_shut();
}

/* What waits counts at least with its message. Where no transaction waits, and none is over, only
 * bytes of bodies are held; where a plugin blocks, also those of transactions that have ended
 * before their callback. */
static void check_held(const struct transaction *open)
{
    size_t sum = 0, n_waits = 0, own, held;
    bool rests = true;
    for (unsigned i = 0; i < OPEN_MAX; i++) {
        if (!open[i].c)
            continue;
        rests = proxy_is_at_rest(&open[i], &own) && rests;
        sum += own;
        if (proxy_goes_on(&open[i]))
            n_waits += record_n_waits(record_at(i));
    }
    too_much_held(&held);
    DEMAND(held >= n_waits * MESSAGE_MIN);
    DEMAND(!rests || held == sum || (settings.blocks && held > sum));
    if (rests && held > 0)
        reached(REACHED_REST);
}

static void one_event(struct transaction *open, unsigned *left)
{
    unsigned i = chance(OPEN_MAX);
    switch (chance(8)) {
    case 0:
        if (!open[i].c && *left > 0) {
            proxy_begin(&open[i], i);
            --*left;
        }
        break;
    case 1:
        if (results_n_pending() > 0 && chance(2))
            results_bring_one();
        break;
    case 2:
        if (chance(settings.pace) == 0)
            run(chance(4) ? 0 : chance(200));
        break;
    default:
        if (open[i].c)
            proxy_step(&open[i]);
        break;
    }
    check_held(open);
}

/* All that waits is answered in time, or is over: a transaction may not be stuck. */
static void finish(struct transaction *open)
{
    for (unsigned i = 0; i < OPEN_MAX; i++) {
        for (unsigned n = 0; open[i].c && n < 10000; n++) {
            run(200);
            proxy_step(&open[i]);
        }
        DEMAND(!open[i].c);
    }
    while (results_n_pending() > 0)
        results_bring_one();
    run(0);
}

/* In the middle of it. What comes after the loop's end is dropped where it comes from. */
static void stop(struct transaction *open)
{
    for (unsigned i = 0; i < OPEN_MAX; i++)
        if (open[i].c)
            proxy_stop(&open[i]);
    reached(REACHED_STOP);
    waits_close(kit_waits_of(kit));
    for (unsigned before; results_n_pending() > 0;) {
        before = results_n_dropped();
        results_bring_one();
        DEMAND(results_n_dropped() == before + 1);
    }
}

static void round_of(uint64_t number)
{
    static const struct kit_linked easy[] = {{"a", &chaos}, {"b", &chaos}, {"c", &chaos}, {0}},
                                   needy[] = {
                                       {"a", &chaos}, {"b", &chaos}, {"c", &chaos_needy}, {0}};
    static struct transaction open[OPEN_MAX];
    unsigned left = TRANSACTIONS;
    size_t held;
    chance_begin(number);
    choose_settings();
    chaos_begin();
    kit = kit_new(&(struct kit_options){.ini = ini_of_settings(),
                                        .linked = settings.needy ? needy : easy,
                                        .fail = chance_complain,
                                        .max_memory = settings.max_memory,
                                        .max_answer = settings.max_answer,
                                        .overload = settings.overload,
                                        .pool_threads = 1,
                                        /* a routine of each has room, or a call of each */
                                        .pool_queue = settings.blocks ? 4 * OPEN_MAX : PLACES,
                                        .settle = settings.blocks ? world_settle : NULL});
    waits_limit(kit_waits_of(kit), settings.max_waiting);
    results_begin(kit_pool_of(kit));
    kit_lets_block(kit, settings.blocks);
    if (settings.blocks)
        world_enter();
    else
        gate_shut();
    for (unsigned rest = chance(2) ? 0 : chance(TRANSACTIONS); left > rest;)
        one_event(open, &left);
    if (chance(2))
        stop(open);
    else
        finish(open);
    if (!settings.blocks)
        gate_open();
    too_much_held(&held);
    DEMAND(held == 0);
    kit_free(kit);
    if (settings.blocks)
        world_leave();
    results_end();
    chaos_end();
}

/* ---- many rounds ----------------------------------------------------------------------------- */

static void print_log(void)
{
    if (getenv("SIM_LOG"))
        fputs(kit_log(kit), stderr);
}

static uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A round can be repeated. */
static void check_repeats(uint64_t number)
{
    round_of(number); /* what stays for good is allocated now */
    uint64_t digest = chance_digest();
    round_of(number);
    DEMAND(chance_digest() == digest);
}

int main(int argc, char **argv)
{
    const char *seconds = getenv("SIM_SECONDS");
    uint64_t end_ms = clock_ms() + 1000 * (uint64_t)(seconds ? atoi(seconds) : 30);
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL) * 100000;
    unsigned n = 1;
    printf("seeds from %llu\n", (unsigned long long)first);
    fflush(stdout);
    chance_explains(print_log);
    check_repeats(first);
    size_t before = alloc_in_use();
    for (; argc == 1 && clock_ms() < end_ms; n++) {
        round_of(first + n);
        DEMAND(!alloc_available() || alloc_in_use() == before);
    }
    bool all = reached_all();
    printf("%u rounds\n", n);
    if (n >= ENOUGH && !all)
        chance_complain(__FILE__, __LINE__, "something was never reached");
    printf("1 passed, 0 failed\n");
    return 0;
}
