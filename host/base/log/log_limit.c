/* log_limit: how often the same line may be written in a while.
 *
 * A kind of line is a hash; each kind has a window that begins with its first line. The table has a
 * fixed size, so that a plugin with endless different texts costs no memory: a kind that finds its
 * set full takes the place of the one whose window began first, among those that owe no count if
 * there are any. Messages and kinds have a table each.
 */
#include "base/log/log_limit.h"

#include <stdio.h>
#include <string.h>

void log_limit_init(struct log_limit *limit)
{
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

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_digit(c) || (extproc_lower(c) >= 'a' && extproc_lower(c) <= 'z');
}

/* Goes on to where a word ends. True: it has a digit. */
static bool skip_word(struct extproc_str text, size_t *at)
{
    bool digit = false;
    for (; *at < text.len && is_word(text.ptr[*at]); ++*at)
        digit = digit || is_digit(text.ptr[*at]);
    return digit;
}

uint64_t log_limit_message_key(uint64_t key, struct extproc_str text)
{
    char kept[LOG_LIMIT_SAMPLE + 1];
    size_t len = 0;
    for (size_t at = 0; at < text.len && len < LOG_LIMIT_SAMPLE;) {
        size_t from = at;
        bool one_case = skip_word(text, &at);
        at += at == from; /* no word */
        for (; !one_case && from < at && len < LOG_LIMIT_SAMPLE; from++)
            kept[len++] = text.ptr[from];
    }
    kept[len] = '\0';
    return log_limit_key(key, kept);
}

static bool is_better_victim(const struct log_limit_slot *a, const struct log_limit_slot *b)
{
    if ((a->left_out == 0) != (b->left_out == 0))
        return a->left_out == 0;
    return a->since_ms < b->since_ms;
}

static struct log_limit_slot *slot_of(struct log_limit *limit, struct log_limit_table *table,
                                      uint64_t key, int64_t now_ms)
{
    struct log_limit_slot *set = table->sets[key % LOG_LIMIT_SETS];
    struct log_limit_slot *victim = &set[0];
    for (size_t i = 0; i < LOG_LIMIT_WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (victim->key != 0 && (set[i].key == 0 || is_better_victim(&set[i], victim)))
            victim = &set[i];
    }
    limit->n_forgotten += victim->left_out;
    victim->key = key;
    victim->since_ms = now_ms;
    victim->passed = victim->left_out = 0;
    return victim;
}

static bool has_room(struct log_limit_slot *slot, int64_t now_ms, unsigned burst)
{
    if (now_ms - slot->since_ms >= LOG_LIMIT_WINDOW_MS) {
        slot->since_ms = now_ms;
        slot->passed = 0;
    }
    return slot->passed < burst;
}

static void leave_out(struct log_limit_slot *slot, const struct log_limit_line *line)
{
    size_t len = line->text.len < LOG_LIMIT_SAMPLE ? line->text.len : LOG_LIMIT_SAMPLE;
    if (slot->left_out++ > 0)
        return;
    slot->level = line->level;
    slot->sample_len = (unsigned)len;
    if (len > 0)
        memcpy(slot->sample, line->text.ptr, len);
    snprintf(slot->plugin, sizeof slot->plugin, "%s", line->plugin ? line->plugin : "");
}

static unsigned pass(struct log_limit_slot *slot)
{
    unsigned left_out = slot->left_out;
    slot->passed++;
    slot->left_out = 0;
    return left_out;
}

bool log_limit_pass(struct log_limit *limit, const struct log_limit_line *line, int64_t now_ms,
                    unsigned *ret_left_out)
{
    pthread_mutex_lock(&limit->lock);
    struct log_limit_slot *kind = slot_of(limit, &limit->kinds, line->kind, now_ms);
    struct log_limit_slot *message = slot_of(limit, &limit->messages, line->message, now_ms);
    bool of_message = has_room(message, now_ms, LOG_LIMIT_BURST);
    bool of_kind = has_room(kind, now_ms, LOG_LIMIT_BURST_KIND);
    if (of_message && of_kind)
        *ret_left_out = pass(kind) + pass(message);
    else
        leave_out(of_message ? kind : message, line);
    pthread_mutex_unlock(&limit->lock);
    return of_message && of_kind;
}

static bool take_from(struct log_limit_table *table, struct log_limit_slot *ret)
{
    for (size_t i = 0; i < LOG_LIMIT_SETS * LOG_LIMIT_WAYS; i++) {
        struct log_limit_slot *slot = &table->sets[i / LOG_LIMIT_WAYS][i % LOG_LIMIT_WAYS];
        if (slot->left_out > 0) {
            *ret = *slot;
            slot->left_out = 0;
            return true;
        }
    }
    return false;
}

bool log_limit_take(struct log_limit *limit, struct log_limit_slot *ret)
{
    pthread_mutex_lock(&limit->lock);
    bool found = take_from(&limit->messages, ret) || take_from(&limit->kinds, ret);
    pthread_mutex_unlock(&limit->lock);
    return found;
}

unsigned log_limit_forgotten(struct log_limit *limit)
{
    pthread_mutex_lock(&limit->lock);
    unsigned n = limit->n_forgotten;
    limit->n_forgotten = 0;
    pthread_mutex_unlock(&limit->lock);
    return n;
}
