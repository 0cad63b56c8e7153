/* grpc: the transport on the gRPC core C API. */
#ifndef EXTPROCD_TRANSPORT_GRPC_GRPC_H
#define EXTPROCD_TRANSPORT_GRPC_GRPC_H

#include "transport/transport.h"

extern const struct transport_ops transport_grpc;

#endif
