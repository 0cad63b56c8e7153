/* str: helpers on views. None allocates, none trusts its input to end with a NUL unless it takes a
 * C string, and case is ASCII's whatever the locale says.
 */
#include "base/str.h"

#include <stdint.h>
#include <string.h>

bool str_eq_c(struct extproc_str a, const char *b)
{
    return extproc_eq(a, extproc_str_of(b));
}

bool str_in_list(struct extproc_str s, struct str_list list)
{
    for (size_t i = 0; i < list.n; i++) {
        if (extproc_eq(s, list.strs[i]))
            return true;
    }
    return false;
}

/* A bit for each character: letters, digits and !#$%&'*+-.^_`|~ */
static bool is_token_char(unsigned char c)
{
    static const uint32_t bits[256 / 32] = {0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff};
    return bits[c / 32] >> c % 32 & 1;
}

bool str_is_token(struct extproc_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_token_char((unsigned char)s.ptr[i]))
            return false;
    }
    return s.len > 0;
}

/* ---- what was meant -------------------------------------------------------------------------- */

enum { NAME_MAX_COMPARED = 64 }; /* nothing we look up is longer */

static unsigned min_of(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned str_distance(const char *a, const char *b, unsigned limit)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    if (a_len > NAME_MAX_COMPARED || b_len > NAME_MAX_COMPARED)
        return strcmp(a, b) == 0 ? 0 : limit + 1;

    /* Rows of the matrix of distances between beginnings: a swap looks back two of them. */
    unsigned rows[3][NAME_MAX_COMPARED + 1];
    unsigned *before = rows[0], *last = rows[1], *row = rows[2];

    for (unsigned j = 0; j <= b_len; j++)
        last[j] = j;
    for (unsigned i = 1; i <= a_len; i++) {
        row[0] = i;
        for (unsigned j = 1; j <= b_len; j++) {
            unsigned replace = last[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = min_of(replace, min_of(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = min_of(row[j], before[j - 2] + 1);
        }
        unsigned *oldest = before;
        before = last, last = row, row = oldest;
    }
    return min_of(last[b_len], limit + 1);
}

const char *str_nearest(const char *name, const char *const *candidates, size_t n)
{
    size_t len = strlen(name);
    /* More than a third of the letters wrong is another word. */
    unsigned limit = len < 3 ? 0 : len < 6 ? 1 : len < 9 ? 2 : 3;
    unsigned best = limit + 1;
    const char *nearest = NULL;

    for (size_t i = 0; i < n; i++) {
        struct extproc_str candidate = {candidates[i], strlen(candidates[i])};
        if (extproc_eq_nocase((struct extproc_str){name, len}, candidate))
            return candidates[i];
        unsigned distance = str_distance(name, candidates[i], limit);
        if (distance < best) {
            best = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}
