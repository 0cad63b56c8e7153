/* sub_stream: subs over a body that arrives in parts, with the result that the complete body would
 * have had.
 *
 * What may be the beginning of a match at the end of a part (PCRE2_PARTIAL_HARD) is not passed on
 * but left, as the last bytes of what sub_run_all() returns, for extproc_hold(); and what the regex
 * may look back at is kept. Each sub gets what the one before it has passed on, so each may leave
 * bytes of its own: those of the last sub come first.
 *
 * Whatever the body and however it arrives, the memory and the time that it takes are bounded:
 *
 *     SUB_MATCH_MAX   a match is at most so long: of what would be longer, only so many bytes count
 *     sub_is_late()   time on the CPU for each byte; a regex that needs more fails
 */
#ifndef EXTPROC_LIB_SUB_STREAM_H
#define EXTPROC_LIB_SUB_STREAM_H

#include "lib/sub.h"

#include <time.h>

enum {
    SUB_MATCH_MAX = 16 * 1024,
    SUB_WINDOW = 2 * SUB_MATCH_MAX, /* what PCRE2 sees at a time, from where it searches on */
    SUB_OUTPUT_MAX = 16 * 1024 * 1024,
    SUB_STEPS = 1000 * 1000, /* match limit */
    SUB_DEPTH = 250 * 1000,  /* depth limit */
    SUB_HEAP_KIB = 16 * 1024,
    SUB_CLOCK_EVERY = 16, /* searches */
    SUB_GRACE_NS = 50 * 1000 * 1000,
    SUB_BYTE_NS = 200,
};

/* What a sub keeps from one part of a body to the next. */
struct sub_state {
    size_t n_left;    /* bytes that it has not passed on yet */
    char *seen;       /* what comes before them: at most sub->lookbehind bytes */
    size_t n_seen;    /* 0: they are the body's first bytes */
    bool done;        /* without the flag g: there was a match */
    bool after_empty; /* an empty match ends where they begin */
};

/* One sub, one part. */
struct sub_run {
    struct extproc_txn *x;
    const struct sub *sub;
    struct sub_state *state;
    const char *text; /* what was seen, then the input */
    size_t len;
    bool last; /* nothing comes after it */
    pcre2_match_data *match;
    pcre2_match_context *limits;
    struct extproc_str *pieces; /* expanded; NULL: not yet */
    unsigned n_searches;
    int64_t begun_ns;
    /* what is passed on */
    char *out;
    size_t out_len, out_room;
    const char *why; /* it has failed */
};

/* ---- limits ---------------------------------------------------------------------------------- */

static inline int64_t sub_clock_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Some regexes need time that grows with the square of what a client sends. */
static inline bool sub_is_late(struct sub_run *run)
{
    int64_t limit = SUB_GRACE_NS + (int64_t)run->len * SUB_BYTE_NS;
    if (++run->n_searches % SUB_CLOCK_EVERY)
        return false;
    if (sub_clock_ns() - run->begun_ns < limit)
        return false;
    run->why = "the regex takes too long for this body (limit its repeats, as in [^>]{0,99})";
    return true;
}

/* PCRE2's memory is the callback's. */
static inline void *sub_alloc(size_t size, void *x)
{
    return extproc_scratch((struct extproc_txn *)x, size);
}

static inline void sub_free(void *memory, void *x)
{
}

static inline bool sub_prepare(struct sub_run *run)
{
    pcre2_general_context *memory = pcre2_general_context_create(sub_alloc, sub_free, run->x);
    run->limits = memory ? pcre2_match_context_create(memory) : NULL;
    run->match = memory ? pcre2_match_data_create_from_pattern(run->sub->code, memory) : NULL;
    if (!run->limits || !run->match)
        return false;
    pcre2_set_match_limit(run->limits, SUB_STEPS);
    pcre2_set_depth_limit(run->limits, SUB_DEPTH);
    pcre2_set_heap_limit(run->limits, SUB_HEAP_KIB);
    run->begun_ns = sub_clock_ns();
    return true;
}

/* ---- what is passed on ----------------------------------------------------------------------- */

static inline bool sub_put(struct sub_run *run, struct extproc_str bytes)
{
    size_t needed = run->out_len + bytes.len;
    if (needed > SUB_OUTPUT_MAX) {
        run->why = "the new body is longer than 16m";
        return false;
    }
    if (needed > run->out_room || !run->out) {
        size_t room = 2 * needed + run->len;
        char *grown = (char *)extproc_scratch(run->x, room);
        if (!grown)
            return false;
        if (run->out_len)
            memcpy(grown, run->out, run->out_len);
        run->out = grown;
        run->out_room = room;
    }
    if (bytes.len)
        memcpy(run->out + run->out_len, bytes.ptr, bytes.len);
    run->out_len = needed;
    return true;
}

