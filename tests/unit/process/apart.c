/* What the process that waits makes of the end of the process that runs plugins. */
#include "process/command/apart.h"

#include "process/process.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char said_file[] = "/tmp/extprocd-apart-XXXXXX", text[1024];

static void begin(void)
{
    const struct rlimit none = {0};
    close(mkstemp(said_file));
    setrlimit(RLIMIT_CORE, &none); /* for those that end by a signal */
}

static void end(void)
{
    unlink(said_file);
}

TestSuite(apart, .init = begin, .fini = end);

/* A program that splits, and does this where plugins run. Its wait status. */
static int end_of(void (*part)(void))
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        cr_assert_not_null(freopen(said_file, "w", stderr));
        if (apart_split(&status))
            part();
        fflush(stderr);
        _exit(status);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static const char *said(void)
{
    FILE *f = fopen(said_file, "r");
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

static void expect_exit(void (*part)(void), int code)
{
    int status = end_of(part);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == code, "%x", (unsigned)status);
}

/* ---- ends that were meant -------------------------------------------------------------------- */

static void succeeds(void)
{
    apart_done();
    _exit(EXIT_GOOD);
}

static void fails(void)
{
    apart_done();
    _exit(EXIT_USAGE);
}

static void fails_with_a_line_of_its_own(void)
{
    _exit(EXIT_BAD);
}

Test(apart, it_ends_as_the_command_says)
{
    expect_exit(succeeds, EXIT_GOOD);
    expect_exit(fails, EXIT_USAGE);
    expect_exit(fails_with_a_line_of_its_own, EXIT_BAD);
    cr_expect_str_empty(said());
}

/* As under a shell's trap, or a supervisor that does not want to know. */
Test(apart, it_waits_although_its_own_parent_ignores_children)
{
    struct sigaction before;
    sigaction(SIGCHLD, NULL, &before);
    signal(SIGCHLD, SIG_IGN);
    pid_t pid = fork();
    if (pid == 0) {
        int status = EXIT_BAD;
        if (apart_split(&status))
            succeeds();
        _exit(status == EXIT_GOOD ? 17 : 18);
    }
    sigaction(SIGCHLD, &before, NULL);
    int status = -1;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_expect_eq(WEXITSTATUS(status), 17);
}

/* ---- ends that a plugin made ----------------------------------------------------------------- */

static void is_ended_with_0(void)
{
    _exit(0);
}

Test(apart, an_exit_of_0_that_was_not_meant_is_a_failure)
{
    expect_exit(is_ended_with_0, EXIT_BAD);
    cr_expect_not_null(strstr(said(), "_exit(0)"), "%s", text);
    cr_expect_not_null(strstr(text, "plugin"), "%s", text);
}

static void is_ended_with_42(void)
{
    _exit(42);
}

Test(apart, another_exit_is_named)
{
    expect_exit(is_ended_with_42, EXIT_BAD);
    cr_expect_not_null(strstr(said(), "_exit(42)"), "%s", text);
}

static void crashes(void)
{
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
}

static void is_killed(void)
{
    raise(SIGKILL);
}

Test(apart, a_signal_is_passed_on_to_the_waiting_process)
{
    int status = end_of(crashes);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "%x", (unsigned)status);
    status = end_of(is_killed);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%x", (unsigned)status);
}

/* ---- the other way round --------------------------------------------------------------------- */

static int ends[2];

static void waits(void)
{
    close(ends[0]);
    (void)!write(ends[1], "", 1);
    for (;;)
        pause();
}

/* What ends the waiting process ends the plugins with it. */
Test(apart, it_does_not_outlive_the_waiting_process, .timeout = 60)
{
    char byte;
    cr_assert_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int status;
        if (apart_split(&status))
            waits();
        _exit(0);
    }
    close(ends[1]);
    cr_assert_eq(read(ends[0], &byte, 1), 1);
    kill(pid, SIGKILL);
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
    cr_expect_eq(read(ends[0], &byte, 1), 0); /* both have closed their ends */
    close(ends[0]);
}
