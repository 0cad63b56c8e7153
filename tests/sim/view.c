/* view: texts, since what is to be the same is the same byte for byte, the order included. */
#include "view.h"

#include "chance.h"
#include "chaos.h"

#include <string.h>

void text_copy(struct text *to, const struct text *from)
{
    to->len = from->len;
    memcpy(to->bytes, from->bytes, from->len);
}

void text_add(struct text *t, struct extproc_str s)
{
    DEMAND(s.len <= sizeof t->bytes - t->len);
    if (s.len > 0)
        memcpy(t->bytes + t->len, s.ptr, s.len);
    t->len += s.len;
}

bool text_same(const struct text *a, const struct text *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

void text_precede(struct text *t, const struct text *first)
{
    DEMAND(first->len <= sizeof t->bytes - t->len);
    memmove(t->bytes + first->len, t->bytes, t->len);
    memcpy(t->bytes, first->bytes, first->len);
    t->len += first->len;
}

bool text_begins(const struct text *t, const struct text *with)
{
    return t->len >= with->len && memcmp(t->bytes, with->bytes, with->len) == 0;
}

/* An entry that was removed in this callback has no name. */
static void take_map(struct extproc_txn *x, enum extproc_map map, struct text *ret)
{
    struct extproc_header h;
    ret->len = 0;
    for (size_t i = 0; extproc_header_at(x, map, i, &h); i++) {
        if (h.name.len == 0)
            continue;
        text_add(ret, h.name);
        text_add(ret, EXTPROC_S("="));
        text_add(ret, h.value);
        text_add(ret, EXTPROC_S("\n"));
    }
}

static void take_metadata(struct extproc_txn *x, struct text *ret)
{
    static const struct extproc_str keys[] = {EXTPROC_STR("m0"), EXTPROC_STR("m1"),
                                              EXTPROC_STR("m2"), EXTPROC_STR("undone")};
    struct extproc_value all = extproc_metadata(x, EXTPROC_S(CHAOS_NAMESPACE));
    ret->len = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct extproc_value v = extproc_value_get(x, all, keys[i]);
        text_add(ret, v.kind == EXTPROC_KIND_STRING ? v.as.string : EXTPROC_S("-"));
        text_add(ret, EXTPROC_S(";"));
    }
}

void view_take(struct extproc_txn *x, struct view *ret)
{
    bool response = extproc_is_response(x);
    struct extproc_str body = extproc_body(x);
    take_map(x, response ? EXTPROC_MAP_RESPONSE : EXTPROC_MAP_REQUEST, &ret->headers);
    take_map(x, response ? EXTPROC_MAP_RESPONSE_TRAILERS : EXTPROC_MAP_REQUEST_TRAILERS,
             &ret->trailers);
    take_metadata(x, &ret->metadata);
    ret->body.len = 0;
    text_add(&ret->body, body);
}

void view_copy(struct view *to, const struct view *from, bool with_trailers)
{
    text_copy(&to->headers, &from->headers);
    if (with_trailers)
        text_copy(&to->trailers, &from->trailers);
    text_copy(&to->metadata, &from->metadata);
    text_copy(&to->body, &from->body);
}
