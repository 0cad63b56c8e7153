/* value: trees of attributes and metadata, read on the first question, and built by plugins. */
#ifndef EXTPROCD_HTTP_MESSAGE_VALUE_H
#define EXTPROCD_HTTP_MESSAGE_VALUE_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of what plugins build: a dict in a dict costs three messages, and protobuf readers stop at 100.
 * The wire's own limit is in wire/. */
enum { VALUE_MAX_DEPTH = 30 };

/* What as.node points to. */
struct value_list {
    size_t n;
    const struct extproc_value *items;
    uintptr_t mark; /* value_mark(): that it is one, see value_is_ours() */
};
struct value_dict {
    size_t n;
    const struct extproc_field *fields;
    uintptr_t mark;
};

static inline uintptr_t value_mark(const void *node)
{
    return (uintptr_t)node ^ (uintptr_t)0x6578747076616c75u;
}
/* May its node be read? It has none, or one that was made here, in one of these arenas. For what a
 * plugin hands in, which may be anything. */
bool value_is_ours(struct extproc_value v, const struct arena *const *arenas, size_t n);

/* False: no such member, or neither list nor dict. */
bool value_at(struct extproc_value v, size_t i, struct extproc_field *ret);
/* The last member of that key; ABSENT. */
struct extproc_value value_get(struct extproc_value v, struct extproc_str key);

/* Deep copies: everything below is in the arena afterwards. 0; -ENOMEM; -EINVAL: an ABSENT member,
 * a kind that is none, a string or key that is not UTF-8, or too deep. */
int value_copy(struct arena *arena, struct extproc_value v, struct extproc_value *ret);
int value_list(struct arena *arena, const struct extproc_value *items, size_t n,
               struct extproc_value *ret);
int value_dict(struct arena *arena, const struct extproc_field *fields, size_t n,
               struct extproc_value *ret);

/* A tree that came with a message and may never be read: bytes until the first access. */
struct tree {
    struct extproc_str raw; /* ptr NULL: there is none */
    /* Reads raw, whose bytes must stay; from the maker of the tree. 0, -ENOMEM, -EBADMSG. */
    int (*read)(struct extproc_str raw, struct arena *arena, struct extproc_value *ret);
    struct extproc_value value; /* once read */
    bool is_read;
};
/* The value, read at most once, into an arena that must live as long as the tree; ABSENT also where
 * it could not be read. */
struct extproc_value tree_value(struct tree *t, struct arena *arena);
/* Moves the raw bytes to an arena that lives longer; forgets what was read. 0 or -ENOMEM (then the
 * tree is empty). */
int tree_keep(struct tree *t, struct arena *keep);

#endif
