/* bridge: handles the calls of ExternalProcessor: they become streams of the session floor, which
 * knows no transport, and the other way round. */
#ifndef EXTPROCD_PROCESS_RUN_BRIDGE_H
#define EXTPROCD_PROCESS_RUN_BRIDGE_H

#include "session/stream.h"
#include "transport/transport.h"

#define GRPC_SERVICE "envoy.service.ext_proc.v3.ExternalProcessor"

/* What new streams begin with; one per loop. */
struct bridge {
    struct session_env env;
    struct generation *current; /* new streams take a reference */
};

/* A listener's part: the argument of the transport's open callback. */
struct bridge_door {
    struct bridge *bridge;
    struct coverage coverage;
};

extern const struct transport_handler bridge_process;

#endif
