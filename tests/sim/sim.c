/* sim: transactions, waits, failures and disconnects in random order, over the virtual clock.
 *
 * Everything follows from one number, which is printed where something is not as it should be. The
 * kit checks that each message gets its one answer and is given back once; here it is checked that
 * every transaction comes to its end, that bodies arrive byte for byte, that a failing plugin
 * leaves nothing behind, that every result is used or dropped once, and that all memory is given
 * back.
 *
 *     sim [SEED]           SIM_SECONDS says how long (10)
 */
#include "chaos.h"
#include "kit/alloc.h"
#include "kit/kit.h"
#include "plugin/wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OPEN_MAX = 12, TRANSACTIONS = 120, BODY_MAX = 40 };
enum { THREADS_SIZE = 16 * 1024 }; /* that the C library keeps for threads to come */

static uint64_t seed;
static const char *where = "?";

static void complain(const char *file, int line, const char *text)
{
    fprintf(stderr, "%s:%d: %s\n(%s; repeat it with: sim %llu)\n", file, line, text, where,
            (unsigned long long)seed);
    abort();
}

#define DEMAND(holds) ((holds) ? (void)0 : complain(__FILE__, __LINE__, "not so: " #holds))

/* ---- one transaction ------------------------------------------------------------------------- */

enum step { STEP_HEADERS, STEP_BODY, STEP_TRAILERS, STEP_DONE };

/* What one direction has still to send. */
struct side {
    enum body_mode mode;
    enum step next;
    bool has_body, has_trailers;
    char body[BODY_MAX + 1];
    size_t len, sent;
};

struct transaction {
    struct kit_call *c;
    struct side sides[N_LANES];
};

static struct kit *k;

static void side_begin(struct side *s, enum body_mode mode)
{
    *s = (struct side){.mode = mode, .has_body = chance(3) > 0, .has_trailers = chance(3) == 0};
    if (mode == BODY_MODE_NONE)
        s->has_body = false;
    s->len = s->has_body ? chance(BODY_MAX) : 0;
    for (size_t i = 0; i < s->len; i++)
        s->body[i] = (char)('a' + chance(26));
}

static enum body_mode any_mode(void)
{
    static const enum body_mode modes[] = {BODY_MODE_NONE, BODY_MODE_STREAMED, BODY_MODE_BUFFERED};
    return modes[chance(3)];
}

static struct transaction begin(void)
{
    struct transaction t;
    side_begin(&t.sides[LANE_REQUEST], any_mode());
    side_begin(&t.sides[LANE_RESPONSE], any_mode());
    t.c = kit_call(k, &(struct kit_how){.request = t.sides[LANE_REQUEST].mode,
                                        .response = t.sides[LANE_RESPONSE].mode,
                                        .piece_len = chance(4) ? 0 : 1 + chance(9)});
    kit_lets_wait(t.c);
    return t;
}

static void send_headers(struct transaction *t, enum lane lane)
{
    struct side *s = &t->sides[lane];
    bool end = !s->has_body && !s->has_trailers;
    kit_headers(t->c, lane, lane == LANE_REQUEST ? ":method: POST\n:path: /" : ":status: 200", end);
    s->next = STEP_TRAILERS;
    if (end)
        s->next = STEP_DONE;
    else if (s->has_body)
        s->next = STEP_BODY;
}

static void send_body(struct transaction *t, enum lane lane)
{
    struct side *s = &t->sides[lane];
    size_t left = s->len - s->sent;
    size_t n = s->mode == BODY_MODE_STREAMED && left ? 1 + chance((uint32_t)left) : left;
    struct extproc_str bytes = {s->body + s->sent, n};
    bool last = n == left;
    s->sent += n;
    if (last)
        s->next = s->has_trailers ? STEP_TRAILERS : STEP_DONE;
    kit_body_bytes(t->c, lane, bytes, last && !s->has_trailers);
}

/* A proxy sends the next part of a direction when the last one was answered, but chunks. */
static bool may_send(const struct transaction *t, enum lane lane)
{
    const struct side *s = &t->sides[lane];
    if (s->next == STEP_DONE || kit_is_over(t->c))
        return false;
    if (lane == LANE_RESPONSE && t->sides[LANE_REQUEST].next == STEP_HEADERS)
        return false;
    return kit_n_waiting(t->c) < 6;
}

static void send_next(struct transaction *t, enum lane lane)
{
    switch (t->sides[lane].next) {
    case STEP_HEADERS:
        send_headers(t, lane);
        break;
    case STEP_BODY:
        send_body(t, lane);
        break;
    case STEP_TRAILERS:
        t->sides[lane].next = STEP_DONE;
        kit_trailers(t->c, lane, "x-end: 1");
        break;
    case STEP_DONE:
        break;
    }
}

