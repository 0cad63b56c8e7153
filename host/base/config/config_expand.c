/* config_expand: expands a value as written into the value that is meant.
 *
 *     ${VAR}         the environment's VAR
 *     ${file:PATH}   the content of a file beside the ini file, without one newline at its end
 *     $${            a plain ${
 *     \;             a plain ;     (inih takes " ;" for the beginning of a comment)
 *
 * It goes over the value once: what was put in is not looked at again, so a secret may contain any
 * of these.
 */
#include "base/config/config_private.h"
#include "base/file.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

bool config_text_add(struct arena *arena, struct config_text *text, struct extproc_str bytes)
{
    size_t need = text->len + bytes.len + 1;
    if (need > text->cap) {
        size_t cap = need < 64 ? 64 : 2 * need;
        char *larger = arena_alloc(arena, cap);
        if (!larger)
            return false;
        if (text->len > 0)
            memcpy(larger, text->ptr, text->len);
        text->ptr = larger;
        text->cap = cap;
    }
    if (bytes.ptr && bytes.len > 0)
        memcpy(text->ptr + text->len, bytes.ptr, bytes.len);
    text->len += bytes.len;
    text->ptr[text->len] = '\0';
    return true;
}

struct expansion {
    struct arena *arena;
    const char *path; /* of the ini file */
    struct config_text text, shown;
    bool hidden;     /* the two differ */
    const char *why; /* NULL: nothing is wrong yet */
};

EXTPROC_PRINTF(2, 3)
static bool expansion_refuse(struct expansion *x, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    x->why = arena_vformat(x->arena, fmt, ap).ptr;
    va_end(ap);
    return false;
}

/* Bytes, and how they are shown. */
static bool expansion_add(struct expansion *x, struct extproc_str bytes, struct extproc_str shown)
{
    return (config_text_add(x->arena, &x->text, bytes) &&
            config_text_add(x->arena, &x->shown, shown)) ||
           expansion_refuse(x, "out of memory");
}

/* Bytes that are not in the ini file: maybe a secret. */
static bool expansion_add_hidden(struct expansion *x, struct extproc_str bytes)
{
    x->hidden = true;
    return expansion_add(x, bytes, EXTPROC_S(CONFIG_MASK));
}

static bool is_variable_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    return *name && (*name < '0' || *name > '9') && name[strspn(name, letters)] == '\0';
}

static bool expand_variable(struct expansion *x, const char *name)
{
    if (!is_variable_name(name))
        return expansion_refuse(x, "invalid reference ${...}: expected ${VAR} or ${file:PATH} "
                                   "(write $${ for a literal ${)");
    const char *value = getenv(name);
    if (!value)
        return expansion_refuse(x, "${%s}: not set in the environment of the service", name);
    return expansion_add_hidden(x, extproc_str_of(value));
}

static struct extproc_str without_newline(struct extproc_str s)
{
    if (s.len > 0 && s.ptr[s.len - 1] == '\n') {
        s.len--;
        if (s.len > 0 && s.ptr[s.len - 1] == '\r')
            s.len--;
    }
    return s;
}

static bool expand_file(struct expansion *x, const char *name)
{
    struct file_bytes bytes;
    char why[FILE_WHY];
    const char *path = config_beside(x->arena, x->path, name);
    if (!path)
        return expansion_refuse(x, "out of memory");
    if (file_read(path, FILE_REGULAR, CONFIG_FILE_MAX, &bytes, why) < 0)
        return expansion_refuse(x, "${file:%s}: cannot be read: %s", name, why);

    bool done =
        memchr(bytes.ptr, '\0', bytes.len)
            ? expansion_refuse(x, "${file:%s}: contains a NUL byte: expected text", name)
            : expansion_add_hidden(x, without_newline((struct extproc_str){bytes.ptr, bytes.len}));
    free(bytes.ptr);
    return done;
}

/* `s` begins with "${"; moves it past the "}". */
static bool expand_braces(struct expansion *x, struct extproc_str *s)
{
    const char *end = memchr(s->ptr, '}', s->len);
    if (!end)
        return expansion_refuse(x, "missing } after ${ (write $${ for a literal ${)");
    struct extproc_str inner = {s->ptr + 2, (size_t)(end - s->ptr) - 2};
    const char *name = arena_format(x->arena, "%.*s", EXTPROC_ARG(inner)).ptr;
    if (!name)
        return expansion_refuse(x, "out of memory");

    s->len -= (size_t)(end + 1 - s->ptr);
    s->ptr = end + 1;
    if (extproc_has_prefix(inner, EXTPROC_S("file:")))
        return expand_file(x, name + strlen("file:"));
    return expand_variable(x, name);
}

/* The beginning of `s`, of any kind; moves `s` past it. */
static bool expand_next(struct expansion *x, struct extproc_str *s)
{
    if (extproc_has_prefix(*s, EXTPROC_S("${")))
        return expand_braces(x, s);

    size_t skip = 0, keep = 1;
    if (extproc_has_prefix(*s, EXTPROC_S("$${")))
        skip = 1, keep = 2;
    else if (extproc_has_prefix(*s, EXTPROC_S("\\;")))
        skip = 1;
    while (skip + keep < s->len && !strchr("$\\", s->ptr[skip + keep]))
        keep++;
    struct extproc_str bytes = {s->ptr + skip, keep};
    bool done = expansion_add(x, bytes, bytes);
    s->ptr += skip + keep;
    s->len -= skip + keep;
    return done;
}

bool config_expand(struct arena *arena, const char *path, struct extproc_str raw,
                   struct config_entry *ret, const char **ret_why)
{
    struct expansion x = {.arena = arena, .path = path};
    ret->value = ret->shown = EXTPROC_S("");
    bool done = expansion_add(&x, EXTPROC_S(""), EXTPROC_S("")); /* an empty value is one, too */
    while (done && raw.len > 0)
        done = expand_next(&x, &raw);
    if (!done) {
        *ret_why = x.why ? x.why : "out of memory";
        return false;
    }
    ret->value = (struct extproc_str){x.text.ptr, x.text.len};
    ret->shown = (struct extproc_str){x.shown.ptr, x.shown.len};
    ret->hidden = x.hidden;
    return true;
}
