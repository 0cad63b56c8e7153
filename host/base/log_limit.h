/* log_limit: how often the same line may be written in a while. */
#ifndef EXTPROCD_BASE_LOG_LIMIT_H
#define EXTPROCD_BASE_LOG_LIMIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    LOG_LIMIT_BURST = 10, /* lines that pass in a window */
    LOG_LIMIT_WINDOW_MS = 10000,
    LOG_LIMIT_SETS = 64,
    LOG_LIMIT_WAYS = 4
};

struct log_limit_slot {
    uint64_t key; /* 0: free */
    int64_t since_ms;
    unsigned passed, left_out;
};

struct log_limit {
    pthread_mutex_t lock;
    struct log_limit_slot slots[LOG_LIMIT_SETS][LOG_LIMIT_WAYS];
};

void log_limit_init(struct log_limit *limit);
void log_limit_fini(struct log_limit *limit);

/* Goes into a key; begin with 0. NULL is a text of its own. */
uint64_t log_limit_key(uint64_t key, const char *text);

/* Any thread. True: the line passes, and *ret_left_out is how many of its kind did not since the
 * last one that did. */
bool log_limit_pass(struct log_limit *limit, uint64_t key, int64_t now_ms, unsigned *ret_left_out);

#endif
