/* Real signals, sent to the test's own process or to a child of it. */
#include "process/run/signals.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int fd;
static unsigned n_taken[NSIG];

static void begin(void)
{
    cr_assert_eq(signals_init(&fd), 0);
}

TestSuite(signals, .init = begin);

static void take(void *arg, int signo)
{
    n_taken[signo]++;
}

static bool is_readable(void)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

Test(signals, are_taken_once_for_each_time_they_came)
{
    signals_serving();
    cr_expect_not(is_readable());
    raise(SIGUSR1);
    raise(SIGTERM);
    raise(SIGTERM);
    raise(SIGHUP);
    cr_expect(is_readable());
    signals_take(take, NULL);
    cr_expect_eq(n_taken[SIGTERM], 2);
    cr_expect_eq(n_taken[SIGHUP], 1);
    cr_expect_eq(n_taken[SIGUSR1], 1);

    cr_expect_not(is_readable());
    signals_take(take, NULL);
    cr_expect_eq(n_taken[SIGTERM], 2);
}

/* As a plugin's init() may, or that of a library of its. */
static void ignore_and_block(void)
{
    sigset_t all;
    signal(SIGTERM, SIG_IGN);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
}

Test(signals, are_taken_though_a_plugin_has_ignored_and_blocked_them)
{
    ignore_and_block();
    signals_serving();
    raise(SIGTERM);
    raise(SIGUSR1);
    signals_take(take, NULL);
    cr_expect_eq(n_taken[SIGTERM], 1);
    cr_expect_eq(n_taken[SIGUSR1], 1);
}

static void *send_all(void *arg)
{
    for (int i = 0; i < 1000; i++)
        raise(SIGHUP);
    return NULL;
}

Test(signals, are_noted_in_every_thread)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, send_all, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    signals_take(take, NULL);
    cr_expect_eq(n_taken[SIGHUP], 4000);
}

Test(signals, a_pipe_without_a_reader_is_an_error_of_write)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    close(ends[0]);
    cr_expect_eq(write(ends[1], "x", 1), -1);
    cr_expect_eq(errno, EPIPE);
    cr_expect_not(is_readable());
}

/* ---- how processes end ----------------------------------------------------------------------- */

/* The wait status of a child that does this. */
static int end_of(void (*child)(void))
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(20);
        child();
        _exit(99);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static void starts(void)
{
    signals_init(&fd);
    raise(SIGTERM);
}

Test(signals, term_ends_a_start)
{
    int status = end_of(starts);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "%x", (unsigned)status);
}

static void ends_though_they_were_ignored(void)
{
    signals_init(&fd);
    signals_serving();
    ignore_and_block();
    signals_ending();
    raise(SIGTERM);
}

Test(signals, a_second_term_ends_an_end_though_a_plugin_has_ignored_it)
{
    int status = end_of(ends_though_they_were_ignored);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", (unsigned)status);
}

static void ends(void)
{
    signals_init(&fd);
    signals_serving();
    signals_ending();
    raise(SIGINT);
}

Test(signals, int_ends_a_drain_immediately)
{
    int status = end_of(ends);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", (unsigned)status);
}

/* A plugin keeps the loop, which takes nothing. */
static void is_stuck(void)
{
    signals_init(&fd);
    signals_serving();
    raise(SIGTERM);
    for (;;) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        raise(SIGTERM);
    }
}

Test(signals, a_second_term_that_finds_the_first_one_not_taken_ends_the_process)
{
    int status = end_of(is_stuck);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", (unsigned)status);
}

static void is_forked(void)
{
    raise(SIGTERM);
}

Test(signals, a_child_that_was_forked_ends_by_default)
{
    signals_serving();
    int status = end_of(is_forked);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "%x", (unsigned)status);
    cr_expect_not(is_readable());
}

/* The masks of a program that was executed, as /proc writes them. */
static void masks_of_a_program(uint64_t *ret_blocked, uint64_t *ret_ignored)
{
    char line[128];
    FILE *f = popen("exec cat /proc/self/status", "r");
    while (fgets(line, sizeof line, f)) {
        sscanf(line, "SigBlk: %" SCNx64, ret_blocked);
        sscanf(line, "SigIgn: %" SCNx64, ret_ignored);
    }
    cr_assert_eq(pclose(f), 0);
}

Test(signals, a_program_that_was_executed_has_usual_signals)
{
    uint64_t blocked = 1, ignored = 1;
    sigset_t all;
    /* Given a parent that blocks and ignores more than is usual, */
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    begin();
    masks_of_a_program(&blocked, &ignored);
    cr_expect_eq(blocked, 0);
    cr_expect_eq(ignored & (1u << (SIGPIPE - 1) | 1u << (SIGHUP - 1) | 1u << (SIGCHLD - 1)), 0);
}
