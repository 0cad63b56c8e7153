/* writer: what reaches a file, whatever happens to the file, and what is said of the rest. */
#include "base/log/writer.h"

#include "failing.h"
#include "scene.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { QUEUE = 64 * 1024, PIPE = 64 * 1024, TEXT = 4 << 20, WAIT_MS = 20000 };

static struct writer *w;
static struct metrics *metrics;
static struct metric *dropped;
static char text[TEXT];

/* What the writer reports, a line each; written in its thread. */
static char said[4096];
static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;

EXTPROC_PRINTF(3, 0)
static void note(void *arg, enum extproc_level level, const char *fmt, va_list ap)
{
    static const char letters[] = "DIWE";
    pthread_mutex_lock(&said_lock);
    size_t len = strlen(said);
    len += (size_t)snprintf(said + len, sizeof said - len, "%c ", letters[level]);
    len += (size_t)vsnprintf(said + len, sizeof said - len, fmt, ap);
    snprintf(said + len, sizeof said - len, "\n");
    pthread_mutex_unlock(&said_lock);
}

static void given_a_writer(void)
{
    scene_begin();
    cr_assert_eq(metrics_new(&metrics), 0);
    dropped = metrics_define(metrics, &(struct metric_definition){.name = "dropped"});
    cr_assert_eq(writer_new(&w), 0);
    writer_say_to(w, note, NULL);
}
static void free_it(void)
{
    writer_free(w);
    metrics_free(metrics);
    scene_end();
}
TestSuite(writer, .init = given_a_writer, .fini = free_it, .timeout = 60);

static struct output *open_output(const char *path)
{
    struct output *o;
    char why[FILE_WHY];
    const struct output_options options = {
        .path = path, .what = "lines", .size = QUEUE, .dropped = dropped};
    cr_assert_eq(writer_open(w, &options, &o, why), 0, "%s", why);
    return o;
}

static bool append(struct output *o, const char *line)
{
    return writer_append(o, extproc_str_of(line));
}

