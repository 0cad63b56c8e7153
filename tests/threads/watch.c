/* watch: a plugin that blocks is named while it blocks, however fast the loop's thread had called
 * others before, and its call knows it when it ends.
 */
#include "base/loop/watch.h"

#include "base/log/log.h"
#include "base/log/writer.h"
#include "crew.h"

#include <string.h>
#include <unistd.h>

enum { CALLS = 200000, STOP_MS = 60000, PATIENCE_MS = 60000 };

static bool has_line(const char *pattern)
{
    char text[4096];
    FILE *file = fopen("log", "r");
    size_t len = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[len] = '\0';
    return strstr(text, pattern);
}

/* Where the loop has nothing to do the watch sleeps, and is there again when it has. */
static void wake_it(struct loop *loop)
{
    static const struct running_plugin late = {.name = "late", .timeout_ms = 1};
    unsigned ms = 0;
    loop_rests(loop);
    for (; !atomic_load(&loop->running.unwatched) && ms < PATIENCE_MS; ms++)
        usleep(1000);
    CHECK(ms < PATIENCE_MS);
    loop_begins_round(loop);
    CHECK(!atomic_load(&loop->running.unwatched));
    loop_runs(loop, &late, "request_headers");
    for (ms = 0; !has_line("plugin=late phase=request_headers: ") && ms < PATIENCE_MS; ms++)
        usleep(1000);
    CHECK(ms < PATIENCE_MS);
    CHECK(loop_ran(loop) > 0);
    loop_rests(loop);
    for (ms = 0; !atomic_load(&loop->running.unwatched) && ms < PATIENCE_MS; ms++)
        usleep(1000);
    CHECK(ms < PATIENCE_MS); /* it can be stopped while it sleeps */
}

static void name_it(struct loop *loop, struct log *log)
{
    static const struct running_plugin fast = {.name = "fast", .timeout_ms = 60000},
                                       slow = {.name = "slow", .timeout_ms = 1};
    struct watch *watch;
    if (watch_start(loop, log, &watch) < 0)
        abort();
    uint64_t blocked_ms = 0;
    for (unsigned i = 0; i < CALLS; i++) {
        loop_runs(loop, &fast, i % 2 ? "request_headers" : "request_body");
        blocked_ms += loop_ran(loop);
    }
    CHECK(blocked_ms == 0);

    loop_runs(loop, &slow, "request_headers");
    unsigned ms = 0;
    for (; !has_line("plugin=slow phase=request_headers: ") && ms < PATIENCE_MS; ms++)
        usleep(1000);
    CHECK(ms < PATIENCE_MS);
    CHECK(loop_ran(loop) > 0);
    CHECK(!has_line("plugin=fast"));
    loop_runs(loop, &fast, "close");
    CHECK(loop_ran(loop) == 0);
    wake_it(loop);
    CHECK(!watch_stop(watch));
}

int main(void)
{
    char dir[] = "/tmp/extprocd-threads-XXXXXX";
    struct log_options options = {.file = "log", .level = EXTPROC_LEVEL_INFO};
    struct loop loop;
    struct log *log;
    if (!mkdtemp(dir) || chdir(dir) < 0 || writer_new(&options.writer) < 0 ||
        log_new(&options, &log) < 0 || writer_start(options.writer) < 0)
        return 1;
    loop_init(&loop, NULL);
    name_it(&loop, log);
    writer_stop(options.writer, STOP_MS);
    log_free(log);
    writer_free(options.writer);
    loop_fini(&loop);
    unlink("log");
    rmdir(dir);
    return check_totals();
}
