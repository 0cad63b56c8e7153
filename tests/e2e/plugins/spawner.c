/* spawner - starts children in every request's headers, as plugins do; for end-to-end tests.
 *
 * The header x-children is "PID SYSTEM PCLOSE": a child that goes on, and the exit codes that
 * system() and pclose() have of two others.
 */
#include <extproc/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

static int code_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static enum extproc_action on_request_headers(struct extproc_txn *x)
{
    int pid = 0, by_system = code_of(system("exit 5"));
    FILE *f = popen("sleep 1000 >&- 2>&- <&- & echo $!; exit 7", "r");
    if (!f)
        return EXTPROC_ACTION_FAIL;
    if (fscanf(f, "%d", &pid) != 1)
        pid = 0;
    int by_pclose = code_of(pclose(f));
    return extproc_continue(
        extproc_header_set(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-children"),
                           extproc_format(x, "%d %d %d", pid, by_system, by_pclose)));
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "spawner",
    .request_headers = on_request_headers,
};
