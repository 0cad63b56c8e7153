/* queue: records of bytes that wait to be written, in a ring of a fixed size. */
#include "base/log/queue.h"

#include <assert.h>
#include <stdlib.h>

enum { BYTES_PER_RECORD = 64 }; /* where records are shorter than that, fewer bytes fit */

int queue_init(struct queue *q, size_t size)
{
    assert(size >= BYTES_PER_RECORD && (size & (size - 1)) == 0);
    *q = (struct queue){.size = size, .max_records = size / BYTES_PER_RECORD};
    q->bytes = malloc(size);
    q->lens = calloc(q->max_records, sizeof *q->lens);
    pthread_mutex_init(&q->lock, NULL);
    if (q->bytes && q->lens)
        return 0;
    queue_fini(q);
    return -ENOMEM;
}

void queue_fini(struct queue *q)
{
    pthread_mutex_destroy(&q->lock);
    free(q->bytes);
    free(q->lens);
    q->bytes = NULL;
}

/* ---- putting --------------------------------------------------------------------------------- */

static void copy_in(struct queue *q, size_t at, const char *from, size_t len)
{
    size_t place = at % q->size, first = q->size - place;
    if (first > len)
        first = len;
    memcpy(q->bytes + place, from, first);
    memcpy(q->bytes, from + first, len - first);
}

static bool fits(const struct queue *q, size_t len)
{
    return len <= UINT32_MAX && len <= q->size - (q->end - q->begin) &&
           q->last - q->first < q->max_records;
}

enum queue_put queue_put(struct queue *q, struct extproc_str record)
{
    enum queue_put result = QUEUE_DROPPED;
    size_t len = record.len + 1;
    pthread_mutex_lock(&q->lock);
    if (fits(q, len)) {
        result = q->first == q->last ? QUEUE_KEPT_FIRST : QUEUE_KEPT;
        if (record.len > 0)
            copy_in(q, q->end, record.ptr, record.len);
        copy_in(q, q->end + record.len, "\n", 1);
        q->lens[q->last % q->max_records] = (uint32_t)len;
        q->last++;
        q->end += len;
    }
    pthread_mutex_unlock(&q->lock);
    return result;
}

/* ---- taking ---------------------------------------------------------------------------------- */

/* What lies between begin and end, and first and last, is the taker's: only that these two move on
 * needs the lock. */
static void see(struct queue *q, size_t *ret_end, size_t *ret_last)
{
    pthread_mutex_lock(&q->lock);
    *ret_end = q->end;
    *ret_last = q->last;
    pthread_mutex_unlock(&q->lock);
}

size_t queue_len(struct queue *q)
{
    size_t end, last;
    see(q, &end, &last);
    return end - q->begin - q->done;
}

size_t queue_peek(struct queue *q, size_t max, struct iovec ret_parts[static 2])
{
    size_t end, last, total = 0;
    see(q, &end, &last);
    for (size_t i = q->first; i < last; i++) {
        size_t len = q->lens[i % q->max_records];
        if (i > q->first && total + len - q->done > max)
            break;
        total += len;
    }
    if (total == 0)
        return 0;
    size_t len = total - q->done, place = (q->begin + q->done) % q->size;
    size_t first = len < q->size - place ? len : q->size - place;
    ret_parts[0] = (struct iovec){q->bytes + place, first};
    ret_parts[1] = (struct iovec){q->bytes, len - first};
    return len;
}

void queue_written(struct queue *q, size_t n)
{
    pthread_mutex_lock(&q->lock);
    q->done += n;
    while (q->first < q->last && q->done >= q->lens[q->first % q->max_records]) {
        size_t len = q->lens[q->first % q->max_records];
        q->done -= len;
        q->begin += len;
        q->first++;
    }
    assert(q->first < q->last || q->done == 0);
    if (q->first == q->last) /* begins anew at the front, in memory that is still in the cache */
        q->begin = q->end = 0;
    pthread_mutex_unlock(&q->lock);
}

void queue_rewind(struct queue *q)
{
    q->done = 0;
}

size_t queue_discard(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    size_t n = q->last - q->first;
    q->first = q->last;
    q->begin = q->end = q->done = 0;
    pthread_mutex_unlock(&q->lock);
    return n;
}
