/* sub: `s/regex/text/flags`, as sed has it, parsed and compiled with PCRE2.
 *
 *     s                 then any ASCII character, the delimiter; where the regex or the text has it,
 *                       a backslash comes before it
 *     regex             of bytes: `.` is one byte, and letters are those of ASCII
 *     text              \0 or $0 is the match; \1..\9, $1..$9 are groups (empty where one did not
 *                       take part); \n \r \t; a backslash before any other character that is
 *                       neither a letter nor a digit makes it literal; the rest is a template
 *     flags             g: all matches, not only the first one; i: upper and lower case are the same
 */
#ifndef EXTPROC_LIB_SUB_H
#define EXTPROC_LIB_SUB_H

#include <extproc/text.h>

#include <stdio.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* A part of the replacement. */
struct sub_piece {
    uint32_t group;                /* where text is NULL */
    struct extproc_template *text; /* NULL: a group      */
};

struct sub {
    pcre2_code *code;
    uint32_t lookbehind; /* bytes before a match that the regex may look at, at least 1 */
    bool global;
    struct sub_piece *pieces;
    size_t n_pieces;
};

/* While it is being read. */
struct sub_reader {
    struct extproc_instance *instance;
    const char *key;
    size_t i;
    struct extproc_str value, regex, text;
    bool nocase;
    struct sub *sub;
};

static inline int sub_refuse(const struct sub_reader *in, size_t at, const char *what)
{
    return extproc_conf_refuse(in->instance, in->key, in->i, "at character %zu: %s", at + 1, what);
}

/* ---- s/regex/text/flags ---------------------------------------------------------------------- */

/* From *at to the next delimiter, which *at then follows. */
static inline bool sub_until(const struct sub_reader *in, size_t *at, struct extproc_str *ret)
{
    char delimiter = in->value.ptr[1];
    size_t end = *at;
    while (end < in->value.len && in->value.ptr[end] != delimiter)
        end += in->value.ptr[end] == '\\' ? 2 : 1;
    if (end >= in->value.len)
        return false;
    *ret = extproc_first(extproc_from(in->value, *at), end - *at);
    *at = end + 1;
    return true;
}

static inline int sub_read_flags(struct sub_reader *in, size_t at)
{
    for (; at < in->value.len; at++) {
        switch (in->value.ptr[at]) {
        case 'g':
            in->sub->global = true;
            break;
        case 'i':
            in->nocase = true;
            break;
        default:
            return sub_refuse(in, at, "unknown flag: expected g or i");
        }
    }
    return 0;
}

static inline bool sub_is_word(char c)
{
    return (c >= '0' && c <= '9') || (extproc_lower(c) >= 'a' && extproc_lower(c) <= 'z');
}

static inline int sub_split(struct sub_reader *in)
{
    size_t at = 2;
    if (in->value.len < 2 || in->value.ptr[0] != 's')
        return sub_refuse(in, 0, "expected s/REGEX/TEXT/ and the flags g or i");
    char delimiter = in->value.ptr[1];
    if (delimiter <= ' ' || delimiter == 0x7f || delimiter == '\\' || sub_is_word(delimiter))
        return sub_refuse(
            in, 1,
            "invalid delimiter: expected an ASCII character that is neither a letter, "
            "a digit, a space nor a backslash");
    if (!sub_until(in, &at, &in->regex) || !sub_until(in, &at, &in->text))
        return sub_refuse(in, in->value.len, "missing delimiter: expected s/REGEX/TEXT/FLAGS");
    return sub_read_flags(in, at);
}

/* ---- the regex ------------------------------------------------------------------------------- */

/* \G is where a search has begun, which would be where a chunk begins. */
static inline int sub_check(const struct sub_reader *in)
{
    struct extproc_str regex = in->regex;
    for (size_t at = 0; at + 1 < regex.len; at += regex.ptr[at] == '\\' ? 2 : 1) {
        if (regex.ptr[at] == '\\' && regex.ptr[at + 1] == 'G')
            return sub_refuse(in, (size_t)(regex.ptr - in->value.ptr) + at,
                              "\\G is not supported: a body may arrive in chunks");
    }
    return 0;
}

