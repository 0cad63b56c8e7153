/* inbox: what other threads want done in the loop's thread. */
#ifndef EXTPROCD_TRANSPORT_GRPC_INBOX_H
#define EXTPROCD_TRANSPORT_GRPC_INBOX_H

#include "transport/grpc/tag.h"

#include <grpc/grpc.h>

#include <pthread.h>
#include <stddef.h>

/* One thing to be done. Its owner's, and it may be put again as soon as fn has been called. */
struct errand {
    void (*fn)(void *arg);
    void *arg;
    struct errand *next;
    bool queued, from_heap;
};

struct inbox {
    pthread_mutex_t mutex; /* guards the list, and `waking` */
    struct errand *first, **end;
    size_t n_errands;
    bool waking; /* a wake-up is on its way */
    struct tag tag;
    grpc_channel *lame;
    grpc_call *call;
};

void inbox_init(struct inbox *inbox, grpc_completion_queue *cq);
/* What was not done by now is forgotten. */
void inbox_fini(struct inbox *inbox);

/* Any thread. An errand that still waits is not put twice. */
void inbox_put(struct inbox *inbox, struct errand *errand);
/* Any thread: the same with an errand from the heap. 0 or -ENOMEM. */
int inbox_post(struct inbox *inbox, void (*fn)(void *arg), void *arg);
/* The loop's thread: does what has come by now. */
void inbox_run(struct inbox *inbox);

#endif
