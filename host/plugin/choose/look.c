/* look: the value of a subject in a transaction.
 *
 * Paths, queries and headers are looked at as they are written: nothing is decoded. The values of a
 * header that comes more than once are one value, as HTTP has it (RFC 9110, 5.3): joined with a
 * comma, those of cookie with a semicolon.
 */
#include "plugin/choose/look.h"

#include "base/str.h"
#include "plugin/template/number.h"

#include <errno.h>
#include <string.h>

enum { NUMBER_MAX = 16 };

static const struct pattern_value absent = {false, {NULL, 0}};

static int take(struct pattern_value *ret, struct extproc_str text)
{
    *ret = (struct pattern_value){.present = text.ptr != NULL, .text = text};
    return 0;
}

/* ---- headers --------------------------------------------------------------------------------- */

static int join(const struct headers *h, struct extproc_str name, size_t len, struct arena *arena,
                struct pattern_value *ret)
{
    char separator = str_eq_c(name, "cookie") ? ';' : ',';
    char *text = arena_alloc(arena, len), *end = text;
    if (!text)
        return -ENOMEM;
    for (size_t n = headers_count(h), i = headers_find(h, name, 0), first = i; i < n;
         i = headers_find(h, name, i + 1)) {
        struct extproc_str value = headers_at(h, i)->value;
        if (i != first) {
            *end++ = separator;
            *end++ = ' ';
        }
        end = mempcpy(end, value.ptr ? value.ptr : "", value.len);
    }
    return take(ret, (struct extproc_str){text, (size_t)(end - text)});
}

static int look_at_header(const struct headers *h, struct extproc_str name, struct arena *arena,
                          struct pattern_value *ret)
{
    struct extproc_str first = STR_ABSENT;
    size_t n = h ? headers_count(h) : 0, n_found = 0, len = 0;
    for (size_t i = 0; i < n && (i = headers_find(h, name, i)) < n; i++) {
        struct extproc_str value = headers_at(h, i)->value;
        if (n_found++ == 0)
            first = value.ptr ? value : EXTPROC_S("");
        len += value.len + 2;
    }
    return n_found > 1 ? join(h, name, len, arena, ret) : take(ret, first);
}

/* `host` and `:authority` are one header, and a proxy that knows both shows one. */
static int look_at_host(const struct headers *h, struct arena *arena, struct pattern_value *ret)
{
    static const struct extproc_str host = EXTPROC_STR("host"),
                                    authority = EXTPROC_STR(":authority");
    int r = look_at_header(h, authority, arena, ret);
    return r < 0 || ret->present ? r : look_at_header(h, host, arena, ret);
}

/* ---- the path -------------------------------------------------------------------------------- */

/* What is before the first of a character, and *ret_rest what follows it: absent where there is
 * none. */
static struct extproc_str before(struct extproc_str text, char c, struct extproc_str *ret_rest)
{
    const char *at = text.len > 0 ? memchr(text.ptr, c, text.len) : NULL;
    *ret_rest = at ? extproc_from(text, (size_t)(at + 1 - text.ptr)) : STR_ABSENT;
    return at ? extproc_first(text, (size_t)(at - text.ptr)) : text;
}

/* The path, and *ret_query its query. */
static int split_path(const struct facts *f, struct pattern_value *ret,
                      struct extproc_str *ret_query)
{
    struct extproc_str fragment;
    int r = look_at_header(f->headers[LANE_REQUEST], EXTPROC_S(":path"), f->arena, ret);
    if (r == 0)
        ret->text = before(before(ret->text, '#', &fragment), '?', ret_query);
    return r;
}

/* The first parameter of that name; one without a sign of equality has an empty value. */
static int look_at_query(const struct subject *s, const struct facts *f, struct pattern_value *ret)
{
    struct extproc_str query, pair, value;
    int r = split_path(f, ret, &query);
    if (r < 0)
        return r;
    while (extproc_split(&query, '&', &pair))
        if (extproc_eq(before(pair, '=', &value), s->name))
            return take(ret, value.ptr ? value : EXTPROC_S(""));
    return take(ret, STR_ABSENT);
}

/* ---- what comes beside the message ----------------------------------------------------------- */

static int take_value(struct extproc_value value, struct arena *arena, struct pattern_value *ret)
{
    switch (value.kind) {
    case EXTPROC_KIND_STRING:
        return take(ret, value.as.string.ptr ? value.as.string : EXTPROC_S(""));
    case EXTPROC_KIND_NUMBER:
        take(ret, number_text(value.as.number, arena));
        return ret->text.ptr ? 0 : -ENOMEM;
    case EXTPROC_KIND_BOOL:
        return take(ret, extproc_str_of(value.as.boolean ? "true" : "false"));
    case EXTPROC_KIND_LIST:
    case EXTPROC_KIND_DICT:
        *ret = (struct pattern_value){.present = true};
        return 0;
    case EXTPROC_KIND_ABSENT:
    case EXTPROC_KIND_NULL:
        break;
    }
    *ret = absent;
    return 0;
}

static int look_at_status(const struct facts *f, struct pattern_value *ret)
{
    if (!f->status)
        return take(ret, STR_ABSENT);
    char *end = arena_alloc(f->arena, NUMBER_MAX), *at;
    if (!end)
        return -ENOMEM;
    at = end += NUMBER_MAX;
    for (unsigned left = f->status; left > 0; left /= 10)
        *--at = (char)('0' + left % 10);
    return take(ret, (struct extproc_str){at, (size_t)(end - at)});
}

int look(const struct subject *s, const struct facts *f, struct pattern_value *ret)
{
    const struct headers *request = f->headers[LANE_REQUEST];
    struct extproc_str query;
    switch (s->kind) {
    case SUBJECT_PATH:
        return split_path(f, ret, &query);
    case SUBJECT_QUERY:
        return look_at_query(s, f, ret);
    case SUBJECT_METHOD:
        return look_at_header(request, EXTPROC_S(":method"), f->arena, ret);
    case SUBJECT_AUTHORITY:
        return look_at_host(request, f->arena, ret);
    case SUBJECT_SCHEME:
        return look_at_header(request, EXTPROC_S(":scheme"), f->arena, ret);
    case SUBJECT_HEADER:
        if (str_eq_c(s->name, "host"))
            return look_at_host(request, f->arena, ret);
        return look_at_header(request, s->name, f->arena, ret);
    case SUBJECT_RESPONSE_HEADER:
        return look_at_header(f->headers[LANE_RESPONSE], s->name, f->arena, ret);
    case SUBJECT_STATUS:
        return look_at_status(f, ret);
    case SUBJECT_ATTRIBUTE:
        return take_value(f->source->attribute(f->arg, s->name), f->arena, ret);
    case SUBJECT_METADATA:
        return take_value(value_get(f->source->metadata(f->arg, s->space), s->name), f->arena, ret);
    case SUBJECT_GRPC:
        return take(ret, f->source->field(f->arg, s->name.ptr));
    case SUBJECT_LISTENER:
        return take(ret, f->listener ? extproc_str_of(f->listener) : STR_ABSENT);
    case N_SUBJECTS:
        break;
    }
    return take(ret, STR_ABSENT);
}
