/* tag: what gRPC gives back when a thing that was started is done: whom it belongs to, what to do. */
#ifndef EXTPROCD_TRANSPORT_GRPC_QUEUE_TAG_H
#define EXTPROCD_TRANSPORT_GRPC_QUEUE_TAG_H

#include <stdbool.h>

struct tag {
    void (*done)(void *owner, bool ok);
    void *owner;
};

#endif
