/* signals: what is asked of the process from outside: noted by a handler, taken by the loop.
 *
 *     handler, in any thread: counts the signal, writes to an eventfd ──► loop: signals_take()
 *
 * A handler, and no blocked mask with a signalfd, and nothing ignored: children that plugins start
 * inherit a mask and ignored signals through exec(), and could then not be ended. A handler is
 * reset by exec(). A child that was only forked has it still, and ends by the signal's default
 * action.
 *
 * TERM and INT work in every state, also where no loop is there to take them, or where a plugin
 * keeps it:
 *
 *     starting ──► the default action                 ending ──► the process ends immediately
 *     serving  ──► counted; a second one that finds the first one not taken for UNTAKEN_MS ends it
 *              too
 *
 * What a plugin makes of a signal does not stay: a thread installs the handlers again and again,
 * and does not block them, whatever the plugin's thread does. A signal that comes while it is
 * ignored is lost.
 */
#include "process/run/signals.h"

#include "process/end/culprit.h"
#include "process/process.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { UNTAKEN_MS = 100, WATCH_MS = 10, LINE_SIZE = 256 };

enum state { STARTING, SERVING, ENDING };

static const struct kind {
    int signo;
    const char *name;
    bool stops, waits; /* waits for the loop; otherwise there is nothing to do */
} kinds[] = {
    {SIGTERM, "TERM", true, true},
    {SIGINT, "INT", true, true},
    {SIGHUP, "HUP", false, true},
    {SIGUSR1, "USR1", false, true},
    {SIGUSR2, "USR2", false, true},
    {SIGPIPE, "PIPE", false, false}, /* a write fails with EPIPE, which is enough */
    {SIGXFSZ, "XFSZ", false, false}, /* the same, with EFBIG */
};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

/* A handler gets no argument. */
static struct {
    pid_t pid;
    int fd;
    _Atomic enum state state;
    atomic_uint n[N_KINDS];
    atomic_uint_least64_t untaken_ms; /* since when TERM or INT waits for the loop; 0: none does */
} signals;

/* ---- in the handler: only what is safe there ------------------------------------------------- */

struct line {
    char text[LINE_SIZE];
    size_t len;
};

static void put(struct line *line, const char *text)
{
    while (*text && line->len < sizeof line->text)
        line->text[line->len++] = *text++;
}

static void put_number(struct line *line, uint64_t n)
{
    char digits[21];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do
        digits[--at] = (char)('0' + n % 10);
    while (n /= 10);
    put(line, digits + at);
}

/* In one piece of at most PIPE_BUF bytes, where there is room for it: a standard error that is not
 * read must not hold up the end. */
static void print(const struct line *line)
{
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&p, 1, 0) == 1)
        (void)!write(STDERR_FILENO, line->text, line->len);
}

static _Noreturn void end(const struct kind *kind)
{
    struct line line = {.len = 0};
    struct culprit culprit;
    put(&line, "extprocd: received SIG");
    put(&line, kind->name);
    put(&line, " again: stopping immediately");
    if (culprit_find(&culprit)) {
        put(&line, ", while plugin ");
        put(&line, culprit.plugin->name);
        put(&line, " runs in ");
        put(&line, culprit.phase);
        put(&line, " (for ");
        put_number(&line, culprit.ms);
        put(&line, " ms)");
    }
    put(&line, "\n");
    print(&line);
    _exit(EXIT_GOOD);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 + 1;
}

static bool is_stuck(void)
{
    uint64_t since = 0, now = now_ms();
    return !atomic_compare_exchange_strong(&signals.untaken_ms, &since, now) &&
           now - since > UNTAKEN_MS;
}

static void note(size_t i)
{
    const uint64_t one = 1;
    atomic_fetch_add(&signals.n[i], 1);
    /* Fails only where the counter is full, and then the loop is awake anyway. */
    (void)!write(signals.fd, &one, sizeof one);
}

static void act_by_default(int signo)
{
    signal(signo, SIG_DFL);
    raise(signo); /* when the handler has returned */
}

static void handle(int signo)
{
    int saved_errno = errno;
    enum state state = signals.state;
    size_t i = 0;
    while (kinds[i].signo != signo)
        i++;
    if (getpid() != signals.pid || (kinds[i].stops && state == STARTING))
        act_by_default(signo);
    else if (kinds[i].stops && (state == ENDING || is_stuck()))
        end(&kinds[i]);
    else if (kinds[i].waits)
        note(i);
    errno = saved_errno;
}

/* ---- outside --------------------------------------------------------------------------------- */

/* Also what code of plugins has ignored, or blocked in this thread, meanwhile. */
static void install(void)
{
    /* Plugins may run on stacks of their own that are too small for a handler (SA_ONSTACK), and
     * wait in system calls that a signal must not interrupt (SA_RESTART). */
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART | SA_ONSTACK};
    sigset_t none;

    for (size_t i = 0; i < N_KINDS; i++)
        sigaddset(&action.sa_mask, kinds[i].signo);
    for (size_t i = 0; i < N_KINDS; i++)
        sigaction(kinds[i].signo, &action, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void *watch(void *arg)
{
    const struct timespec often = {.tv_nsec = WATCH_MS * 1000000L}, seldom = {.tv_sec = 1};
    for (;;) {
        install();
        nanosleep(signals.state == SERVING ? &seldom : &often, NULL);
    }
    return NULL;
}

/* Without a thread for it plugins have to leave signals alone. */
static void start_watch(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, watch, NULL) == 0)
        pthread_detach(thread);
}

int signals_init(int *ret_fd)
{
    signals.pid = getpid();
    signals.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (signals.fd < 0)
        return -errno;
    install();
    /* Inherited from our parent: if SIGCHLD is ignored, wait(2) cannot return a child. */
    signal(SIGCHLD, SIG_DFL);
    start_watch();
    *ret_fd = signals.fd;
    return 0;
}

void signals_serving(void)
{
    assert(signals.state == STARTING);
    signals.state = SERVING;
    install();
}

void signals_ending(void)
{
    signals.state = ENDING;
    install();
}

void signals_take(void (*fn)(void *arg, int signo), void *arg)
{
    uint64_t unused;
    (void)!read(signals.fd, &unused, sizeof unused);
    signals.untaken_ms = 0;
    for (size_t i = 0; i < N_KINDS; i++)
        for (unsigned n = atomic_exchange(&signals.n[i], 0); n > 0; n--)
            fn(arg, kinds[i].signo);
}
