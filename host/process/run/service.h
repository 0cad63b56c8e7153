/* service: ExternalProcessor as a service of the transport: calls become streams of the session
 * floor, which knows no transport, and the other way round. */
#ifndef EXTPROCD_PROCESS_RUN_SERVICE_H
#define EXTPROCD_PROCESS_RUN_SERVICE_H

#include "session/stream.h"
#include "transport/transport.h"

#define SERVICE_NAME "envoy.service.ext_proc.v3.ExternalProcessor"

/* What new streams begin with; one per loop. */
struct service {
    struct session_env env;
    struct generation *current; /* new streams take a reference */
};

/* A listener's part: the argument of the transport's open callback. */
struct service_door {
    struct service *service;
    struct coverage coverage;
};

extern const struct transport_service service_process;

#endif
