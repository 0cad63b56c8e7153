/* queue: records of bytes that wait to be written, in a ring of a fixed size.
 *
 * Any number of threads put, one takes. The lock is held for a memcpy(), and nothing is allocated
 * per record. A record is kept until its last byte has been written, so that it can be begun again
 * in another file; what does not fit is dropped.
 */
#ifndef EXTPROCD_BASE_LOG_QUEUE_H
#define EXTPROCD_BASE_LOG_QUEUE_H

#include <extproc/plugin.h>

#include <pthread.h>
#include <sys/uio.h>

struct queue {
    pthread_mutex_t lock;
    char *bytes;
    uint32_t *lens; /* of the records, a ring as well */
    size_t size, max_records;
    size_t begin, end;  /* of the bytes; they only grow, their place is the rest by `size` */
    size_t first, last; /* of the records, likewise */
    size_t done;        /* bytes of the first record that have been written; the taker's */
};

enum queue_put {
    QUEUE_DROPPED, /* it did not fit */
    QUEUE_KEPT,
    QUEUE_KEPT_FIRST /* the queue was empty: its reader has to be woken */
};

/* `size` is a power of two. 0 or -ENOMEM. */
int queue_init(struct queue *q, size_t size);
void queue_fini(struct queue *q);

/* Any thread. Adds a newline. */
enum queue_put queue_put(struct queue *q, struct extproc_str record);

/* ---- one thread ------------------------------------------------------------------------------ */

/* Bytes that have not been written. */
size_t queue_len(struct queue *q);

/* The bytes of as many complete records as fit into `max`, of the first one in any case; without
 * those that have been written. How many bytes there are; 0: the queue is empty. */
size_t queue_peek(struct queue *q, size_t max, struct iovec ret_parts[static 2]);
/* That many of them have been written. */
void queue_written(struct queue *q, size_t n);
/* The first record will be written from its beginning. */
void queue_rewind(struct queue *q);
/* Drops every record. How many there were. */
size_t queue_discard(struct queue *q);

#endif
