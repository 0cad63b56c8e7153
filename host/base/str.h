/* str: helpers on struct extproc_str, the one kind of view that the host uses. */
#ifndef EXTPROCD_BASE_STR_H
#define EXTPROCD_BASE_STR_H

#include <extproc/plugin.h>

#include <stdbool.h>
#include <stddef.h>

#define STR_ABSENT ((struct extproc_str){NULL, 0})

/* A view of a C string; NULL becomes an absent one. */
struct extproc_str str_c(const char *s);

bool str_eq_c(struct extproc_str a, const char *b);
bool str_has_prefix(struct extproc_str s, const char *prefix);

/* One or more of the characters of RFC 9110, 5.6.2. */
bool str_is_token(struct extproc_str s);
/* Well-formed UTF-8 as RFC 3629 has it: no surrogates, no overlong forms. */
bool str_is_utf8(struct extproc_str s);
/* Bytes of the well-formed character at a place before the end; 0: it is not well-formed. */
size_t str_utf8_at(struct extproc_str s, size_t at);

/* How many edits lead from a to b (Levenshtein, one swap of neighbours counts as one), at most
 * `limit` + 1. */
unsigned str_distance(const char *a, const char *b, unsigned limit);

/* The candidate nearest to a misspelt name, or NULL if none is similar enough to be meant. */
const char *str_nearest(const char *name, const char *const *candidates, size_t n);

#endif
