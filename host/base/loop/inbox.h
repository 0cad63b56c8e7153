/* inbox: what other threads want done in the loop's thread. */
#ifndef EXTPROCD_BASE_LOOP_INBOX_H
#define EXTPROCD_BASE_LOOP_INBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* One thing to be done. Its owner's, and it may be put again as soon as fn has been called. */
struct errand {
    void (*fn)(void *arg);
    void (*drop)(void *arg); /* called in place of fn where the loop has ended; NULL: nothing is */
    void *arg;
    struct errand *next;
    bool queued, from_heap;
};

struct inbox {
    pthread_mutex_t mutex; /* guards the list, `waking`, and who is woken */
    struct errand *first, **end;
    size_t n_errands;
    bool waking; /* a wake-up is on its way */
    void (*wake)(void *arg);
    void *arg;
};

void inbox_init(struct inbox *inbox);
/* Drops the errands that were not done: see struct errand. Nothing may be put into it
 * afterwards. */
void inbox_fini(struct inbox *inbox);

/* wake(arg) must make the loop's thread call inbox_awake(). It is called in any thread, with the
 * inbox locked. NULL: from now on errands wait, and no thread is woken. */
void inbox_wakes(struct inbox *inbox, void (*wake)(void *arg), void *arg);

/* Any thread. An errand that still waits is not put twice. */
void inbox_put(struct inbox *inbox, struct errand *errand);
/* Any thread: the same with an errand from the heap. 0 or -ENOMEM. */
int inbox_post(struct inbox *inbox, void (*fn)(void *arg), void (*drop)(void *arg), void *arg);
/* Any thread: an errand that still waits will not be done. After the return its owner may free
 * it. */
void inbox_recall(struct inbox *inbox, struct errand *errand);
/* The loop's thread, once for each wake-up: does what has come by now. */
void inbox_awake(struct inbox *inbox);
/* The loop's thread: the same without a wake-up. False: there was nothing. */
bool inbox_run(struct inbox *inbox);

#endif
