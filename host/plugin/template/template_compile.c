/* template_compile: a text with %REQ(name)% and the like -> the parts of a template.
 *
 * Everything that can be wrong is found here, with its place in the text: an expansion has nothing
 * left to refuse. A piece without parentheses ends at the next `%`, one with them at the next `)%`,
 * so a time format may hold percent signs, and a fallback parentheses.
 */
#include "base/str.h"
#include "http/phase.h"
#include "http/rules/rules.h"
#include "plugin/template/template.h"
#include "plugin/template/template_private.h"

#include <errno.h>
#include <string.h>

struct compile {
    struct extproc_str text;
    size_t at; /* offset of the current piece */
    struct str_list maps;
    struct arena *arena;
    struct extproc_template *t;
    const char *why; /* once it was refused */
};

/* What the parentheses of a piece hold. */
enum inside {
    INSIDE_NOTHING, /* there are none */
    INSIDE_HEADER,
    INSIDE_NAME,
    INSIDE_PAIR,  /* namespace:key */
    INSIDE_FORMAT /* may be omitted */
};

static const struct piece {
    const char *name;
    enum inside inside;
    const char *usage;
    struct template_part part; /* as far as it is known from the name */
} pieces[] = {
    {"REQ", INSIDE_HEADER, "%REQ(name)%", {.kind = TEMPLATE_HEADER, .map = EXTPROC_MAP_REQUEST}},
    {"RESP", INSIDE_HEADER, "%RESP(name)%", {.kind = TEMPLATE_HEADER, .map = EXTPROC_MAP_RESPONSE}},
    {"ATTR", INSIDE_NAME, "%ATTR(name)%", {.kind = TEMPLATE_ATTRIBUTE}},
    {"METADATA", INSIDE_PAIR, "%METADATA(namespace:key)%", {.kind = TEMPLATE_METADATA}},
    {"PATH",
     INSIDE_NOTHING,
     "%PATH%",
     {.kind = TEMPLATE_HEADER, .map = EXTPROC_MAP_REQUEST, .name = EXTPROC_STR(":path")}},
    {"METHOD",
     INSIDE_NOTHING,
     "%METHOD%",
     {.kind = TEMPLATE_HEADER, .map = EXTPROC_MAP_REQUEST, .name = EXTPROC_STR(":method")}},
    {"STATUS",
     INSIDE_NOTHING,
     "%STATUS%",
     {.kind = TEMPLATE_HEADER, .map = EXTPROC_MAP_RESPONSE, .name = EXTPROC_STR(":status")}},
    {"UUID", INSIDE_NOTHING, "%UUID%", {.kind = TEMPLATE_UUID}},
    {"TIME",
     INSIDE_FORMAT,
     "%TIME(format)%",
     {.kind = TEMPLATE_TIME, .name = EXTPROC_STR("%Y-%m-%dT%H:%M:%SZ")}},
};
enum { N_PIECES = sizeof pieces / sizeof *pieces };

EXTPROC_PRINTF(2, 3)
static int refuse(struct compile *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *text = arena_vformat(c->arena, fmt, ap).ptr;
    va_end(ap);
    if (text)
        text = arena_format(c->arena, "at character %zu: %s", c->at + 1, text).ptr;
    if (!text)
        return -ENOMEM;
    c->why = text;
    return -EINVAL;
}

static void add(struct compile *c, struct template_part part)
{
    c->t->parts[c->t->n_parts++] = part;
}

/* `s` up to the first `mark`, and what is after it; without a mark, all of `s` and nothing. */
static struct extproc_str split(struct extproc_str s, const char *mark,
                                struct extproc_str *ret_rest)
{
    const char *at = s.len ? memmem(s.ptr, s.len, mark, strlen(mark)) : NULL;
    *ret_rest = STR_ABSENT;
    if (!at)
        return s;
    size_t len = (size_t)(at - s.ptr);
    *ret_rest = (struct extproc_str){at + strlen(mark), s.len - len - strlen(mark)};
    return (struct extproc_str){s.ptr, len};
}

