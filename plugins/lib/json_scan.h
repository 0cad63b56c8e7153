/* json_scan: finds and edits values of a JSON text by their paths, in one pass, without a tree.
 *
 * All bytes that no rule is about stay as they are: numbers with all their digits, the order of
 * members, blanks, members that occur twice. A rule applies to each member of its name that occurs
 * twice; a search takes the first. The text has to be JSON (RFC 8259), nested at most
 * JSON_DEPTH_MAX deep; a search alone ends as soon as all is found, wherever that is.
 *
 * A path is names between dots; a number names an element of a list too, `*` each member or
 * element, and `\.` is a dot in a name. */
#ifndef EXTPROC_LIB_JSON_SCAN_H
#define EXTPROC_LIB_JSON_SCAN_H

#include <extproc/text.h>

#include <stdio.h>

enum { JSON_DEPTH_MAX = 256, JSON_RULES_MAX = 64, JSON_SEGMENTS_MAX = 16 };

/* The strongest of those that are about the same value counts. */
enum json_verb { JSON_FIND, JSON_MASK, JSON_SET, JSON_REMOVE };

struct json_rule {
    enum json_verb verb;
    struct extproc_str segments[JSON_SEGMENTS_MAX];
    size_t n_segments;
    struct extproc_str value; /* MASK, SET: the JSON text that it becomes */
};

struct json_rules {
    struct json_rule *list; /* at most JSON_RULES_MAX */
    size_t n;
};

/* Rules by their places: one bit each. */
typedef uint64_t json_set;

struct json_scan {
    struct extproc_txn *x;
    const struct json_rules *rules;
    const char *text;
    size_t len, at;
    json_set wanted;           /* searches that have not found anything */
    struct extproc_str *found; /* for each rule: the value's text; ptr NULL: nothing */
    bool edits;                /* some rule does */
    /* the new text: what was written, and how much of the old one that stands for */
    char *out;
    size_t out_len, out_room, copied;
    bool changed;
};

/* What reading a value has come to. */
enum json_end {
    JSON_GOES_ON,
    JSON_STOPS,   /* all is found          */
    JSON_INVALID, /* it is not JSON        */
    JSON_NO_MEMORY
};

/* ---- paths ----------------------------------------------------------------------------------- */

/* Without the dots; `text` has to live as long as the rule, and is written to. False: an empty
 * name, or too many. */
static inline bool json_path_read(char *text, size_t len, struct json_rule *ret)
{
    char *to = text, *begin = text;
    ret->n_segments = 0;
    for (size_t i = 0; i <= len; i++) {
        if (i < len && text[i] == '\\' && i + 1 < len &&
            (text[i + 1] == '.' || text[i + 1] == '\\')) {
            *to++ = text[++i];
        } else if (i < len && text[i] != '.') {
            *to++ = text[i];
        } else {
            if (to == begin || ret->n_segments == JSON_SEGMENTS_MAX)
                return false;
            ret->segments[ret->n_segments++] = (struct extproc_str){begin, (size_t)(to - begin)};
            begin = to;
        }
    }
    return true;
}

static inline bool json_is_star(struct extproc_str segment)
{
    return segment.len == 1 && segment.ptr[0] == '*';
}

static inline json_set json_bit(size_t i)
{
    return (json_set)1 << i;
}

/* Those of a set that are for values of this depth, or for deeper ones. */
static inline json_set json_ending(const struct json_scan *s, json_set set, size_t depth)
{
    json_set ending = 0;
    for (size_t i = 0; set >> i && i < s->rules->n; i++) {
        if (set & json_bit(i) && s->rules->list[i].n_segments == depth)
            ending |= json_bit(i);
    }
    return ending;
}

/* ---- the new text ---------------------------------------------------------------------------- */

static inline bool json_put(struct json_scan *s, struct extproc_str bytes)
{
    size_t needed = s->out_len + bytes.len;
    if (needed > s->out_room || !s->out) {
        size_t room = 2 * needed + s->len;
        char *grown = (char *)extproc_scratch(s->x, room);
        if (!grown)
            return false;
        if (s->out)
            memcpy(grown, s->out, s->out_len);
        s->out = grown;
        s->out_room = room;
    }
    if (bytes.len)
        memcpy(s->out + s->out_len, bytes.ptr, bytes.len);
    s->out_len = needed;
    return true;
}

/* What was not copied yet, up to here; the text goes on at `next`. */
static inline bool json_copy(struct json_scan *s, size_t end, size_t next)
{
    struct extproc_str bytes = {s->text + s->copied, end - s->copied};
    s->copied = next;
    s->changed = true;
    return json_put(s, bytes);
}

