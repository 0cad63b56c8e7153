/* apart: a command that runs code of plugins, in a process of its own.
 *
 * A plugin may end the process by _exit(), which no handler sees, and with 0. So a parent waits
 * that runs no plugin, and takes for success only what was said to be one.
 */
#include "process/command/apart.h"

#include "process/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int done = -1; /* the child's end of a pipe */

static void become_child(pid_t parent, const int ends[2])
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a signal that ends the parent is meant for the child */
    if (getppid() != parent)
        _exit(EXIT_BAD);
    close(ends[0]);
    done = ends[1];
}

/* What the parent ends with. `complete`: the child has said so. */
static int outcome(int status, bool complete)
{
    if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        raise(WTERMSIG(status));
        return EXIT_BAD;
    }
    if (complete)
        return WEXITSTATUS(status);
    if (WEXITSTATUS(status) != EXIT_BAD) /* else there is a line already */
        process_say(
            "extprocd: a plugin, or a library of a plugin, ended the process with _exit(%d)",
            WEXITSTATUS(status));
    return EXIT_BAD;
}

bool apart_split(int *ret_status)
{
    int ends[2], status = 0;
    pid_t parent = getpid(), child;
    char byte;
    signal(SIGCHLD, SIG_DFL); /* if our parent ignores it, wait(2) cannot return a child */
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return true;
    child = fork();
    if (child == 0)
        become_child(parent, ends);
    if (child <= 0)
        return true;
    close(ends[1]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    *ret_status = outcome(status, read(ends[0], &byte, 1) == 1);
    return false;
}

void apart_done(void)
{
    if (done >= 0)
        (void)!write(done, "", 1);
}
