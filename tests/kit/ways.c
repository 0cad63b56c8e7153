/* ways: one scenario, run in every way a proxy may send it, or with every allocation failing. */
#include "kit/alloc.h"
#include "kit/kit_private.h"

enum { ALL_MODES = 1 << BODY_MODE_NONE | 1 << BODY_MODE_STREAMED | 1 << BODY_MODE_BUFFERED };

/* ---- every way ------------------------------------------------------------------------------- */

static void run(struct kit *k, const struct kit_how *how, kit_scenario *scenario, void *arg)
{
    struct kit_call *c = kit_call(k, how);
    scenario(c, arg);
    kit_end(c);
}

/* The source of the mode does not matter, nor how the bytes of a message arrive. */
static void run_said(struct kit *k, struct kit_how how, kit_scenario *scenario, void *arg)
{
    run(k, &how, scenario, arg);
    how.piece_len = 1;
    run(k, &how, scenario, arg);
    how.unsaid = true;
    run(k, &how, scenario, arg);
    how.listener_says = true;
    run(k, &how, scenario, arg);
    how.events = true;
    run(k, &how, scenario, arg);
}

void kit_every_way(struct kit *k, unsigned modes, kit_scenario *scenario, void *arg)
{
    modes = modes ? modes : ALL_MODES;
    k->longest_body = 0;
    for (enum body_mode mode = BODY_MODE_NONE; mode <= BODY_MODE_BUFFERED; mode++) {
        struct kit_how how = {.request = mode, .response = mode};
        if (!(modes & 1u << mode))
            continue;
        run_said(k, how, scenario, arg);
        for (; mode == BODY_MODE_STREAMED && how.split <= k->longest_body; how.split++) {
            how.empty_end = false;
            run_said(k, how, scenario, arg);
            how.empty_end = true;
            run_said(k, how, scenario, arg);
        }
    }
}

/* ---- every failure --------------------------------------------------------------------------- */

/* One run from an empty pool to an empty pool; returns the number of bytes that it did not free. */
static size_t run_failing(struct kit *k, const struct kit_how *how, size_t nth,
                          kit_scenario *scenario, void *arg)
{
    size_t before = alloc_in_use();
    alloc_fail(nth);
    struct kit_call *c = kit_call(k, how);
    scenario(c, arg);
    kit_reset(c);
    arena_pool_fini(&k->loop.memory);
    return alloc_in_use() - before;
}

/* What is made once and stays (a line of the log that is new) is not lost the second time. */
static size_t bytes_lost(struct kit *k, const struct kit_how *how, size_t nth,
                         kit_scenario *scenario, void *arg)
{
    size_t lost = run_failing(k, how, nth, scenario, arg);
    return lost ? run_failing(k, how, nth, scenario, arg) : 0;
}

void kit_every_failure(struct kit *k, const struct kit_how *how, kit_scenario *scenario, void *arg)
{
    if (!alloc_available())
        return;
    arena_pool_fini(&k->loop.memory);
    bool failed = true;
    for (size_t nth = 1; failed; nth++) {
        size_t lost = bytes_lost(k, how, nth, scenario, arg);
        failed = alloc_has_failed();
        alloc_fail(0);
        if (lost != 0)
            kit_fail(kit_call(k, how), "%zu bytes are lost where allocation %zu fails", lost, nth);
    }
}