/* ---- what is inside the parentheses ---------------------------------------------------------- */

static int check_format(struct compile *c, struct extproc_str format)
{
    /* The conversions of strftime(), except those that depend on a locale or contain a newline. */
    static const char known[] = "aAbBCdDeFgGhHIjmMpRsSTuUVwWyYzZ%";
    for (size_t i = 0; i < format.len; i++) {
        if (format.ptr[i] != '%')
            continue;
        if (++i == format.len || !format.ptr[i] || !strchr(known, format.ptr[i]))
            return refuse(c, "unsupported strftime conversion %%%.*s: expected one of %s",
                          (int)(i < format.len), format.ptr + i, known);
    }
    return 0;
}

static int take_format(struct compile *c, struct extproc_str inside, struct template_part *part)
{
    int r = check_format(c, inside);
    if (r < 0)
        return r;
    part->name = arena_format(c->arena, "%.*s", EXTPROC_ARG(inside));
    return part->name.ptr ? 0 : -ENOMEM;
}

static int take_name(struct compile *c, const struct piece *piece, struct extproc_str inside,
                     struct template_part *part)
{
    bool pair = piece->inside == INSIDE_PAIR;
    part->name = split(inside, ":-", &part->fallback);
    if (pair)
        part->space = split(part->name, ":", &part->name);
    if (part->name.len == 0 || (pair && part->space.len == 0))
        return refuse(c, "missing name in %%%s(%.*s)%%: expected %s", piece->name,
                      EXTPROC_ARG(inside), piece->usage);
    if (piece->inside == INSIDE_HEADER && !rules_name_valid(part->name))
        return refuse(c, "invalid header name \"%.*s\": expected %s", EXTPROC_ARG(part->name),
                      piece->usage);
    if (piece->part.kind == TEMPLATE_ATTRIBUTE && str_in_list(part->name, c->maps))
        return refuse(c,
                      "attribute \"%.*s\" is a map, which has no text: expected an attribute with "
                      "one value, %%REQ(name)%%, %%RESP(name)%% or %%METADATA(namespace:key)%%",
                      EXTPROC_ARG(part->name));
    return 0;
}

/* inside.ptr NULL: the piece has no parentheses. */
static int take_inside(struct compile *c, const struct piece *piece, struct extproc_str inside,
                       struct template_part *part)
{
    switch (piece->inside) {
    case INSIDE_NOTHING:
        return inside.ptr ? refuse(c, "unexpected parentheses after %%%s: expected %s", piece->name,
                                   piece->usage)
                          : 0;
    case INSIDE_FORMAT:
        return inside.ptr ? take_format(c, inside, part) : 0;
    case INSIDE_HEADER:
    case INSIDE_NAME:
    case INSIDE_PAIR:
        break;
    }
    return inside.ptr ? take_name(c, piece, inside, part)
                      : refuse(c, "missing name in %%%s%%: expected %s", piece->name, piece->usage);
}

/* ---- pieces ---------------------------------------------------------------------------------- */

static int find_piece(struct compile *c, struct extproc_str name, const struct piece **ret)
{
    const char *names[N_PIECES];
    for (size_t i = 0; i < N_PIECES; i++) {
        if (str_eq_c(name, pieces[i].name)) {
            *ret = &pieces[i];
            return 0;
        }
        names[i] = pieces[i].name;
    }
    const char *text = arena_format(c->arena, "%.*s", EXTPROC_ARG(name)).ptr;
    if (!text)
        return -ENOMEM;
    const char *nearest = str_nearest(text, names, N_PIECES);
    if (nearest)
        return refuse(c, "unknown template %%%s (did you mean %%%s?)", text, nearest);
    return refuse(c,
                  "unknown template %%%s: expected one of REQ RESP ATTR METADATA PATH METHOD "
                  "STATUS UUID TIME",
                  text);
}

static size_t letters(struct extproc_str s)
{
    size_t n = 0;
    while (n < s.len && extproc_lower(s.ptr[n]) >= 'a' && extproc_lower(s.ptr[n]) <= 'z')
        n++;
    return n;
}

