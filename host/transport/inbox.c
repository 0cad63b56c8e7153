/* inbox: what other threads want done in the loop's thread.
 *
 * A list behind a mutex, and its owner's way to wake the loop.
 *
 * Invariant: where the list is not empty, a wake-up is on its way or the loop is running the list.
 */
#include "transport/inbox.h"

#include <errno.h>
#include <stdlib.h>

void inbox_init(struct inbox *inbox, void (*wake)(void *arg), void *arg)
{
    *inbox = (struct inbox){.wake = wake, .arg = arg};
    inbox->end = &inbox->first;
    pthread_mutex_init(&inbox->mutex, NULL);
}

/* Copied under the lock: its owner may put it again from then on. NULL: there is none. */
static struct errand *take(struct inbox *inbox, struct errand *ret_copy)
{
    pthread_mutex_lock(&inbox->mutex);
    struct errand *errand = inbox->first;
    if (errand) {
        inbox->first = errand->next;
        if (!inbox->first)
            inbox->end = &inbox->first;
        inbox->n_errands--;
        errand->queued = false;
        *ret_copy = *errand;
    }
    pthread_mutex_unlock(&inbox->mutex);
    return errand;
}

void inbox_fini(struct inbox *inbox)
{
    struct errand copy;
    for (struct errand *errand; (errand = take(inbox, &copy));)
        if (copy.from_heap)
            free(errand);
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
        inbox->wake(inbox->arg);
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
        struct errand copy, *errand = take(inbox, &copy);
        if (!errand)
            return;
        if (copy.from_heap)
            free(errand);
        copy.fn(copy.arg);
    }
}

void inbox_awake(struct inbox *inbox)
{
    /* First this: whatever is put from here on sends its own wake-up. */
    pthread_mutex_lock(&inbox->mutex);
    inbox->waking = false;
    pthread_mutex_unlock(&inbox->mutex);
    inbox_run(inbox);
}
