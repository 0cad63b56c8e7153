/* waits: lets those transactions wait whose request asks for it, for 100 ms, and no others.
 *
 *     x-wait: after       for a timer
 *     x-wait: work        for a thread of the pool, which sleeps
 */
#include <extproc/plugin.h>

#include <time.h>

enum { WAIT_MS = 100 };

static void sleep_in_a_thread(void *arg)
{
    struct timespec left = {.tv_nsec = WAIT_MS * 1000000};
    while (nanosleep(&left, &left) != 0)
        ;
}

static enum extproc_action on_request_headers(struct extproc_txn *x)
{
    struct extproc_str how = extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-wait"));
    if (extproc_eq(how, EXTPROC_S("after")))
        return extproc_waiting(extproc_after(x, WAIT_MS));
    if (extproc_eq(how, EXTPROC_S("work")))
        return extproc_waiting(extproc_work(x, sleep_in_a_thread, NULL, NULL));
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action on_resume(struct extproc_txn *x, enum extproc_wake why, void *result)
{
    return why == EXTPROC_WAKE_RESULT ? EXTPROC_ACTION_CONTINUE : EXTPROC_ACTION_FAIL;
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "waits",
    .request_headers = on_request_headers,
    .resume = on_resume,
};
