/* culprit: the plugin whose code a thread runs.
 *
 * A handler of a signal or of exit() has no argument that could say which loop its thread drives. A
 * thread that a plugin has started belongs to no loop; in a child that a plugin has forked, the
 * loop's thread is the thread that continues.
 */
#include "process/end/culprit.h"

#include "base/loop/pool.h"

static struct loop *loop;
static const struct pool *pool;

void culprit_in(struct loop *in, const struct pool *threads)
{
    loop = in;
    pool = threads;
}

bool culprit_find(struct culprit *ret)
{
    struct running_look running = loop ? running_look(&loop->running) : (struct running_look){0};
    if (!running.plugin)
        return false;
    uint64_t now = loop_now(loop);
    *ret = (struct culprit){.plugin = running.plugin,
                            .phase = running.phase,
                            .ms = now > loop->now_ms ? now - loop->now_ms : 0};
    return true;
}

bool culprit_here(struct culprit *ret)
{
    if (loop && pthread_equal(loop->thread, pthread_self()))
        return culprit_find(ret);
    const char *name = NULL;
    const struct running_plugin *plugin = pool ? pool_runs_here(pool, &name) : NULL;
    *ret = (struct culprit){.plugin = plugin, .phase = name ? name : "work"};
    return plugin;
}
