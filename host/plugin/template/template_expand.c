/* template_expand: what a compiled template says of a transaction.
 *
 * First every part's text is found, then all are joined in one piece of memory of the right size.
 * What a header or a value shows stays where it is until it is copied into the joined text.
 */
#include "base/str.h"
#include "plugin/template/number.h"
#include "plugin/template/template.h"
#include "plugin/template/template_private.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* ---- what has to be made --------------------------------------------------------------------- */

/* RFC 9562, section 5.4. */
static int uuid_text(struct arena *arena, struct extproc_str *ret)
{
    unsigned char b[16];
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        return -EIO;
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    *ret = arena_format(
        arena, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
        b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
    return ret->ptr ? 0 : -ENOMEM;
}

static int time_text(struct extproc_str format, struct arena *arena, struct extproc_str *ret)
{
    enum {
        LONGEST = 32 /* of a conversion, which takes at least two bytes of the format */
    };
    size_t size = format.len * LONGEST / 2 + 1;
    char *text = arena_alloc(arena, size);
    if (!text)
        return -ENOMEM;
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* it was checked when it was compiled */
    size_t len = strftime(text, size, format.ptr, &utc);
#pragma GCC diagnostic pop
    *ret = (struct extproc_str){text, len};
    return 0;
}

static int value_text(struct extproc_value value, struct arena *arena, struct extproc_str *ret)
{
    switch (value.kind) {
    case EXTPROC_KIND_STRING:
        *ret = value.as.string;
        return 0;
    case EXTPROC_KIND_NUMBER:
        *ret = number_text(value.as.number, arena);
        return ret->ptr ? 0 : -ENOMEM;
    case EXTPROC_KIND_BOOL:
        *ret = extproc_str_of(value.as.boolean ? "true" : "false");
        return 0;
    case EXTPROC_KIND_ABSENT:
    case EXTPROC_KIND_NULL:
    case EXTPROC_KIND_LIST:
    case EXTPROC_KIND_DICT:
        break;
    }
    *ret = STR_ABSENT;
    return 0;
}

/* ---- parts ----------------------------------------------------------------------------------- */

/* A list or a dict counts as absent, which the author of the template may not expect. */
static struct extproc_value with_text(struct extproc_value value, const struct template_part *part,
                                      struct extproc_txn *x)
{
    if (value.kind == EXTPROC_KIND_LIST || value.kind == EXTPROC_KIND_DICT)
        extproc_log(x, EXTPROC_LEVEL_WARN, "template: %.*s is a %s, which has no text",
                    EXTPROC_ARG(part->name), value.kind == EXTPROC_KIND_LIST ? "list" : "dict");
    return value;
}

static int part_text(const struct template_part *part, struct extproc_txn *x, struct arena *arena,
                     struct extproc_str *ret)
{
    const struct extproc_api *api = x->api;
    switch (part->kind) {
    case TEMPLATE_TEXT:
        *ret = part->name;
        return 0;
    case TEMPLATE_HEADER:
        *ret = api->header(x, part->map, part->name, 0);
        return 0;
    case TEMPLATE_ATTRIBUTE:
        return value_text(with_text(api->attribute(x, part->name), part, x), arena, ret);
    case TEMPLATE_METADATA:
        return value_text(
            with_text(api->value_get(x, api->metadata(x, part->space), part->name), part, x), arena,
            ret);
    case TEMPLATE_UUID:
        return uuid_text(arena, ret);
    case TEMPLATE_TIME:
        return time_text(part->name, arena, ret);
    }
    return -EINVAL;
}

/* Most templates are plain text, which stays as long as the instance. */
static bool is_text(const struct extproc_template *t)
{
    return t->n_parts == 1 && t->parts[0].kind == TEMPLATE_TEXT;
}

int template_expand(const struct extproc_template *t, struct extproc_txn *x, struct arena *arena,
                    struct extproc_str *ret)
{
    if (is_text(t)) {
        *ret = t->parts[0].name;
        return 0;
    }
    struct extproc_str *texts = arena_array(arena, t->n_parts, sizeof *texts);
    size_t len = 0;
    if (!texts)
        return -ENOMEM;
    for (size_t i = 0; i < t->n_parts; i++) {
        int r = part_text(&t->parts[i], x, arena, &texts[i]);
        if (r < 0)
            return r;
        if (!texts[i].ptr)
            texts[i] = t->parts[i].fallback;
        len += texts[i].len;
    }

    char *joined = arena_alloc(arena, len);
    if (!joined)
        return -ENOMEM;
    char *end = joined;
    for (size_t i = 0; i < t->n_parts; i++) {
        if (texts[i].len > 0)
            end = mempcpy(end, texts[i].ptr, texts[i].len);
    }
    *ret = (struct extproc_str){joined, len};
    return 0;
}
