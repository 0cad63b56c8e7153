#include "base/log/log.h"

#include "failing.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/extprocd-log-XXXXXX";
static char content[1 << 20];

static void given_a_folder(void)
{
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(chdir(dir), 0);
    umask(0);
}
static void remove_it(void)
{
    unlink("log");
    unlink("log.1");
    rmdir(dir);
}
TestSuite(log, .init = given_a_folder, .fini = remove_it);

static struct log *a_log(const char *file, enum extproc_level level)
{
    struct log *log;
    cr_assert_eq(log_new(&(struct log_options){.file = file, .level = level}, &log), 0);
    return log;
}

static const char *read_file(const char *name)
{
    FILE *f = fopen(name, "r");
    cr_assert_not_null(f);
    content[fread(content, 1, sizeof content - 1, f)] = '\0';
    fclose(f);
    return content;
}

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        n++;
    return n;
}

Test(log, writes_lines_to_a_file_that_others_cannot_read)
{
    struct stat st;
    struct log *log = a_log("log", EXTPROC_LEVEL_INFO);
    log_line(log, EXTPROC_LEVEL_WARN, NULL, "%d plugins", 3);
    log_line(log, EXTPROC_LEVEL_ERROR, &(struct log_context){.plugin = "tags"}, "broken");
    log = log_free(log);

    cr_assert_null(log);
    cr_assert_not_null(strstr(read_file("log"), "Z warn  3 plugins\n"));
    cr_assert_not_null(strstr(content, "Z error plugin=tags: broken\n"));
    cr_assert_eq(stat("log", &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0640);
}

Test(log, appends_to_what_is_there)
{
    for (int i = 0; i < 2; i++) {
        struct log *log = a_log("log", EXTPROC_LEVEL_INFO);
        log_line(log, EXTPROC_LEVEL_INFO, NULL, "start");
        log_free(log);
    }
    cr_assert_eq(count(read_file("log"), "start"), 2);
}

Test(log, drops_what_is_below_its_level)
{
    struct log *log = a_log("log", EXTPROC_LEVEL_WARN);
    log_line(log, EXTPROC_LEVEL_INFO, NULL, "not this");
    log_line(log, EXTPROC_LEVEL_WARN, NULL, "but this");

    cr_assert_not(log_wants(log, EXTPROC_LEVEL_INFO));
    cr_assert(log_wants(log, EXTPROC_LEVEL_WARN));
    cr_assert_null(strstr(read_file("log"), "not this"));
    cr_assert_not_null(strstr(content, "but this"));
    log_free(log);
}

Test(log, no_log_takes_every_line_and_drops_it)
{
    log_line(NULL, EXTPROC_LEVEL_ERROR, NULL, "into the void");
    cr_assert_not(log_wants(NULL, EXTPROC_LEVEL_ERROR));
    cr_assert_null(log_free(NULL));
}

Test(log, json_is_one_object_a_line)
{
    struct log *log;
    cr_assert_eq(log_new(&(struct log_options){.file = "log", .json = true}, &log), 0);
    log_line(log, EXTPROC_LEVEL_DEBUG, NULL, "a\nb");
    cr_assert_not_null(strstr(read_file("log"), "\"level\":\"debug\",\"message\":\"a\\nb\"}\n"));
    log_free(log);
}

Test(log, a_file_that_cannot_be_opened_is_reported)
{
    struct log *log = NULL;
    cr_assert_eq(log_new(&(struct log_options){.file = "none/log"}, &log), -ENOENT);
    cr_assert_eq(log_new(&(struct log_options){.file = "."}, &log), -EISDIR);
    cr_assert_null(log);
}

Test(log, what_repeats_is_limited_but_not_at_debug)
{
    struct log *log = a_log("log", EXTPROC_LEVEL_DEBUG);
    for (int i = 0; i < 1000; i++) {
        log_line(log, EXTPROC_LEVEL_WARN, NULL, "value %d", i);
        log_line(log, EXTPROC_LEVEL_DEBUG, NULL, "step %d", i);
    }
    log_line(log, EXTPROC_LEVEL_ERROR, NULL, "value %d", 1); /* another level: another kind */
    log_line(log, EXTPROC_LEVEL_WARN, &(struct log_context){.plugin = "p"}, "value %d", 1);

    cr_assert_eq(count(read_file("log"), "value"), 12);
    cr_assert_eq(count(content, "step"), 1000);
    log_free(log);
}

Test(log, what_one_function_writes_for_many_is_not_alike)
{
    struct log *log = a_log("log", EXTPROC_LEVEL_INFO);
    for (int i = 0; i < 1000; i++)
        log_line(log, EXTPROC_LEVEL_WARN, NULL, "%s", i % 2 ? "no token" : "no user");
    log_line(log, EXTPROC_LEVEL_WARN, NULL, "%s", "the disk is full");
    cr_assert_eq(count(read_file("log"), "no token\n"), 10);
    cr_assert_eq(count(content, "no user\n"), 10);
    cr_assert_eq(count(content, "the disk is full\n"), 1);
    log_free(log);
}

Test(log, what_was_suppressed_is_reported_at_the_end)
{
    struct log *log = a_log("log", EXTPROC_LEVEL_INFO);
    for (int i = 0; i < 37; i++)
        log_line(log, EXTPROC_LEVEL_WARN, &(struct log_context){.plugin = "tags"}, "value %d", i);
    cr_assert_eq(count(read_file("log"), "suppressed"), 0);
    log_settle(log);
    cr_assert_not_null(strstr(read_file("log"),
                              " warn  plugin=tags: value 10 (26 similar messages suppressed)\n"));
    log_free(log);
    cr_assert_eq(count(read_file("log"), "value"), 11);
    log_settle(NULL);
}

/* Standard error becomes a file, and JOURNAL_STREAM names it. */
static void to_the_journal(const char *device_more)
{
    struct stat st;
    char stream[64];
    int fd = open("log", O_RDWR | O_CREAT | O_TRUNC, 0600);
    cr_assert_eq(fstat(fd, &st), 0);
    cr_assert_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    close(fd);
    snprintf(stream, sizeof stream, "%llu%s:%llu", (unsigned long long)st.st_dev, device_more,
             (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
}

Test(log, the_journal_gets_priorities)
{
    static const char *const files[] = {NULL, "stderr"};
    for (size_t i = 0; i < 2; i++) {
        to_the_journal("");
        struct log *log = a_log(files[i], EXTPROC_LEVEL_DEBUG);
        for (int level = 0; level < 4; level++)
            log_line(log, (enum extproc_level)level, NULL, "of level %d", level);
        log_free(log);
        cr_expect_eq(strncmp(read_file("log"), "<7>20", 5), 0);
        cr_expect_eq(count(content, "\n<6>20"), 1);
        cr_expect_eq(count(content, "\n<4>20"), 1);
        cr_expect_eq(count(content, "\n<3>20"), 1);
    }
}

Test(log, others_get_no_priorities)
{
    to_the_journal("1"); /* standard error leads elsewhere by now */
    struct log *log = a_log(NULL, EXTPROC_LEVEL_INFO);
    log_line(log, EXTPROC_LEVEL_WARN, NULL, "a line");
    log_free(log);
    cr_expect_eq(strncmp(read_file("log"), "20", 2), 0);

    to_the_journal("");
    log = a_log("log", EXTPROC_LEVEL_INFO); /* a file, whichever it is */
    log_line(log, EXTPROC_LEVEL_WARN, NULL, "another");
    log_free(log);
    cr_expect_eq(count(read_file("log"), "<4>"), 0);
}

Test(log, a_huge_line_is_cut_with_a_mark)
{
    struct log *log = a_log("log", EXTPROC_LEVEL_INFO);
    log_line(log, EXTPROC_LEVEL_INFO, NULL, "%0*d", 1000000, 1);
    cr_assert_not_null(strstr(read_file("log"), "000... (truncated; 1000000 bytes in total)\n"));
    cr_assert_lt(strlen(content), 10000);
    log_free(log);
}

Test(log, errno_stays_as_it_was)
{
    struct log *log = a_log("/dev/full", EXTPROC_LEVEL_INFO);
    errno = EINTR;
    log_line(log, EXTPROC_LEVEL_INFO, NULL, "%m");
    cr_assert_eq(errno, EINTR);
    log_free(log);
}

Test(log, a_full_disk_does_no_harm)
{
    struct log *log = a_log("/dev/full", EXTPROC_LEVEL_INFO);
    for (int i = 0; i < 100; i++)
        log_line(log, EXTPROC_LEVEL_ERROR, NULL, "nobody reads this");
    log_free(log);
}

Test(log, a_closed_standard_error_does_no_harm)
{
    close(STDERR_FILENO);
    struct log *log = a_log(NULL, EXTPROC_LEVEL_INFO);
    int fd = open("log", O_RDWR | O_CREAT, 0600); /* somebody else's, and likely number 2 */
    log_line(log, EXTPROC_LEVEL_ERROR, NULL, "nobody reads this");

    cr_assert_eq(lseek(fd, 0, SEEK_END), 0);
    log_free(log);
}

Test(log, standard_error_gets_lines_until_its_reader_leaves)
{
    int ends[2];
    char bytes[200];
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    struct log *log = a_log(NULL, EXTPROC_LEVEL_INFO);

    log_line(log, EXTPROC_LEVEL_INFO, NULL, "hello");
    ssize_t n = read(ends[0], bytes, sizeof bytes);
    cr_assert_gt(n, 6);
    cr_assert_eq(memcmp(bytes + n - 6, "hello\n", 6), 0);
    close(ends[0]);
    log_line(log, EXTPROC_LEVEL_INFO, NULL, "nobody reads this");
    log_free(log);
}

static void *write_many(void *arg)
{
    for (int i = 0; i < 500; i++)
        log_line(arg, EXTPROC_LEVEL_DEBUG, NULL, "begin %0100d end", i);
    return NULL;
}

Test(log, lines_of_several_threads_do_not_mix)
{
    struct log *log = a_log("log", EXTPROC_LEVEL_DEBUG);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, write_many, log), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    log_free(log);

    unsigned n = 0;
    read_file("log");
    for (char *l = strtok(content, "\n"); l; l = strtok(NULL, "\n"), n++) {
        cr_assert_eq(count(l, "begin"), 1);
        cr_assert_str_eq(l + strlen(l) - 4, " end");
    }
    cr_assert_eq(n, 2000);
}

Test(log, without_memory_there_is_no_log)
{
    if (failing_is_off)
        cr_skip_test("the allocator is the sanitizer's");
    struct log *log;
    for (long n = 0; n < 7; n++) { /* log, writer, output, its name, path, bytes and lengths */
        fail_after(n);
        int r = log_new(&(struct log_options){.file = "log"}, &log);
        fail_no_more();
        cr_assert_eq(r, -ENOMEM);
    }
}
