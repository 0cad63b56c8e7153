/* str: helpers on struct extproc_str, the one kind of view that the host uses, beside those of the
 * SDK. */
#ifndef EXTPROCD_BASE_STR_H
#define EXTPROCD_BASE_STR_H

#include <extproc/text.h>

#include <stdbool.h>
#include <stddef.h>

#define STR_ABSENT ((struct extproc_str){NULL, 0})

/* Strings that somebody lends. */
struct str_list {
    const struct extproc_str *strs;
    size_t n;
};
#define STR_LIST(array)                                                                            \
    {                                                                                              \
        array, sizeof(array) / sizeof *(array)                                                     \
    }
bool str_in_list(struct extproc_str s, struct str_list list);

bool str_eq_c(struct extproc_str a, const char *b);

/* OWS of RFC 9110, 5.6.3. */
static inline bool str_is_blank(char c)
{
    return c == ' ' || c == '\t';
}
/* One or more of the characters of RFC 9110, 5.6.2. */
bool str_is_token(struct extproc_str s);

/* How many edits lead from a to b (Levenshtein, one swap of neighbours counts as one), at most
 * `limit` + 1. */
unsigned str_distance(const char *a, const char *b, unsigned limit);

/* The candidate nearest to a misspelt name, or NULL if none is similar enough to be meant. */
const char *str_nearest(const char *name, const char *const *candidates, size_t n);

#endif