static inline int sub_compile(struct sub_reader *in)
{
    const uint32_t options = PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C |
                             PCRE2_USE_OFFSET_LIMIT | (in->nocase ? PCRE2_CASELESS : 0);
    char what[256] = "";
    int error = 0;
    PCRE2_SIZE at = 0;
    uint32_t lookbehind = 0;
    in->sub->code =
        pcre2_compile((PCRE2_SPTR)in->regex.ptr, in->regex.len, options, &error, &at, NULL);
    if (!in->sub->code) {
        pcre2_get_error_message(error, (PCRE2_UCHAR *)what, sizeof what);
        return sub_refuse(in, (size_t)(in->regex.ptr - in->value.ptr) + at, what);
    }
    /* Where there is no JIT, PCRE2 interprets the regex. */
    pcre2_jit_compile(in->sub->code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD);
    pcre2_pattern_info(in->sub->code, PCRE2_INFO_MAXLOOKBEHIND, &lookbehind);
    in->sub->lookbehind = lookbehind ? lookbehind : 1; /* 1: whether a text begins here */
    return 0;
}

/* ---- the text -------------------------------------------------------------------------------- */

/* Does a group's number begin here? */
static inline bool sub_is_group(struct extproc_str text, size_t at)
{
    return at + 1 < text.len && (text.ptr[at] == '$' || text.ptr[at] == '\\') &&
           text.ptr[at + 1] >= '0' && text.ptr[at + 1] <= '9';
}

/* The character that a backslash and this one stand for; '\0': none. */
static inline char sub_escape(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return sub_is_word(c) ? '\0' : c;
    }
}

/* Literal characters and templates, up to a group. */
static inline int sub_read_literal(struct sub_reader *in, size_t *at, struct sub_piece *ret)
{
    struct extproc_str text = in->text, literal = {NULL, 0};
    size_t offset = (size_t)(text.ptr - in->value.ptr);
    char *out = (char *)extproc_instance_alloc(in->instance, text.len + 1);
    if (!out)
        return -ENOMEM;
    while (*at < text.len && !sub_is_group(text, *at)) {
        char c = text.ptr[(*at)++];
        if (c == '\\') /* never the last: the delimiter would belong to it */
            c = sub_escape(text.ptr[(*at)++]);
        if (!c)
            return sub_refuse(
                in, offset + *at - 1,
                "unknown escape: expected a group, \\n, \\r, \\t, or a character that "
                "is neither a letter nor a digit");
        out[literal.len++] = c;
    }
    literal.ptr = out;
    ret->text = extproc_conf_template_part(in->instance, in->key, in->i, literal);
    return ret->text ? 0 : -EINVAL;
}

static inline int sub_read_text(struct sub_reader *in)
{
    struct sub *sub = in->sub;
    size_t at = 0, offset = (size_t)(in->text.ptr - in->value.ptr);
    uint32_t n_groups = 0;
    pcre2_pattern_info(sub->code, PCRE2_INFO_CAPTURECOUNT, &n_groups);
    sub->pieces = (struct sub_piece *)extproc_instance_alloc(in->instance, (in->text.len + 1) *
                                                                               sizeof *sub->pieces);
    if (!sub->pieces)
        return -ENOMEM;
    while (at < in->text.len) {
        struct sub_piece *piece = &sub->pieces[sub->n_pieces++];
        if (!sub_is_group(in->text, at)) {
            int r = sub_read_literal(in, &at, piece);
            if (r < 0)
                return r;
            continue;
        }
        piece->group = (uint32_t)(in->text.ptr[at + 1] - '0');
        if (piece->group > n_groups)
            return sub_refuse(in, offset + at, "the regex has no such group");
        at += 2;
    }
    return 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* The i-th value of a key. -EINVAL: it has another form, which was reported. Whatever is returned,
 * sub_fini() releases it. */
static inline int sub_read(struct extproc_instance *instance, const char *key, size_t i,
                           struct sub *ret)
{
    struct sub_reader in = {.instance = instance, .key = key, .i = i, .sub = ret};
    in.value = extproc_conf(instance, key, i);
    int r = sub_split(&in);
    if (r == 0)
        r = sub_check(&in);
    if (r == 0)
        r = sub_compile(&in);
    return r < 0 ? r : sub_read_text(&in);
}

static inline void sub_fini(struct sub *sub)
{
    pcre2_code_free(sub->code);
}

#endif