static void check_maps(struct transaction *t)
{
    static const enum extproc_map maps[] = {EXTPROC_MAP_REQUEST, EXTPROC_MAP_REQUEST_TRAILERS,
                                            EXTPROC_MAP_RESPONSE, EXTPROC_MAP_RESPONSE_TRAILERS};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        DEMAND(!kit_header(t->c, maps[i], CHAOS_UNDONE, 0).ptr);
    kit_expect_metadata(t->c, "chaos", "undone", NULL);
}

static bool is_complete(const struct transaction *t)
{
    return t->sides[LANE_REQUEST].next == STEP_DONE && t->sides[LANE_RESPONSE].next == STEP_DONE &&
           kit_n_waiting(t->c) == 0;
}

static void end(struct transaction *t)
{
    kit_take_answers(t->c);
    check_maps(t);
    for (enum lane lane = 0; lane < N_LANES && is_complete(t) && !kit_is_over(t->c); lane++) {
        struct extproc_str came = kit_body_so_far(t->c, lane);
        struct side *s = &t->sides[lane];
        DEMAND(came.len == s->len && memcmp(came.ptr, s->body, s->len) == 0);
    }
    kit_reset(t->c);
    t->c = NULL;
}

/* ---- many ------------------------------------------------------------------------------------ */

static void run(uint64_t ms)
{
    kit_run_until(k, loop_now(kit_loop(k)) + ms);
}

static void step(struct transaction *t)
{
    enum lane lane = (enum lane)chance(N_LANES);
    if (!t->c)
        return;
    kit_take_answers(t->c);
    if (kit_is_over(t->c) || is_complete(t) || chance(60) == 0)
        end(t);
    else if (may_send(t, lane))
        send_next(t, lane);
}

static void one_event(struct transaction *open, unsigned *left)
{
    struct transaction *t = &open[chance(OPEN_MAX)];
    switch (chance(8)) {
    case 0:
        if (!t->c && *left > 0) {
            *t = begin();
            --*left;
        }
        break;
    case 1:
        if (chaos_n_waits() > 0 && chance(2))
            chaos_resume_one();
        break;
    case 2:
        run(chance(4) ? 0 : chance(200));
        break;
    default:
        step(t);
        break;
    }
}

/* All that waits is answered in time, or is over: a transaction may not be stuck. */
static void finish(struct transaction *open)
{
    for (unsigned i = 0; i < OPEN_MAX; i++) {
        for (unsigned n = 0; open[i].c && n < 10000; n++) {
            run(200);
            step(&open[i]);
        }
        DEMAND(!open[i].c);
    }
    while (chaos_n_waits() > 0)
        chaos_resume_one();
    run(0);
}

static const char *any_ini(void)
{
    static const char *const actions[] = {"respond", "continue", "close"};
    static char text[1024];
    size_t len = 0;
    for (char name = 'a'; name <= 'c'; name++)
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "[plugin:%c]\non_error = %s\ntimeout = %ums\nmax_body = %u\n"
                                "on_max_body = %s\n",
                                name, actions[chance(3)], 50 + chance(200), 10 + chance(60),
                                actions[chance(2)]);
    return text;
}

static void round_of(uint64_t number)
{
    static const struct kit_linked linked[] = {{"a", &chaos}, {"b", &chaos}, {"c", &chaos}, {0}};
    struct transaction open[OPEN_MAX] = {{0}};
    unsigned left = TRANSACTIONS;
    seed = number;
    chance_begin(seed);
    chaos_counts = (struct chaos_counts){0};
    k = kit_new(&(struct kit_options){.ini = any_ini(), .linked = linked, .fail = complain});
    if (chance(4) == 0)
        waits_limit(kit_waits_of(k), 20000);
    while (left > 0)
        one_event(open, &left);
    finish(open);
    kit_free(k);
    DEMAND(chaos_counts.deferred == chaos_counts.resumed + chaos_counts.dropped);
    DEMAND(chaos_counts.opened == chaos_counts.closed);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
    const char *seconds = getenv("SIM_SECONDS");
    uint64_t end_ms = now_ms() + 1000 * (uint64_t)(seconds ? atoi(seconds) : 10);
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL) * 100000;
    unsigned n = 0;
    printf("seeds from %llu\n", (unsigned long long)first);
    round_of(first); /* what stays for good is allocated now */
    size_t before = alloc_in_use();
    do {
        round_of(first + n++);
    } while (argc == 1 && now_ms() < end_ms);
    DEMAND(!alloc_available() || alloc_in_use() < before + THREADS_SIZE);
    printf("%u rounds\n1 passed, 0 failed\n", n);
    return 0;
}
