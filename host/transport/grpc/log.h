/* log: gRPC's own messages, among ours. */
#ifndef EXTPROCD_TRANSPORT_GRPC_LOG_H
#define EXTPROCD_TRANSPORT_GRPC_LOG_H

#include "base/log/log.h"

/* Before grpc_init(). */
void grpc_log_to(struct log *log);
/* Call it after grpc_shutdown_blocking(): gRPC no longer uses the log. */
void grpc_log_end(void);

#endif
