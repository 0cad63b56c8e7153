/* tag: what gRPC returns when an operation that was started is done: its owner and its callback. */
#ifndef EXTPROCD_TRANSPORT_GRPC_QUEUE_TAG_H
#define EXTPROCD_TRANSPORT_GRPC_QUEUE_TAG_H

#include <stdbool.h>

struct tag {
    void (*done)(void *owner, bool ok);
    void *owner;
};

#endif