static inline bool sub_expand(struct sub_run *run)
{
    const struct sub *sub = run->sub;
    run->pieces =
        (struct extproc_str *)extproc_scratch(run->x, (sub->n_pieces + 1) * sizeof *run->pieces);
    for (size_t i = 0; run->pieces && i < sub->n_pieces; i++) {
        if (!sub->pieces[i].text)
            continue;
        run->pieces[i] = extproc_expand(run->x, sub->pieces[i].text);
        if (!run->pieces[i].ptr)
            return false;
    }
    return run->pieces;
}

/* What replaces the match that was found. */
static inline bool sub_put_replacement(struct sub_run *run)
{
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(run->match);
    if (!run->pieces && !sub_expand(run))
        return false;
    for (size_t i = 0; i < run->sub->n_pieces; i++) {
        const PCRE2_SIZE *group = &ends[2 * run->sub->pieces[i].group];
        struct extproc_str bytes = {"", 0};
        if (run->sub->pieces[i].text)
            bytes = run->pieces[i];
        else if (group[0] != PCRE2_UNSET && group[1] > group[0])
            bytes = (struct extproc_str){run->text + group[0], group[1] - group[0]};
        if (!sub_put(run, bytes))
            return false;
    }
    return true;
}

/* ---- the search ------------------------------------------------------------------------------ */

enum sub_found {
    SUB_MATCH,   /* the match data has it          */
    SUB_NONE,    /* in all that is there           */
    SUB_PARTIAL, /* at *ret one may have begun     */
    SUB_FAILED   /* run->why, or out of memory     */
};

/* PCRE2, from a place to an end; only_here: no match that begins later. */
static inline int sub_match(struct sub_run *run, size_t at, size_t end, uint32_t options,
                            bool only_here)
{
    PCRE2_SPTR text = (PCRE2_SPTR)run->text;
    if (run->state->after_empty)
        options |= PCRE2_NOTEMPTY_ATSTART;
    pcre2_set_offset_limit(run->limits, only_here ? at : PCRE2_UNSET);
    int r = pcre2_match(run->sub->code, text, end, at, options, run->match, run->limits);
    if (r == PCRE2_ERROR_JIT_STACKLIMIT) /* what the interpreter needs is memory that is counted */
        r = pcre2_match(run->sub->code, text, end, at, options | PCRE2_NO_JIT, run->match,
                        run->limits);
    return r;
}

static inline enum sub_found sub_fail(struct sub_run *run, int r)
{
    char *text = (char *)extproc_scratch(run->x, 128);
    if (text && pcre2_get_error_message(r, (PCRE2_UCHAR *)text, 128) > 0)
        run->why = text;
    return SUB_FAILED;
}

/* The search begins anew, further on. */
static inline void sub_move(struct sub_run *run, size_t *at, size_t to)
{
    if (to != *at)
        run->state->after_empty = false;
    *at = to;
}

/* A match that begins here is longer than it may be: is there one in the bytes that count? */
static inline enum sub_found sub_shorter(struct sub_run *run, size_t *at, size_t begin)
{
    sub_move(run, at, begin);
    int r = sub_match(run, begin, begin + SUB_MATCH_MAX, 0, true);
    if (r == PCRE2_ERROR_NOMATCH) {
        sub_move(run, at, begin + 1);
        return SUB_NONE;
    }
    return r > 0 ? SUB_MATCH : sub_fail(run, r);
}

/* From *at, which moves to where the search has ended. */
static inline enum sub_found sub_search(struct sub_run *run, size_t *at)
{
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(run->match);
    while (!sub_is_late(run)) {
        bool reaches = run->len - *at <= SUB_WINDOW, complete = reaches && run->last;
        size_t end = reaches ? run->len : *at + SUB_WINDOW;
        int r = sub_match(run, *at, end, complete ? 0 : PCRE2_PARTIAL_HARD, false);
        if (r < 0 && r != PCRE2_ERROR_NOMATCH && r != PCRE2_ERROR_PARTIAL)
            return sub_fail(run, r);
        if (r == PCRE2_ERROR_NOMATCH) {
            sub_move(run, at, end);
            if (reaches)
                return SUB_NONE;
        } else if (r > 0 && ends[1] - ends[0] <= SUB_MATCH_MAX) {
            return SUB_MATCH;
        } else if (r == PCRE2_ERROR_PARTIAL && end - ends[0] < SUB_MATCH_MAX) {
            sub_move(run, at, ends[0]);
            if (reaches)
                return SUB_PARTIAL;
        } else {
            enum sub_found found = sub_shorter(run, at, ends[0]);
            if (found != SUB_NONE)
                return found;
        }
    }
    return SUB_FAILED;
}

