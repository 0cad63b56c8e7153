/* log_limit: how often the same line may be written in a while.
 *
 * A kind of line is a hash; each kind has a window that begins with its first line. The table has a
 * fixed size, so that a plugin with endless different texts costs no memory: a kind that finds its
 * set full takes the place of the one whose window began first, among those that owe no count if
 * there are any.
 */
#include "base/log_limit.h"

#include <stddef.h>
#include <string.h>

void log_limit_init(struct log_limit *limit)
{
    memset(limit->slots, 0, sizeof limit->slots);
    pthread_mutex_init(&limit->lock, NULL);
}

void log_limit_fini(struct log_limit *limit)
{
    pthread_mutex_destroy(&limit->lock);
}

/* FNV-1a; the NUL goes in too, so that "ab","c" and "a","bc" differ. */
uint64_t log_limit_key(uint64_t key, const char *text)
{
    const uint64_t prime = 0x100000001b3u;
    if (key == 0)
        key = 0xcbf29ce484222325u;
    if (!text)
        return (key ^ 0xff) * prime;
    do {
        key = (key ^ (unsigned char)*text) * prime;
    } while (*text++);
    return key;
}

static bool is_better_victim(const struct log_limit_slot *a, const struct log_limit_slot *b)
{
    if ((a->left_out == 0) != (b->left_out == 0))
        return a->left_out == 0;
    return a->since_ms < b->since_ms;
}

static struct log_limit_slot *slot_of(struct log_limit *limit, uint64_t key, int64_t now_ms)
{
    struct log_limit_slot *set = limit->slots[key % LOG_LIMIT_SETS];
    struct log_limit_slot *victim = &set[0];

    for (size_t i = 0; i < LOG_LIMIT_WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (victim->key != 0 && (set[i].key == 0 || is_better_victim(&set[i], victim)))
            victim = &set[i];
    }
    *victim = (struct log_limit_slot){.key = key, .since_ms = now_ms};
    return victim;
}

bool log_limit_pass(struct log_limit *limit, uint64_t key, int64_t now_ms, unsigned *ret_left_out)
{
    pthread_mutex_lock(&limit->lock);
    struct log_limit_slot *slot = slot_of(limit, key, now_ms);
    if (now_ms - slot->since_ms >= LOG_LIMIT_WINDOW_MS) {
        slot->since_ms = now_ms;
        slot->passed = 0;
    }
    bool passes = slot->passed < LOG_LIMIT_BURST;
    if (passes) {
        slot->passed++;
        *ret_left_out = slot->left_out;
        slot->left_out = 0;
    } else {
        slot->left_out++;
    }
    pthread_mutex_unlock(&limit->lock);
    return passes;
}
