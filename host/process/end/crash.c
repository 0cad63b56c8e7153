/* crash: names the plugin whose code was running when a signal ends the process.
 *
 * A C++ exception that leaves a constructor or a callback comes here as SIGABRT. The line is put
 * together on the stack and written with write(2), because the heap may be what has been destroyed;
 * the handler has a stack of its own, because the other may be used up.
 */
#include "process/end/crash.h"

#include "base/escape.h"
#include "base/str.h"
#include "process/end/culprit.h"
#include "process/process.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char stack[64 * 1024];

static bool is_loading(const char *phase)
{
    return strcmp(phase, "load") == 0 || strcmp(phase, "init") == 0;
}

/* For the signals that crash_watch() handles. */
static const char *what_happened(int signo)
{
    switch (signo) {
    case SIGABRT:
        return "aborted (abort(), assert() or an uncaught C++ exception)";
    case SIGSEGV:
        return "crashed (SIGSEGV: invalid memory access)";
    case SIGBUS:
        return "crashed (SIGBUS: was its file, or one that it maps, truncated?)";
    case SIGFPE:
        return "crashed (SIGFPE: division by zero)";
    default:
        return "crashed (SIGILL: illegal instruction)";
    }
}

static void write_escaped(const char *text)
{
    char line[2048], room[ESCAPE_ROOM];
    struct extproc_str all = extproc_str_of(text);
    size_t len = 0;
    for (size_t at = 0; at < all.len && len + ESCAPE_ROOM < sizeof line;) {
        struct extproc_str shown = escape_next(ESCAPE_TEXT, all, &at, room);
        memcpy(line + len, shown.ptr, shown.len);
        len += shown.len;
    }
    line[len++] = '\n';
    if (write(STDERR_FILENO, line, len) < 0)
        return; /* there is nothing else to try */
}

static void on_crash(int signo)
{
    struct culprit culprit;
    char text[1024];
    if (culprit_here(&culprit)) {
        const struct running_plugin *plugin = culprit.plugin;
        snprintf(text, sizeof text, "%s:%u: [plugin:%s] file: plugin %s %s in %s (%s)",
                 plugin->file, plugin->line, plugin->name, plugin->name, what_happened(signo),
                 culprit.phase, plugin->shown ? plugin->shown : "linked in");
        write_escaped(text);
        if (is_loading(culprit.phase))
            _exit(EXIT_BAD);
    }
    raise(signo); /* with its default action, once this handler has returned */
}

void crash_watch(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    const stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
    const struct sigaction action = {.sa_handler = on_crash,
                                     .sa_flags = (int)(SA_ONSTACK | SA_RESETHAND)};
    sigaltstack(&own, NULL);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction before;
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            sigaction(signals[i], &action, NULL);
    }
}
