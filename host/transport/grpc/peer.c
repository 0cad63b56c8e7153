/* peer: the other end of a call's connection. */
#include "transport/grpc/peer.h"

#include <grpc/support/alloc.h>

#include <stdlib.h>
#include <string.h>

static int peer_fd(grpc_call *grpc)
{
    char *peer = grpc_call_get_peer(grpc); /* which names what it was given */
    int fd = strncmp(peer, "fd:", 3) ? -1 : atoi(peer + 3);
    gpr_free(peer);
    return fd;
}

int peer_name(grpc_call *grpc, char ret_name[static PEERNAME_MAX])
{
    int fd = peer_fd(grpc);
    peername_of(fd, ret_name);
    return fd;
}
