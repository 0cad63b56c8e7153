/* log: gRPC's own messages, among ours.
 *
 * gRPC has one log function for the whole process, which is told nothing of whose message it is. So
 * here is the one variable of this floor that belongs to the process: the log of the transport that
 * was created last.
 *
 * What gRPC calls an error is mostly a peer's doing (a broken preface, a connection lost), so it is a
 * warning with us; the rest is about its own inside, and would bury our own debug lines.
 */
#include "transport/grpc/log.h"

#include <grpc/support/log.h>

#include <stdatomic.h>
#include <string.h>

static _Atomic(struct log *) current;

static void pass_on(gpr_log_func_args *args)
{
    struct log *log = atomic_load(&current);
    const char *slash = strrchr(args->file, '/');
    log_line(log, EXTPROC_LEVEL_WARN, NULL, "gRPC: %s (%s:%d)", args->message,
             slash ? slash + 1 : args->file, args->line);
}

void grpc_log_to(struct log *log)
{
    atomic_store(&current, log);
    gpr_set_log_function(pass_on);
    gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
}

void grpc_log_end(void)
{
    atomic_store(&current, NULL);
}
