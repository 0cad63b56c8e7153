/* log: lines of several threads never mix and none is lost, also while the file is turned over,
 * with a writer that runs and with one that is started and stopped under way; and what the limit
 * holds back is counted to the last line.
 */
#include "base/log/log.h"

#include "base/log/log_limit.h"
#include "base/log/writer.h"
#include "crew.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { WRITERS = 4, LINES = 300, TURNS = 20, FILLER = 200, FILE_SIZE = 32, LINE_SIZE = 1024 };
enum { STOP_MS = 60000, PATIENCE_MS = 60000 };
enum { TICK_MS = LOG_LIMIT_WINDOW_MS / 100 };

struct speaker {
    struct log *log;
    unsigned number;
};

static void file_name(unsigned i, char ret_name[static FILE_SIZE])
{
    snprintf(ret_name, FILE_SIZE, "log.%u", i);
}

/* A line's filler is of its writer's letter, and each line has another length. */
static unsigned filler_len(unsigned line)
{
    return line * 7 % FILLER + 1;
}

/* Debug lines are not limited; those at info are of one kind, whichever thread writes them. */
static void write_lines(void *arg)
{
    struct speaker *w = arg;
    char filler[FILLER + 1];
    memset(filler, (int)('a' + w->number), FILLER);
    for (unsigned i = 0; i < LINES; i++) {
        log_line(w->log, EXTPROC_LEVEL_DEBUG, &(struct log_context){.plugin = "tags"},
                 "<%u %u %.*s>", w->number, i, (int)filler_len(i), filler);
        log_line(w->log, EXTPROC_LEVEL_INFO, NULL, "alike");
    }
}

/* The file is there again once the writer has opened it. */
static void turn_over(void *arg)
{
    char name[FILE_SIZE];
    for (unsigned i = 0; i < TURNS; i++) {
        file_name(i, name);
        for (unsigned ms = 0; rename("log", name) < 0 && ms < PATIENCE_MS; ms++)
            usleep(1000);
        writer_reopen(arg);
    }
}

static void start_and_stop(void *arg)
{
    for (unsigned i = 0; i < TURNS; i++) {
        if (writer_start(arg) < 0)
            abort();
        writer_stop(arg, STOP_MS);
    }
}

/* ---- what is in the files -------------------------------------------------------------------- */

struct found {
    unsigned seen[WRITERS][LINES];
    unsigned n_alike, n_left_out, n_broken;
};

/* "<0 17 aaa>" and nothing after it. */
static bool find_own(struct found *f, const char *text)
{
    unsigned number, line;
    int at = -1;
    if (sscanf(text, "<%u %u %n", &number, &line, &at) != 2 || at < 0 || number >= WRITERS ||
        line >= LINES)
        return false;
    const char letter[] = {(char)('a' + number), '\0'};
    f->seen[number][line]++;
    return strspn(text + at, letter) == filler_len(line) &&
           strcmp(text + at + filler_len(line), ">\n") == 0;
}

static bool find_alike(struct found *f, const char *text)
{
    unsigned left_out = 0;
    if (strncmp(text, "alike", 5) != 0)
        return false;
    f->n_alike++;
    if (strcmp(text + 5, "\n") != 0 &&
        sscanf(text + 5, " (%u similar messages suppressed)", &left_out) != 1)
        return false;
    f->n_left_out += left_out;
    return true;
}

static void find_line(struct found *f, const char *line)
{
    const char *own = strstr(line, "Z debug plugin=tags: "), *alike = strstr(line, "Z info  ");
    if (!(own && find_own(f, own + 21)) && !(alike && find_alike(f, alike + 8)))
        f->n_broken++;
}

static void find_lines(struct found *f, const char *name)
{
    char line[LINE_SIZE];
    FILE *file = fopen(name, "r");
    if (!file)
        return;
    while (fgets(line, sizeof line, file))
        find_line(f, line);
    fclose(file);
    unlink(name);
}

static void lines_stay_whole(void (*meanwhile)(void *writer), bool running)
{
    struct speaker writers[WRITERS];
    struct crew_member crew[WRITERS + 1];
    struct found found = {0};
    struct log_options options = {.file = "log", .level = EXTPROC_LEVEL_DEBUG};
    struct log *log;
    char name[FILE_SIZE];
    if (writer_new(&options.writer) < 0 || log_new(&options, &log) < 0 ||
        (running && writer_start(options.writer) < 0))
        abort();
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct speaker){log, i};
        crew[i] = (struct crew_member){write_lines, &writers[i]};
    }
    crew[WRITERS] = (struct crew_member){meanwhile, options.writer};
    crew_run(crew, WRITERS + 1);
    writer_stop(options.writer, STOP_MS);
    log_free(log);
    writer_free(options.writer);

    find_lines(&found, "log");
    for (unsigned i = 0; i < TURNS; i++) {
        file_name(i, name);
        find_lines(&found, name);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        unsigned once = 0;
        for (unsigned line = 0; line < LINES; line++)
            once += found.seen[i][line] == 1;
        CHECK(once == LINES);
    }
    CHECK(found.n_broken == 0);
    CHECK(found.n_alike >= LOG_LIMIT_BURST);
    CHECK(found.n_alike + found.n_left_out == WRITERS * LINES);
}

/* ---- the limit, by a clock of the test's own ------------------------------------------------- */

struct asker {
    struct log_limit *limit;
    atomic_uint *clock_ms;
    unsigned n_passed, n_left_out;
};

static void ask(void *arg)
{
    struct asker *a = arg;
    const struct log_limit_line line = {.kind = 1, .message = 1, .text = EXTPROC_S("alike")};
    for (unsigned i = 0; i < LINES; i++) {
        unsigned left_out;
        unsigned now_ms = atomic_fetch_add_explicit(a->clock_ms, TICK_MS, memory_order_relaxed);
        if (!log_limit_pass(a->limit, &line, now_ms, &left_out))
            continue;
        a->n_passed++;
        a->n_left_out += left_out;
    }
}

static void what_is_left_out_is_counted(void)
{
    static struct log_limit limit;
    const struct log_limit_line line = {.kind = 1, .message = 1};
    atomic_uint clock_ms = 0;
    struct asker askers[WRITERS];
    struct crew_member crew[WRITERS];
    unsigned n_passed = 0, n_left_out = 0, rest = 0;
    log_limit_init(&limit);
    for (unsigned i = 0; i < WRITERS; i++) {
        askers[i] = (struct asker){.limit = &limit, .clock_ms = &clock_ms};
        crew[i] = (struct crew_member){ask, &askers[i]};
    }
    crew_run(crew, WRITERS);
    for (unsigned i = 0; i < WRITERS; i++) {
        n_passed += askers[i].n_passed;
        n_left_out += askers[i].n_left_out;
    }
    CHECK(log_limit_pass(&limit, &line, atomic_load(&clock_ms) + LOG_LIMIT_WINDOW_MS, &rest));
    CHECK(n_passed >= LOG_LIMIT_BURST && n_passed < WRITERS * LINES);
    CHECK(n_passed + n_left_out + rest == WRITERS * LINES);
    log_limit_fini(&limit);
}

int main(void)
{
    char dir[] = "/tmp/extprocd-threads-XXXXXX";
    if (!mkdtemp(dir) || chdir(dir) < 0)
        return 1;
    lines_stay_whole(turn_over, true);
    lines_stay_whole(turn_over, false);
    lines_stay_whole(start_and_stop, false);
    what_is_left_out_is_counted();
    rmdir(dir);
    return check_totals();
}
