/* inbox: what other threads want done in the loop's thread. */
#ifndef EXTPROCD_TRANSPORT_INBOX_H
#define EXTPROCD_TRANSPORT_INBOX_H

#include <pthread.h>
#include <stdbool.h>
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
    void (*wake)(void *arg);
    void *arg;
};

/* wake(arg), in any thread, is to bring the loop's thread to inbox_awake(). */
void inbox_init(struct inbox *inbox, void (*wake)(void *arg), void *arg);
/* What was not done by now is forgotten. */
void inbox_fini(struct inbox *inbox);

/* Any thread. An errand that still waits is not put twice. */
void inbox_put(struct inbox *inbox, struct errand *errand);
/* Any thread: the same with an errand from the heap. 0 or -ENOMEM. */
int inbox_post(struct inbox *inbox, void (*fn)(void *arg), void *arg);
/* The loop's thread, once for each wake-up: does what has come by now. */
void inbox_awake(struct inbox *inbox);
/* The loop's thread, behind the last round: the same without a wake-up. */
void inbox_run(struct inbox *inbox);

#endif
