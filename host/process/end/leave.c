/* leave: how the process ends.
 *
 * By _exit(), once everything is written: threads of plugins may still run, and destructors of
 * libraries (OpenSSL's, a C++ plugin's own) would take away what they use.
 *
 * Every other end is made by a plugin. A handler for exit() finds out which one: by the slot of the
 * thread that called exit() (process/end/culprit), or, in a thread that no callback runs in, by the
 * shared objects on its stack. It is registered twice, because handlers run in reverse order: the
 * second one runs before the destructors that came with the plugins.
 */
#include "process/end/leave.h"

#include "base/log/writer.h"
#include "plugin/load/loader.h"
#include "process/end/culprit.h"
#include "process/process.h"

#include <execinfo.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FRAMES_MAX = 64, FLUSH_S = 2 };

/* exit() has no argument for its handlers, quick_exit() not even a status. */
static struct {
    pid_t pid;
    bool meant; /* main() returns */
    struct log *log;
    struct writer *writer;
    const struct generation *generation;
} leaving;

/* ---- what is buffered ------------------------------------------------------------------------ */

static void *flush(void *unused)
{
    fflush(NULL);
    return NULL;
}

/* In a thread of its own, because fflush(NULL) waits for every stream that another thread is using:
 * one that a plugin's thread reads from a pipe, or writes to one that is never read, would be
 * waited for forever. */
static void flush_all(void)
{
    struct timespec end;
    pthread_t thread;
    if (pthread_create(&thread, NULL, flush, NULL) != 0)
        return;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += FLUSH_S;
    pthread_timedjoin_np(thread, NULL, &end);
}

int leave(int status)
{
    leaving.meant = true;
    if (LEAVE_RETURNS)
        return status;
    flush_all();
    _exit(status);
}

/* ---- ends that a plugin makes ---------------------------------------------------------------- */

static const struct running_plugin *plugin_of_object(const char *object)
{
    const struct generation *g = leaving.generation;
    for (size_t i = 0; g && object && i < g->n_instances; i++)
        if (g->instances[i]->who.object && strcmp(g->instances[i]->who.object, object) == 0)
            return &g->instances[i]->who;
    return NULL;
}

/* The plugin whose code is on the stack; NULL: none. */
static const struct running_plugin *plugin_on_stack(void)
{
    void *frames[FRAMES_MAX];
    int n = backtrace(frames, FRAMES_MAX);
    const struct running_plugin *found = NULL;
    for (int i = 0; i < n && !found; i++)
        found = plugin_of_object(loader_object_at(frames[i]));
    return found;
}

static void report(const struct running_plugin *plugin, const char *call, const char *phase)
{
    const struct log_context context = {.plugin = plugin->name, .phase = phase};
    if (leaving.log)
        log_line(leaving.log, EXTPROC_LEVEL_ERROR, &context,
                 "plugin %s called %s in %s (%s, %s:%u)", plugin->name, call, phase,
                 plugin->shown ? plugin->shown : "linked in", plugin->file, plugin->line);
    else
        process_say("%s:%u: [plugin:%s] file: plugin %s called %s in %s (%s)", plugin->file,
                    plugin->line, plugin->name, plugin->name, call, phase,
                    plugin->shown ? plugin->shown : "linked in");
}

static void report_unknown(const char *call)
{
    if (leaving.log)
        log_line(leaving.log, EXTPROC_LEVEL_ERROR, NULL,
                 "%s was called in a thread that a plugin or one of its libraries has started",
                 call);
    else
        process_say("extprocd: %s was called in a thread that a plugin or one of its libraries "
                    "has started",
                    call);
}

static void accuse(const char *call)
{
    struct culprit culprit;
    bool known = culprit_here(&culprit);
    const struct running_plugin *plugin = known ? culprit.plugin : plugin_on_stack();
    const char *phase = known ? culprit.phase : "a thread of its own";
    if (plugin)
        report(plugin, call, phase);
    else
        report_unknown(call);
    log_settle(leaving.log);
    if (leaving.writer)
        writer_stop(leaving.writer, LEAVE_WRITE_MS);
    flush_all();
    _exit(EXIT_BAD);
}

/* A child that a plugin has forked may end as it likes. */
static bool is_expected(void)
{
    return leaving.meant || getpid() != leaving.pid;
}

static void exit_called(int status, void *unused)
{
    char call[32];
    snprintf(call, sizeof call, "exit(%d)", status);
    if (!is_expected())
        accuse(call);
}

static void quick_exit_called(void)
{
    if (!is_expected())
        accuse("quick_exit()");
}

void leave_thread_ended(void *unused)
{
    if (!is_expected())
        accuse("pthread_exit()");
}

void leave_watch(void)
{
    leaving.pid = getpid();
    on_exit(exit_called, NULL);
    at_quick_exit(quick_exit_called);
}

void leave_knows(struct log *log, struct writer *writer, const struct generation *generation)
{
    if (generation)
        leave_watch();
    leaving.log = log;
    leaving.writer = writer;
    leaving.generation = generation;
}
