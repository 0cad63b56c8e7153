/* peer: the other end of a call's connection. */
#ifndef EXTPROCD_TRANSPORT_GRPC_PEER_H
#define EXTPROCD_TRANSPORT_GRPC_PEER_H

#include "transport/peername.h"

#include <grpc/grpc.h>

/* Its address; returns the connection's descriptor, or -1 if it has none. Call it at the beginning,
 * because after the loss of the connection its descriptor may be reused before the name is
 * needed. */
int peer_name(grpc_call *grpc, char ret_name[static PEERNAME_MAX]);

#endif