static inline bool json_put_name(struct json_scan *s, struct extproc_str name)
{
    char escaped[8];
    bool good = json_put(s, EXTPROC_S("\""));
    for (size_t i = 0; good && i < name.len; i++) {
        struct extproc_str c = {name.ptr + i, 1};
        if (*c.ptr == '"' || *c.ptr == '\\' || (unsigned char)*c.ptr < ' ') {
            c.len = (size_t)snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)*c.ptr);
            c.ptr = escaped;
        }
        good = json_put(s, c);
    }
    return good && json_put(s, EXTPROC_S("\":"));
}

/* Can a value that is not there be made? Not for each member of something. */
static inline json_set json_makeable(const struct json_scan *s, json_set set, size_t depth)
{
    json_set makeable = 0;
    for (size_t i = 0; set >> i && i < s->rules->n; i++) {
        const struct json_rule *rule = &s->rules->list[i];
        bool can = set & json_bit(i) && rule->verb == JSON_SET && rule->n_segments > depth;
        for (size_t d = depth; can && d < rule->n_segments; d++)
            can = !json_is_star(rule->segments[d]);
        makeable |= can ? json_bit(i) : 0;
    }
    return makeable;
}

/* The members that the rules of a set want in an object, which has `n` already. */
static inline bool json_make(struct json_scan *s, json_set set, size_t depth, size_t n)
{
    while (set) {
        size_t first = (size_t)__builtin_ctzll(set);
        const struct json_rule *rule = &s->rules->list[first];
        struct extproc_str name = rule->segments[depth];
        json_set same = 0;
        for (size_t i = first; i < s->rules->n; i++) {
            if (set & json_bit(i) && extproc_eq(s->rules->list[i].segments[depth], name))
                same |= json_bit(i);
        }
        json_set ending = json_ending(s, same, depth + 1);
        if ((n++ > 0 && !json_put(s, EXTPROC_S(","))) || !json_put_name(s, name))
            return false;
        if (ending) {
            if (!json_put(s, s->rules->list[__builtin_ctzll(ending)].value))
                return false;
        } else if (!json_put(s, EXTPROC_S("{")) || !json_make(s, same, depth + 1, 0) ||
                   !json_put(s, EXTPROC_S("}"))) {
            return false;
        }
        set &= ~same;
    }
    return true;
}

/* ---- tokens ---------------------------------------------------------------------------------- */

static inline void json_blanks(struct json_scan *s)
{
    while (s->at < s->len && memchr(" \t\n\r", s->text[s->at], 4))
        s->at++;
}

static inline bool json_takes(struct json_scan *s, char c)
{
    if (s->at == s->len || s->text[s->at] != c)
        return false;
    s->at++;
    return true;
}

static inline size_t json_digits(struct json_scan *s)
{
    size_t from = s->at;
    while (s->at < s->len && s->text[s->at] >= '0' && s->text[s->at] <= '9')
        s->at++;
    return s->at - from;
}

static inline bool json_number(struct json_scan *s)
{
    json_takes(s, '-');
    if (!json_takes(s, '0') && !json_digits(s))
        return false;
    if (json_takes(s, '.') && !json_digits(s))
        return false;
    if (!json_takes(s, 'e') && !json_takes(s, 'E'))
        return true;
    if (!json_takes(s, '+'))
        json_takes(s, '-');
    return json_digits(s) > 0;
}

static inline bool json_literal(struct json_scan *s, struct extproc_str word)
{
    if (!extproc_has_prefix((struct extproc_str){s->text + s->at, s->len - s->at}, word))
        return false;
    s->at += word.len;
    return true;
}

/* Four hexadecimal digits; -1: there are none. */
static inline int json_hex4(struct extproc_str s)
{
    int code = 0;
    if (s.len < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        int digit = extproc_hex_digit(s.ptr[i]);
        if (digit < 0)
            return -1;
        code = code * 16 + digit;
    }
    return code;
}

/* What a text begins with that follows a backslash: its length, and the character. 0: nothing
 * valid; half a surrogate pair is not. */
static inline size_t json_escape(struct extproc_str s, uint32_t *ret)
{
    static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    const char *name = s.len && s.ptr[0] ? strchr(names, s.ptr[0]) : NULL;
    if (name) {
        *ret = (uint32_t)means[name - names];
        return 1;
    }
    int high = s.len && s.ptr[0] == 'u' ? json_hex4(extproc_from(s, 1)) : -1;
    if (high < 0 || (high >= 0xdc00 && high <= 0xdfff))
        return 0;
    *ret = (uint32_t)high;
    if (high < 0xd800 || high > 0xdbff)
        return 5;
    int low = extproc_has_prefix(extproc_from(s, 5), EXTPROC_S("\\u"))
                  ? json_hex4(extproc_from(s, 7))
                  : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return 0;
    *ret = 0x10000 + (((uint32_t)high & 0x3ff) << 10) + ((uint32_t)low & 0x3ff);
    return 11;
}

