/* reaper: process 1 of a container, which is the parent of the service.
 *
 * Orphans of a container become children of process 1, which has to wait for them. The service
 * cannot do that: to wait for any child is to take from a plugin the exit status of its own
 * (system(), pclose()). So a process waits that does nothing else; it passes signals on, and ends
 * as the service does.
 */
#include "process/end/reaper.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* True: the service has ended. */
static bool reap(pid_t service, int *ret_status)
{
    bool ended = false;
    pid_t pid;
    int status;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != service)
            continue;
        ended = true;
        *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return ended;
}

bool reaper_split(int *ret_status)
{
    sigset_t all, old;
    int signo;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &old);
    pid_t service = fork();
    if (service <= 0) { /* without a child, orphans are not waited for */
        if (service == 0)
            setpgid(0, 0); /* a terminal's signals come once, from us */
        sigprocmask(SIG_SETMASK, &old, NULL);
        return true;
    }
    do {
        if (sigwait(&all, &signo) == 0 && signo != SIGCHLD)
            kill(service, signo);
    } while (!reap(service, ret_status));
    return false;
}
