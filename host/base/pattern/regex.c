/* regex: the one place that knows PCRE2.
 *
 * A text comes from a client, and an expression may take exponentially long for it: so every match
 * has a limit of steps, and one of memory. Where the process may not make code at run time
 * (MemoryDenyWriteExecute of systemd), PCRE2 compiles no machine code and interprets instead.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/pattern/regex.h"

#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>

enum {
    STEPS_MAX = 100000, /* some milliseconds */
    HEAP_MAX_KB = 1024,
    STACK_FIRST = 32 * 1024,
    STACK_MAX = 512 * 1024,
    PAIRS = 1, /* where it was found is of no interest */
    WHY_MAX = 128
};

struct regex {
    pcre2_code *code;
};

struct regex_scratch {
    pcre2_match_data *found;
    pcre2_match_context *limits;
    pcre2_jit_stack *stack;
};

/* ---- compiling ------------------------------------------------------------------------------- */

static int refuse(int error, size_t at, struct arena *arena, const char **ret_why)
{
    PCRE2_UCHAR words[WHY_MAX];
    if (error == PCRE2_ERROR_NOMEMORY)
        return -ENOMEM;
    pcre2_get_error_message(error, words, sizeof words);
    const char *why = arena_format(arena, "%s at byte %zu", (const char *)words, at).ptr;
    if (!why)
        return -ENOMEM;
    *ret_why = why;
    return -EINVAL;
}

int regex_new(struct extproc_str text, bool fold, struct arena *arena, struct regex **ret,
              const char **ret_why)
{
    int error;
    size_t at;
    /* A header's value is one line: neither its bytes nor its end is to be special. */
    uint32_t options = PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | (fold ? PCRE2_CASELESS : 0);
    struct regex *regex = malloc(sizeof *regex);
    if (!regex)
        return -ENOMEM;
    regex->code = pcre2_compile((PCRE2_SPTR)text.ptr, text.len, options, &error, &at, NULL);
    if (!regex->code) {
        free(regex);
        return refuse(error, at, arena, ret_why);
    }
    pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE); /* else it is interpreted */
    *ret = regex;
    return 0;
}

struct regex *regex_free(struct regex *regex)
{
    if (regex)
        pcre2_code_free(regex->code);
    free(regex);
    return NULL;
}

/* ---- matching -------------------------------------------------------------------------------- */

struct regex_scratch *regex_scratch_new(void)
{
    struct regex_scratch *s = malloc(sizeof *s);
    if (!s)
        return NULL;
    s->found = pcre2_match_data_create(PAIRS, NULL);
    s->limits = pcre2_match_context_create(NULL);
    s->stack = pcre2_jit_stack_create(STACK_FIRST, STACK_MAX, NULL);
    if (!s->found || !s->limits)
        return regex_scratch_free(s);
    pcre2_set_match_limit(s->limits, STEPS_MAX);
    pcre2_set_heap_limit(s->limits, HEAP_MAX_KB);
    if (s->stack)
        pcre2_jit_stack_assign(s->limits, NULL, s->stack);
    return s;
}

struct regex_scratch *regex_scratch_free(struct regex_scratch *s)
{
    if (!s)
        return NULL;
    pcre2_match_data_free(s->found);
    pcre2_match_context_free(s->limits);
    pcre2_jit_stack_free(s->stack);
    free(s);
    return NULL;
}

enum match regex_find(const struct regex *regex, struct extproc_str text, struct regex_scratch *s)
{
    if (!s)
        return MATCH_FAILED;
    int n = pcre2_match(regex->code, (PCRE2_SPTR)text.ptr, text.len, 0, 0, s->found, s->limits);
    if (n == PCRE2_ERROR_NOMATCH)
        return MATCH_NO;
    return n < 0 ? MATCH_FAILED : MATCH_YES;
}
