/* log: gRPC's own messages, among ours.
 *
 * gRPC has one log function per process, and that function does not learn which transport a message
 * belongs to. So this file has the only process-wide variable of this floor: the log of the
 * transport that was created last.
 *
 * Most of gRPC's errors are caused by a peer (an invalid preface, a lost connection), so they are
 * logged as warnings; its other messages are about its internals, and would hide our own debug
 * lines.
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
