/* Process 1 of a container: what it makes of signals, orphans and the end of the service. */
#include "process/end/reaper.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int ends[2]; /* what the service says */

static void begin(void)
{
    const struct rlimit none = {0};
    cr_assert_eq(pipe(ends), 0);
    setrlimit(RLIMIT_CORE, &none);
}

static void end(void)
{
    close(ends[0]);
    close(ends[1]);
}

TestSuite(reaper, .init = begin, .fini = end, .timeout = 60);

/* A reaper whose service does this; orphans become its children, as in a container. */
static pid_t given_a_service(void (*part)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        int status = 99;
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        if (reaper_split(&status))
            part();
        _exit(status);
    }
    return pid;
}

static void expect_exit(pid_t pid, int code)
{
    int status = -1;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == code, "%x", (unsigned)status);
}

static void await_service(void)
{
    char byte;
    cr_assert_eq(read(ends[0], &byte, 1), 1);
}

static void ends_with_7(void)
{
    _exit(7);
}

static void ends_by_a_signal(void)
{
    signal(SIGUSR2, SIG_DFL);
    raise(SIGUSR2);
}

Test(reaper, ends_as_the_service_does)
{
    expect_exit(given_a_service(ends_with_7), 7);
    expect_exit(given_a_service(ends_by_a_signal), 128 + SIGUSR2);
}

/* ---- orphans --------------------------------------------------------------------------------- */

/* A child of a child, whose parent has gone, ends before the service does. */
static void leaves_an_orphan(void)
{
    int orphan[2];
    char byte;
    if (pipe(orphan) != 0)
        _exit(98);
    pid_t child = fork();
    if (child == 0) {
        pid_t parent = getpid();
        if (fork() == 0) {
            close(orphan[0]);
            while (getppid() == parent)
                sched_yield();
            _exit(9);
        }
        _exit(0);
    }
    waitpid(child, NULL, 0);
    close(orphan[1]);
    (void)!read(orphan[0], &byte, 1); /* until the orphan has ended */
    _exit(4);
}

Test(reaper, does_not_take_an_orphan_for_the_service)
{
    expect_exit(given_a_service(leaves_an_orphan), 4);
}

/* Its own child's status is the service's to read. */
static void has_a_child(void)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0)
        _exit(11);
    _exit(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 11 ? 5 : 6);
}

Test(reaper, leaves_the_children_of_plugins_to_them)
{
    expect_exit(given_a_service(has_a_child), 5);
}

/* ---- signals --------------------------------------------------------------------------------- */

static volatile sig_atomic_t taken;

static void take(int signo)
{
    taken = signo;
}

/* It ends with the number of the signal. */
static void waits_for_a_signal(void)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], take);
    (void)!write(ends[1], "", 1);
    while (!taken)
        sigsuspend(&none);
    _exit(taken);
}

Test(reaper, passes_signals_on)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        pid_t pid = given_a_service(waits_for_a_signal);
        await_service();
        kill(pid, signals[i]);
        expect_exit(pid, signals[i]);
    }
}

static void has_a_group_of_its_own(void)
{
    _exit(getpgrp() == getpid() ? 1 : 2);
}

/* A terminal's ^C comes to a group: the service has it from the reaper, once. */
Test(reaper, lets_the_service_have_a_group_of_its_own)
{
    expect_exit(given_a_service(has_a_group_of_its_own), 1);
}

static void has_usual_signals(void)
{
    sigset_t blocked;
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    _exit(sigismember(&blocked, SIGTERM) || sigismember(&blocked, SIGCHLD) ? 2 : 1);
}

Test(reaper, blocks_no_signal_of_the_service)
{
    expect_exit(given_a_service(has_usual_signals), 1);
}