static uint64_t n_dropped(void)
{
    struct metric_reading m;
    metrics_find(metrics, NULL, "dropped", &m);
    return m.sum;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static const char *content(const char *path)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    size_t len = 0;
    ssize_t n;
    while (fd >= 0 && (n = read(fd, text + len, TEXT - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    close(fd);
    return text;
}

#define WAIT_UNTIL(holds)                                                                          \
    do {                                                                                           \
        uint64_t end = now_ms() + WAIT_MS;                                                         \
        while (!(holds)) {                                                                         \
            cr_assert_lt(now_ms(), end, "waited for %s; said: %s", #holds, said);                  \
            poll(NULL, 0, 1);                                                                      \
        }                                                                                          \
    } while (0)

static bool has_said(const char *part)
{
    pthread_mutex_lock(&said_lock);
    bool found = strstr(said, part);
    pthread_mutex_unlock(&said_lock);
    return found;
}

static unsigned n_said(const char *part)
{
    unsigned n = 0;
    pthread_mutex_lock(&said_lock);
    for (const char *at = said; (at = strstr(at, part)); at += strlen(part))
        n++;
    pthread_mutex_unlock(&said_lock);
    return n;
}

/* More than a pipe and its queue hold. */
static unsigned append_too_much(struct output *o)
{
    char line[1000];
    unsigned n_kept = 0;
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    for (int i = 0; i < 2 * (PIPE + QUEUE) / (int)sizeof line; i++)
        n_kept += append(o, line);
    return n_kept;
}

static int open_fifo(const char *path)
{
    cr_assert_eq(mkfifo(path, 0600), 0);
    return open(path, O_RDONLY | O_NONBLOCK);
}

/* Takes what is in a FIFO until a line like this one comes. */
static void read_until(int fd, const char *line)
{
    size_t len = 0;
    text[0] = '\0';
    WAIT_UNTIL(({
        ssize_t n = read(fd, text + len, TEXT - 1 - len);
        len += n > 0 ? (size_t)n : 0;
        text[len] = '\0';
        strstr(text, line);
    }));
}

/* ---- what is written ------------------------------------------------------------------------- */

Test(writer, that_was_not_started_writes_lines_as_they_come)
{
    struct output *o = open_output("x");
    append(o, "one");
    append(o, "");
    cr_expect_str_eq(content("x"), "one\n\n");
}

Test(writer, appends_in_its_thread)
{
    struct output *x = open_output("x"), *y = open_output("y");
    cr_assert_eq(writer_start(w), 0);
    append(x, "one");
    append(y, "other");
    append(x, "two");
    WAIT_UNTIL(strcmp(content("x"), "one\ntwo\n") == 0);
    WAIT_UNTIL(strcmp(content("y"), "other\n") == 0);
    poll(NULL, 0, 30); /* so that it sleeps; either way the next line must come */
    append(x, "three");
    WAIT_UNTIL(strcmp(content("x"), "one\ntwo\nthree\n") == 0);
}

Test(writer, has_written_all_when_it_has_stopped)
{
    struct output *o = open_output("x");
    cr_assert_eq(writer_start(w), 0);
    for (int i = 0; i < 1000; i++)
        append(o, "line");
    writer_stop(w, WAIT_MS);
    cr_expect_eq(strlen(content("x")), 5000);
    append(o, "after"); /* as before the start */
    cr_expect_eq(strlen(content("x")), 5006);
}

Test(writer, closes_an_output_when_it_is_written)
{
    struct output *o = open_output("x");
    cr_assert_eq(writer_start(w), 0);
    append(o, "last");
    writer_close(o);
    WAIT_UNTIL(strcmp(content("x"), "last\n") == 0);
}

Test(writer, takes_a_line_that_is_longer_than_a_pipe_takes_in_one_piece)
{
    static char line[30001];
    int fd = open_fifo("fifo");
    struct output *o = open_output("fifo");
    memset(line, 'x', sizeof line - 1);
    cr_assert_eq(writer_start(w), 0);
    append(o, line);
    append(o, line);
    append(o, "end");
    read_until(fd, "\nend\n");
    cr_expect_eq(strlen(text), 2 * sizeof line + 4);
    close(fd);
}

/* As the log and a plugin's file do that both lead to standard error. */
Test(writer, tears_no_line_where_two_outputs_lead_to_one_file)
{
    static char line[PIPE * 3 / 4];
    int fd = open_fifo("fifo");
    struct output *a = open_output("fifo"), *b = open_output("fifo");
    memset(line, 'x', sizeof line - 1);
    append(a, line);
    append(a, line); /* of which the pipe takes a part */
    append(b, "between");
    cr_assert_eq(writer_start(w), 0);
    read_until(fd, "between\n");
    char *between = strstr(text, "between\n");
    cr_expect_eq(strlen(text), 2 * sizeof line + strlen("between\n"));
    cr_expect(between == text || between[-1] == '\n', "inside another line");
    close(fd);
}

/* ---- an output that is stalled --------------------------------------------------------------- */

Test(writer, a_stalled_reader_holds_up_no_thread)
{
    int fd = open_fifo("fifo");
    struct output *stalled = open_output("fifo"), *other = open_output("x");
    cr_assert_eq(writer_start(w), 0);
    append_too_much(stalled);
    append(other, "here");
    WAIT_UNTIL(strcmp(content("x"), "here\n") == 0);
    uint64_t before = now_ms();
    writer_stop(w, 100);
    cr_expect_lt(now_ms() - before, WAIT_MS);
    close(fd);
}

Test(writer, what_does_not_fit_is_counted_and_reported_when_there_is_room)
{
    char report[64];
    int fd = open_fifo("fifo");
    struct output *o = open_output("fifo");
    cr_assert_eq(writer_start(w), 0);
    unsigned n = 2 * (PIPE + QUEUE) / 1000, n_kept = append_too_much(o);
    cr_expect_lt(n_kept, n);
    cr_expect_eq(n_dropped(), n - n_kept);
    cr_expect_not(has_said("dropped"));

    size_t left = n_kept * 1000;
    WAIT_UNTIL(({
        ssize_t got = read(fd, text, TEXT);
        left -= got > 0 ? (size_t)got : 0;
        left == 0;
    }));
    snprintf(report, sizeof report, "W %u lines dropped: fifo ", n - n_kept);
    WAIT_UNTIL(has_said(report));
    close(fd);
}

Test(writer, what_is_left_at_the_stop_is_counted_and_reported)
{
    char report[64];
    int fd = open_fifo("fifo");
    struct output *o = open_output("fifo");
    unsigned n = 2 * (PIPE + QUEUE) / 1000;
    append_too_much(o);
    writer_stop(w, 10);
    size_t n_read = strlen(content("fifo")) / 1000;
    cr_expect_eq(n_dropped() + n_read, n);
    snprintf(report, sizeof report, "W %u lines dropped: fifo ", (unsigned)(n - n_read));
    cr_expect(has_said(report), "%s", said);
    close(fd);
}

EXTPROC_PRINTF(3, 0)
static void note_in(void *output, enum extproc_level level, const char *fmt, va_list ap)
{
    char line[256];
    vsnprintf(line, sizeof line, fmt, ap);
    append(output, line);
}

Test(writer, what_is_dropped_at_the_stop_is_reported_by_those_that_do_write)
{
    for (int i = 0; i < 2; i++) { /* the log before and after the output that fails */
        struct output *first = open_output(i ? "/dev/full" : "log");
        struct output *second = open_output(i ? "log" : "/dev/full");
        writer_say_to(w, note_in, i ? second : first);
        cr_assert_eq(writer_start(w), 0);
        append(i ? first : second, "line");
        writer_stop(w, WAIT_MS);
        cr_expect(strstr(content("log"), "1 lines dropped: /dev/full "), "%s", text);
        cr_assert_eq(truncate("log", 0), 0);
    }
    writer_say_to(w, NULL, NULL);
}

Test(writer, standard_error_is_not_changed_for_other_processes)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    int saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    struct output *o = open_output("stderr");
    append_too_much(o);
    int flags = fcntl(STDERR_FILENO, F_GETFL);
    dup2(saved, STDERR_FILENO);
    cr_expect_eq(flags & O_NONBLOCK, 0);
    writer_stop(w, 10);
    close(ends[0]);
}

Test(writer, a_socket_as_standard_output_is_not_waited_for)
{
    int ends[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    int saved = dup(STDOUT_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    struct output *o = open_output("stdout");
    dup2(saved, STDOUT_FILENO);
    cr_assert_eq(writer_start(w), 0);
    for (int i = 0; n_dropped() == 0; i++)
        append(o, "this is not read by anybody");
    writer_stop(w, 10);
    cr_expect(has_said("lines dropped: standard output "));
    close(ends[0]);
}

Test(writer, a_reader_that_leaves_is_reported_once)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    int saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    struct output *o = open_output("stderr");
    dup2(saved, STDERR_FILENO);
    close(ends[1]);
    close(ends[0]);
    cr_assert_eq(writer_start(w), 0);
    append(o, "one");
    WAIT_UNTIL(has_said("E cannot write to standard error: Broken pipe\n"));
    append(o, "two");
    writer_stop(w, WAIT_MS); /* which does not wait for it */
    cr_expect_eq(n_said("Broken pipe"), 1);
    cr_expect_eq(n_dropped(), 2);
}

/* ---- a disk that is full --------------------------------------------------------------------- */

Test(writer, a_full_device_is_reported_once)
{
    struct output *o = open_output("/dev/full");
    append(o, "one");
    append(o, "two");
    cr_expect_eq(n_said("E cannot write to /dev/full: No space left on device\n"), 1);
    cr_expect_eq(n_said("cannot"), 1);
}

static void limit_files(rlim_t size)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = size;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(writer, a_full_disk_tears_no_line)
{
    struct output *o = open_output("x");
    cr_assert_eq(writer_start(w), 0);
    limit_files(10);
    append(o, "one");
    append(o, "a line that does not fit");
    append(o, "two");
    WAIT_UNTIL(has_said("E cannot write to x: File too large\n"));
    WAIT_UNTIL(strcmp(content("x"), "one\n") == 0);

    limit_files(RLIM_INFINITY);
    WAIT_UNTIL(has_said("I writing to x again\n"));
    cr_expect_str_eq(content("x"), "one\na line that does not fit\ntwo\n");
    cr_expect_eq(n_said("cannot"), 1);
    cr_expect_eq(n_dropped(), 0);
}

Test(writer, a_full_disk_at_the_stop_leaves_complete_lines)
{
    struct output *o = open_output("x");
    cr_assert_eq(writer_start(w), 0);
    limit_files(10);
    append(o, "one");
    append(o, "a line that does not fit");
    writer_stop(w, WAIT_MS);
    limit_files(RLIM_INFINITY);
    cr_expect_str_eq(content("x"), "one\n");
    cr_expect_eq(n_dropped(), 1);
}

Test(writer, a_file_of_somebody_elses_gets_the_rest_of_a_line)
{
    int fd = open("x", O_WRONLY | O_CREAT, 0600), saved = dup(STDOUT_FILENO);
    dup2(fd, STDOUT_FILENO);
    struct output *o = open_output("stdout");
    dup2(saved, STDOUT_FILENO);
    cr_assert_eq(writer_start(w), 0);
    limit_files(10);
    append(o, "one");
    append(o, "a line that does not fit");
    WAIT_UNTIL(has_said("File too large\n"));
    limit_files(RLIM_INFINITY);
    WAIT_UNTIL(has_said("again\n"));
    cr_expect_str_eq(content("x"), "one\na line that does not fit\n");
    close(fd);
}

/* ---- opening again --------------------------------------------------------------------------- */

Test(writer, opens_files_again_after_a_rotation)
{
    struct output *o = open_output("x");
    append(o, "before");
    cr_assert_eq(rename("x", "x.1"), 0);
    append(o, "between");
    writer_reopen(w);
    append(o, "after");
    cr_expect_str_eq(content("x.1"), "before\nbetween\n");
    cr_expect_str_eq(content("x"), "after\n");
}

Test(writer, keeps_the_old_file_where_the_new_one_cannot_be_opened)
{
    struct output *o = open_output("x");
    cr_assert_eq(rename("x", "x.1"), 0);
    cr_assert_eq(mkdir("x", 0700), 0);
    writer_reopen(w);
    append(o, "still here");
    cr_expect_str_eq(content("x.1"), "still here\n");
    cr_expect(has_said("E cannot reopen x: is a directory, expected"), "%s", said);
}

Test(writer, a_path_that_must_not_be_seen_is_not_said)
{
    struct output *o;
    char why[FILE_WHY];
    const struct output_options options = {
        .path = "secret", .shown = "********", .what = "lines", .size = QUEUE};
    cr_assert_eq(writer_open(w, &options, &o, why), 0);
    cr_assert_eq(unlink("secret"), 0);
    cr_assert_eq(mkdir("secret", 0700), 0);
    writer_reopen(w);
    cr_expect(has_said("cannot reopen ********: is a directory"), "%s", said);
    cr_expect_not(has_said("secret"));
}

Test(writer, a_fifo_in_the_place_of_the_file_blocks_nothing)
{
    struct output *o = open_output("x"), *other = open_output("y");
    cr_assert_eq(writer_start(w), 0);
    cr_assert_eq(unlink("x"), 0);
    cr_assert_eq(mkfifo("x", 0600), 0);
    writer_reopen(w);
    append(o, "for who comes");
    append(other, "here");
    WAIT_UNTIL(strcmp(content("y"), "here\n") == 0);
    WAIT_UNTIL(strcmp(content("x"), "for who comes\n") == 0);
}

Test(writer, begins_a_torn_line_anew_in_the_new_file)
{
    static char line[PIPE * 3 / 4];
    int fd = open_fifo("x");
    struct output *o = open_output("x");
    memset(line, 'x', sizeof line - 1);
    append(o, line);
    append(o, line); /* of which the pipe takes a part */
    cr_assert_eq(unlink("x"), 0);
    writer_reopen(w);
    cr_expect_eq(strlen(content("x")), sizeof line);
    close(fd);
}

/* ---- memory ---------------------------------------------------------------------------------- */

Test(writer, without_memory_nothing_is_opened)
{
    char why[FILE_WHY];
    struct output *o;
    const struct output_options options = {.path = "x", .what = "lines", .size = QUEUE};
    if (failing_is_off)
        cr_skip_test("the allocator is the sanitizer's");
    for (long n = 0; n < 5; n++) { /* output, name, path, bytes and lengths */
        fail_after(n);
        int r = writer_open(w, &options, &o, why);
        fail_no_more();
        cr_expect_eq(r, -ENOMEM, "%ld", n);
        cr_expect_str_eq(why, "out of memory");
    }
}
