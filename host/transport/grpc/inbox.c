/* inbox: what other threads want done in the loop's thread.
 *
 * A list behind a mutex, and a way to wake the loop, which sleeps in the completion queue. gRPC has no
 * descriptor of ours in its poll set and no event that a user can send; but a batch of no operations
 * completes at once, on any call. So there is one call, on a channel that is lame and never connects,
 * for nothing but this.
 *
 * Invariant: where the list is not empty, a wake-up is on its way or the loop is running the list.
 */
#include "transport/grpc/inbox.h"

#include <errno.h>
#include <stdlib.h>

static void awake(void *owner, bool ok)
{
    struct inbox *inbox = owner;
    /* First this: whatever is put from here on sends its own wake-up. */
    pthread_mutex_lock(&inbox->mutex);
    inbox->waking = false;
    pthread_mutex_unlock(&inbox->mutex);
    inbox_run(inbox);
}

void inbox_init(struct inbox *inbox, grpc_completion_queue *cq)
{
    *inbox = (struct inbox){.tag = {awake, inbox}};
    inbox->end = &inbox->first;
    pthread_mutex_init(&inbox->mutex, NULL);
    inbox->lame = grpc_lame_client_channel_create("wake", GRPC_STATUS_UNAVAILABLE, "");
    inbox->call = grpc_channel_create_call(inbox->lame, NULL, GRPC_PROPAGATE_DEFAULTS, cq,
                                           grpc_slice_from_static_string("/wake"), NULL,
                                           gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
}

/* NULL: there is none. */
static struct errand *take(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->mutex);
    struct errand *errand = inbox->first;
    if (errand) {
        inbox->first = errand->next;
        if (!inbox->first)
            inbox->end = &inbox->first;
        inbox->n_errands--;
        errand->queued = false;
    }
    pthread_mutex_unlock(&inbox->mutex);
    return errand;
}

void inbox_fini(struct inbox *inbox)
{
    for (struct errand *errand; (errand = take(inbox));)
        if (errand->from_heap)
            free(errand);
    grpc_call_unref(inbox->call);
    grpc_channel_destroy(inbox->lame);
    pthread_mutex_destroy(&inbox->mutex);
}

void inbox_put(struct inbox *inbox, struct errand *errand)
{
    pthread_mutex_lock(&inbox->mutex);
    if (!errand->queued) {
        errand->queued = true;
        errand->next = NULL;
        *inbox->end = errand;
        inbox->end = &errand->next;
        inbox->n_errands++;
    }
    bool wake = !inbox->waking;
    inbox->waking = true;
    pthread_mutex_unlock(&inbox->mutex);
    if (wake)
        grpc_call_start_batch(inbox->call, NULL, 0, &inbox->tag, NULL);
}

int inbox_post(struct inbox *inbox, void (*fn)(void *arg), void *arg)
{
    struct errand *errand = calloc(1, sizeof *errand);
    if (!errand)
        return -ENOMEM;
    errand->fn = fn;
    errand->arg = arg;
    errand->from_heap = true;
    inbox_put(inbox, errand);
    return 0;
}

void inbox_run(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->mutex);
    size_t n = inbox->n_errands; /* not those that these put: connections want their turn as well */
    pthread_mutex_unlock(&inbox->mutex);
    while (n-- > 0) {
        struct errand *errand = take(inbox);
        if (!errand)
            return;
        struct errand copy = *errand; /* its owner may put it again from now on */
        if (copy.from_heap)
            free(errand);
        copy.fn(copy.arg);
    }
}
