/* log_limit: how often the same line may be written in a while.
 *
 * Two limits hold: one for a message, and a larger one for its kind, which is the format of the
 * call. The first alone would let pass whatever differs a little; the second alone would take for
 * the same all that a function writes through which a plugin logs.
 */
#ifndef EXTPROCD_BASE_LOG_LOG_LIMIT_H
#define EXTPROCD_BASE_LOG_LOG_LIMIT_H

#include <extproc/plugin.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    LOG_LIMIT_BURST = 10,       /* lines of a message that pass in a window */
    LOG_LIMIT_BURST_KIND = 100, /* lines of a kind                          */
    LOG_LIMIT_WINDOW_MS = 10000,
    LOG_LIMIT_SETS = 64,
    LOG_LIMIT_WAYS = 4,
    LOG_LIMIT_SAMPLE = 120, /* bytes that are kept of a suppressed line */
    LOG_LIMIT_PLUGIN = 33
};

struct log_limit_line {
    uint64_t kind, message; /* keys */
    enum extproc_level level;
    const char *plugin; /* NULL: none */
    struct extproc_str text;
};

struct log_limit_slot {
    uint64_t key; /* 0: free */
    int64_t since_ms;
    unsigned passed, left_out;
    enum extproc_level level; /* of the first suppressed line */
    unsigned sample_len;
    char plugin[LOG_LIMIT_PLUGIN], sample[LOG_LIMIT_SAMPLE];
};

struct log_limit_table {
    struct log_limit_slot sets[LOG_LIMIT_SETS][LOG_LIMIT_WAYS];
};

struct log_limit {
    pthread_mutex_t lock;
    struct log_limit_table kinds, messages;
    unsigned n_forgotten; /* suppressed lines, of slots that were reused */
};

/* The memory must be all zero. */
void log_limit_init(struct log_limit *limit);
void log_limit_fini(struct log_limit *limit);

/* Goes into a key; begin with 0. NULL is a text of its own. */
uint64_t log_limit_key(uint64_t key, const char *text);
/* The same for the beginning of a message, without the words that only distinguish one case from
 * another: words with digits in them (numbers, addresses, ids). */
uint64_t log_limit_message_key(uint64_t key, struct extproc_str text);

/* Any thread. True: the line passes, and *ret_left_out is how many like it did not since the last
 * one that did. */
bool log_limit_pass(struct log_limit *limit, const struct log_limit_line *line, int64_t now_ms,
                    unsigned *ret_left_out);

/* Any thread. One of those that owe a count, which it owes no longer. False: there is none. */
bool log_limit_take(struct log_limit *limit, struct log_limit_slot *ret);
/* How many of those were forgotten for newer ones; once. */
unsigned log_limit_forgotten(struct log_limit *limit);

#endif