/* With its quotes. */
static inline bool json_string(struct json_scan *s)
{
    uint32_t character;
    if (!json_takes(s, '"'))
        return false;
    while (s->at < s->len && s->text[s->at] != '"') {
        if ((unsigned char)s->text[s->at] < ' ')
            return false;
        if (s->text[s->at++] != '\\')
            continue;
        size_t n = json_escape((struct extproc_str){s->text + s->at, s->len - s->at}, &character);
        if (n == 0)
            return false;
        s->at += n;
    }
    return json_takes(s, '"');
}

/* As UTF-8. */
static inline size_t json_utf8(uint32_t c, char to[4])
{
    static const unsigned char firsts[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; c >>= 6)
        to[i] = (char)(0x80 | (c & 0x3f));
    to[0] = (char)(firsts[n] | c);
    return n;
}

/* What a valid string with its quotes means; `to` has room for as many bytes. Returns how many. */
static inline size_t json_decode(struct extproc_str s, char *to)
{
    size_t len = 0;
    for (size_t i = 1; i + 1 < s.len; i++) {
        uint32_t c = 0;
        if (s.ptr[i] != '\\') {
            to[len++] = s.ptr[i];
            continue;
        }
        i += json_escape(extproc_from(s, i + 1), &c);
        len += json_utf8(c, to + len);
    }
    return len;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* The rules of a set that go on with this name; list: it is an element's number. */
static inline json_set json_follow(const struct json_scan *s, json_set set, size_t depth,
                                   struct extproc_str name)
{
    json_set next = 0;
    for (size_t i = 0; set >> i && i < s->rules->n; i++) {
        const struct json_rule *rule = &s->rules->list[i];
        if (set & json_bit(i) && rule->n_segments > depth &&
            (json_is_star(rule->segments[depth]) || extproc_eq(rule->segments[depth], name)))
            next |= json_bit(i);
    }
    return next;
}

/* The rule that says what becomes of a value. NULL: it stays. */
static inline const struct json_rule *json_judge(const struct json_scan *s, json_set ending)
{
    const struct json_rule *strongest = NULL;
    for (size_t i = 0; ending >> i && i < s->rules->n; i++) {
        const struct json_rule *rule = &s->rules->list[i];
        if (ending & json_bit(i) && rule->verb != JSON_FIND &&
            (!strongest || rule->verb > strongest->verb))
            strongest = rule;
    }
    return strongest;
}

static inline json_set json_searches(const struct json_scan *s, json_set set)
{
    for (size_t i = 0; set >> i && i < s->rules->n; i++) {
        if (s->rules->list[i].verb != JSON_FIND)
            set &= ~json_bit(i);
    }
    return set;
}

static inline enum json_end json_value(struct json_scan *s, json_set set, size_t depth);

static inline enum json_end json_note(struct json_scan *s, json_set ending,
                                      struct extproc_str value)
{
    json_set fresh = json_searches(s, ending) & s->wanted;
    for (size_t i = 0; fresh >> i && i < s->rules->n; i++) {
        if (fresh & json_bit(i))
            s->found[i] = value;
    }
    s->wanted &= ~fresh;
    return fresh && !s->wanted && !s->edits ? JSON_STOPS : JSON_GOES_ON;
}

/* A member or an element, whose text begins at `begin`; *n of those before it stay. */
static inline enum json_end json_child(struct json_scan *s, json_set set, size_t depth,
                                       size_t begin, size_t *n)
{
    json_set ending = json_ending(s, set, depth);
    const struct json_rule *rule = json_judge(s, ending);
    bool removed = rule && rule->verb == JSON_REMOVE;
    /* With it goes the comma before it or, where none stays before it, the one after it. */
    if (removed && !json_copy(s, *n ? begin - 1 : begin, begin))
        return JSON_NO_MEMORY;
    json_blanks(s);
    size_t from = s->at;
    if (rule && !removed && !json_copy(s, from, from))
        return JSON_NO_MEMORY;
    enum json_end end = json_value(s, rule ? json_searches(s, set) : set, depth);
    if (end != JSON_GOES_ON)
        return end;
    if (rule && !removed) {
        s->copied = s->at;
        if (!json_put(s, rule->value))
            return JSON_NO_MEMORY;
    }
    end = json_note(s, ending, (struct extproc_str){s->text + from, s->at - from});
    json_blanks(s);
    if (removed)
        s->copied = s->at + (!*n && s->at < s->len && s->text[s->at] == ',');
    else
        ++*n;
    return end;
}

/* After a child: true, and *ret JSON_GOES_ON, where another one follows. */
static inline bool json_next(struct json_scan *s, char close, enum json_end *ret)
{
    if (*ret != JSON_GOES_ON || json_takes(s, close))
        return false;
    if (!json_takes(s, ','))
        *ret = JSON_INVALID;
    return *ret == JSON_GOES_ON;
}

static inline enum json_end json_list(struct json_scan *s, json_set set, size_t depth)
{
    enum json_end end = JSON_GOES_ON;
    char number[24];
    size_t i = 0, n = 0;
    s->at++;
    size_t begin = s->at;
    json_blanks(s);
    if (json_takes(s, ']'))
        return JSON_GOES_ON;
    do {
        struct extproc_str name = {number, 0};
        if (set)
            name.len = (size_t)snprintf(number, sizeof number, "%zu", i);
        end = json_child(s, json_follow(s, set, depth, name), depth + 1, begin, &n);
        begin = s->at + 1;
        i++;
    } while (json_next(s, ']', &end));
    return end;
}

/* The name of a member, and the rules that go on with it. */
static inline enum json_end json_name(struct json_scan *s, json_set set, size_t depth,
                                      json_set *ret)
{
    json_blanks(s);
    size_t from = s->at;
    if (!json_string(s))
        return JSON_INVALID;
    struct extproc_str raw = {s->text + from, s->at - from}, name;
    *ret = 0;
    if (set) {
        char *to = (char *)extproc_scratch(s->x, raw.len);
        if (!to)
            return JSON_NO_MEMORY;
        name = (struct extproc_str){to, json_decode(raw, to)};
        *ret = json_follow(s, set, depth, name);
    }
    json_blanks(s);
    return json_takes(s, ':') ? JSON_GOES_ON : JSON_INVALID;
}

static inline enum json_end json_object(struct json_scan *s, json_set set, size_t depth)
{
    enum json_end end = JSON_GOES_ON;
    size_t n = 0;
    json_set next = 0, missing = json_makeable(s, set, depth);
    s->at++;
    size_t begin = s->at;
    json_blanks(s);
    if (!json_takes(s, '}')) {
        do {
            end = json_name(s, set, depth, &next);
            missing &= ~next;
            if (end == JSON_GOES_ON)
                end = json_child(s, next, depth + 1, begin, &n);
            begin = s->at + 1;
        } while (json_next(s, '}', &end));
    }
    if (end == JSON_GOES_ON && missing &&
        (!json_copy(s, s->at - 1, s->at - 1) || !json_make(s, missing, depth, n)))
        return JSON_NO_MEMORY;
    return end;
}

/* set: the rules whose first `depth` names have led here. */
static inline enum json_end json_value(struct json_scan *s, json_set set, size_t depth)
{
    bool good = false;
    if (s->at == s->len)
        return JSON_INVALID;
    switch (s->text[s->at]) {
    case '{':
        return depth < JSON_DEPTH_MAX ? json_object(s, set, depth) : JSON_INVALID;
    case '[':
        return depth < JSON_DEPTH_MAX ? json_list(s, set, depth) : JSON_INVALID;
    case '"':
        good = json_string(s);
        break;
    case 't':
        good = json_literal(s, EXTPROC_S("true"));
        break;
    case 'f':
        good = json_literal(s, EXTPROC_S("false"));
        break;
    case 'n':
        good = json_literal(s, EXTPROC_S("null"));
        break;
    default:
        good = json_number(s);
        break;
    }
    return good ? JSON_GOES_ON : JSON_INVALID;
}

/* ---- a text ---------------------------------------------------------------------------------- */

/* Applies the rules. JSON_GOES_ON: all of it is JSON; JSON_STOPS: all that is searched was found
 * before its end. s->found is the caller's, with ptr NULL for each rule. */
static inline enum json_end json_run(struct json_scan *s)
{
    json_set all = 0;
    for (size_t i = 0; i < s->rules->n; i++) {
        all |= json_bit(i);
        s->edits = s->edits || s->rules->list[i].verb != JSON_FIND;
    }
    s->wanted = json_searches(s, all);
    json_blanks(s);
    enum json_end end = json_value(s, all, 0);
    if (end != JSON_GOES_ON)
        return end;
    json_blanks(s);
    if (s->at != s->len)
        return JSON_INVALID;
    return !s->changed || json_copy(s, s->len, s->len) ? JSON_GOES_ON : JSON_NO_MEMORY;
}

#endif