/* ---- one part of a body ---------------------------------------------------------------------- */

/* Keeps the end of what was passed on. */
static inline bool sub_remember(struct sub_run *run)
{
    struct sub_state *state = run->state;
    size_t end = run->len - state->n_left;
    size_t n = end < run->sub->lookbehind ? end : run->sub->lookbehind;
    if (!state->seen)
        state->seen = (char *)extproc_alloc(run->x, run->sub->lookbehind);
    if (!state->seen)
        return false;
    memcpy(state->seen, run->text + end - n, n);
    state->n_seen = n;
    return true;
}

/* All matches, or the first one. False: it has failed. */
static inline bool sub_run_matches(struct sub_run *run)
{
    struct sub_state *state = run->state;
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(run->match);
    size_t at = state->n_seen, passed = at;
    enum sub_found found = SUB_NONE;
    while (!state->done && (at < run->len || run->last)) {
        found = sub_search(run, &at);
        if (found != SUB_MATCH)
            break;
        size_t begin = ends[0] > at ? ends[0] : at, end = ends[1] > begin ? ends[1] : begin;
        struct extproc_str before = {run->text + passed, begin - passed};
        if (!sub_put(run, before) || !sub_put_replacement(run))
            return false;
        state->after_empty = end == begin;
        state->done = !run->sub->global;
        at = passed = end;
    }
    if (found == SUB_FAILED)
        return false;
    state->n_left = found == SUB_PARTIAL ? run->len - at : 0;
    struct extproc_str rest = {run->text + passed, run->len - state->n_left - passed};
    return sub_put(run, rest);
}

/* *text: the input, whose first bytes are those that the sub has left; then what it passes on. */
static inline bool sub_run_one(struct sub_run *run, struct extproc_str *text)
{
    struct sub_state *state = run->state;
    char *joined = (char *)extproc_scratch(run->x, state->n_seen + text->len + 1);
    if (state->done)
        return true;
    if (!joined || !sub_prepare(run))
        return false;
    if (state->n_seen)
        memcpy(joined, state->seen, state->n_seen);
    if (text->len)
        memcpy(joined + state->n_seen, text->ptr, text->len);
    run->text = joined;
    run->len = state->n_seen + text->len;
    if (!sub_run_matches(run) || !sub_remember(run))
        return false;
    *text = (struct extproc_str){run->out, run->out_len};
    return true;
}

/* ---- all subs of a direction ----------------------------------------------------------------- */

/* Puts one text before another. ptr NULL: out of memory. */
static inline struct extproc_str sub_join(struct extproc_txn *x, struct extproc_str a,
                                          struct extproc_str b)
{
    char *joined = (char *)extproc_scratch(x, a.len + b.len + 1);
    struct extproc_str both = {joined, a.len + b.len};
    if (!joined)
        return both;
    if (a.len)
        memcpy(joined, a.ptr, a.len);
    if (b.len)
        memcpy(joined + a.len, b.ptr, b.len);
    return both;
}

/* The body of a callback, or a part of it. `last`: no part follows. Returns the new bytes, of which
 * the last *ret_held are to be held. ptr NULL: it has failed, for the reason *ret_why or, where
 * that is NULL, because memory is exhausted. */
static inline struct extproc_str sub_run_all(struct extproc_txn *x, const struct sub *subs,
                                             struct sub_state *states, size_t n,
                                             struct extproc_str body, bool last, size_t *ret_held,
                                             const char **ret_why)
{
    struct extproc_str none = {NULL, 0}, held = {"", 0}, text, left, input;
    size_t n_left = 0;
    for (size_t i = 0; i < n; i++)
        n_left += states[i].n_left;
    if (n_left > body.len) /* a plugin before this one has lost them */
        return none;
    left = extproc_first(body, n_left);
    text = extproc_from(body, n_left);
    for (size_t i = 0; i < n; i++) {
        struct sub_run run = {.x = x, .sub = &subs[i], .state = &states[i], .last = last};
        size_t at = left.len - states[i].n_left; /* what the last sub has left comes first */
        input = sub_join(x, extproc_from(left, at), text);
        left.len = at;
        text = input;
        if (!input.ptr || !sub_run_one(&run, &text)) {
            *ret_why = run.why;
            return none;
        }
        held = sub_join(x, extproc_from(input, input.len - states[i].n_left), held);
        if (!held.ptr)
            return none;
    }
    *ret_held = held.len;
    return sub_join(x, text, held);
}

#endif
