/* inbox: what other threads want done in the loop's thread.
 *
 * A list that a mutex guards, and a way to wake the thread that drives the loop.
 *
 * Invariant: if the list is not empty and a thread drives the loop, a wake-up is on its way or the
 * loop is running the list.
 */
#include "base/loop/inbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

void inbox_init(struct inbox *inbox)
{
    *inbox = (struct inbox){.end = &inbox->first};
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
    for (struct errand *errand; (errand = take(inbox, &copy));) {
        if (copy.from_heap)
            free(errand);
        if (copy.drop)
            copy.drop(copy.arg);
    }
    pthread_mutex_destroy(&inbox->mutex);
}

/* ---- errands --------------------------------------------------------------------------------- */

/* Call it with the lock held, so that the driver that is woken still exists when wake() returns. */
static void wake_up(struct inbox *inbox)
{
    if (!inbox->wake || inbox->waking || !inbox->first)
        return;
    inbox->waking = true;
    inbox->wake(inbox->arg);
}

/* The invariant, where the lock is about to be given back. */
static void wakes_up(const struct inbox *inbox)
{
    assert(!inbox->first || !inbox->wake || inbox->waking);
}

void inbox_wakes(struct inbox *inbox, void (*wake)(void *arg), void *arg)
{
    pthread_mutex_lock(&inbox->mutex);
    inbox->wake = wake;
    inbox->arg = arg;
    inbox->waking = false; /* a wake-up that is on its way does not count */
    wake_up(inbox);
    wakes_up(inbox);
    pthread_mutex_unlock(&inbox->mutex);
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
    wake_up(inbox);
    wakes_up(inbox);
    pthread_mutex_unlock(&inbox->mutex);
}

int inbox_post(struct inbox *inbox, void (*fn)(void *arg), void (*drop)(void *arg), void *arg)
{
    struct errand *errand = calloc(1, sizeof *errand);
    if (!errand)
        return -ENOMEM;
    errand->fn = fn;
    errand->drop = drop;
    errand->arg = arg;
    errand->from_heap = true;
    inbox_put(inbox, errand);
    return 0;
}

void inbox_recall(struct inbox *inbox, struct errand *errand)
{
    pthread_mutex_lock(&inbox->mutex);
    struct errand **link = &inbox->first;
    while (*link && *link != errand)
        link = &(*link)->next;
    if (*link) {
        *link = errand->next;
        if (!*link)
            inbox->end = link;
        inbox->n_errands--;
        errand->queued = false;
    }
    pthread_mutex_unlock(&inbox->mutex);
}

bool inbox_run(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->mutex);
    size_t n = inbox->n_errands; /* not those that these put: connections want their turn as well */
    pthread_mutex_unlock(&inbox->mutex);
    bool some = n > 0;
    while (n-- > 0) {
        struct errand copy;
        struct errand *errand = take(inbox, &copy);
        if (!errand)
            break;
        if (copy.from_heap)
            free(errand);
        copy.fn(copy.arg);
    }
    return some;
}

void inbox_awake(struct inbox *inbox)
{
    /* First this: whatever is put from here on sends its own wake-up. */
    pthread_mutex_lock(&inbox->mutex);
    inbox->waking = false;
    pthread_mutex_unlock(&inbox->mutex);
    (void)inbox_run(inbox);
}