/* Reads the piece at c->at, which begins with a percent sign, and moves past it. */
static int take_piece(struct compile *c)
{
    struct extproc_str rest = {c->text.ptr + c->at + 1, c->text.len - c->at - 1};
    struct extproc_str name = {rest.ptr, letters(rest)};
    struct extproc_str inside = STR_ABSENT;
    char next = name.len < rest.len ? rest.ptr[name.len] : '\0';
    if (next == '(') {
        inside = (struct extproc_str){rest.ptr + name.len + 1, rest.len - name.len - 1};
        inside = split(inside, ")%", &rest);
        if (!rest.ptr)
            return refuse(c, "missing )%% after %%%.*s(", EXTPROC_ARG(name));
    } else if (next == '%') {
        rest = (struct extproc_str){rest.ptr + name.len + 1, rest.len - name.len - 1};
    }
    if (name.len == 0 || !(next == '(' || next == '%'))
        return refuse(c, "stray %%: write %%%% for a literal percent sign");

    const struct piece *piece = NULL;
    int r = find_piece(c, name, &piece);
    if (r < 0)
        return r;
    struct template_part part = piece->part;
    r = take_inside(c, piece, inside, &part);
    if (r < 0)
        return r;
    add(c, part);
    c->at = c->text.len - rest.len;
    return 0;
}

static int take_parts(struct compile *c)
{
    int r = 0;
    while (r == 0 && c->at < c->text.len) {
        const char *at = c->text.ptr + c->at;
        size_t left = c->text.len - c->at;
        if (*at == '%' && !(left > 1 && at[1] == '%')) {
            r = take_piece(c);
            continue;
        }
        const char *end = *at == '%' ? at + 1 : memchr(at, '%', left);
        size_t len = end ? (size_t)(end - at) : left;
        add(c, (struct template_part){.kind = TEMPLATE_TEXT, .name = {at, len}});
        c->at += len + (*at == '%');
    }
    return r;
}

/* Every part but the texts between has a percent sign of its own. */
static size_t max_parts(struct extproc_str text)
{
    size_t n = 1;
    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == '%' ? 2 : 0;
    return n;
}

int template_compile(struct extproc_str text, struct str_list maps, struct arena *arena,
                     struct extproc_template **ret, const char **ret_why)
{
    struct compile c = {.text = arena_copy(arena, text), .maps = maps, .arena = arena};
    c.t = arena_alloc(arena, sizeof *c.t + max_parts(text) * sizeof *c.t->parts);
    if (!c.text.ptr || !c.t)
        return -ENOMEM;
    c.t->n_parts = 0;

    int r = take_parts(&c);
    if (r == 0)
        *ret = c.t;
    else if (r == -EINVAL)
        *ret_why = c.why;
    return r;
}

bool template_part_at(const struct extproc_template *t, size_t i, struct extproc_str *ret)
{
    if (i >= t->n_parts)
        return false;
    *ret = t->parts[i].kind == TEMPLATE_TEXT ? t->parts[i].name : STR_ABSENT;
    return true;
}

uint32_t template_reads(const struct extproc_template *t)
{
    uint32_t phases = 0;
    for (size_t i = 0; i < t->n_parts; i++) {
        if (t->parts[i].kind == TEMPLATE_HEADER)
            phases |= t->parts[i].map == EXTPROC_MAP_REQUEST ? EXTPROC_PHASE_REQUEST_HEADERS
                                                             : EXTPROC_PHASE_RESPONSE_HEADERS;
    }
    return phases;
}

int template_wants(const struct extproc_template *t, struct wants *wants, struct arena *arena)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < t->n_parts; i++) {
        const struct template_part *part = &t->parts[i];
        if (part->kind == TEMPLATE_ATTRIBUTE)
            r = wants_add(wants, arena, WANT_ATTRIBUTE, part->name);
        else if (part->kind == TEMPLATE_METADATA)
            r = wants_add(wants, arena, WANT_METADATA, part->space);
    }
    return r;
}
