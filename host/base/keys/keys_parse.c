/* keys_parse: one value of a key's type, read from its text.
 *
 * A number is read by us: strtol(3) takes spaces, signs, octal and hexadecimal, which are not
 * meant. What does not fit into the result is refused, never cut.
 */
#include "base/keys/keys.h"
#include "base/keys/keys_private.h"
#include "base/str.h"

#include <inttypes.h>
#include <string.h>

enum { REAL_DIGITS_MAX = 300 }; /* a double holds that many */

struct unit {
    const char *name;
    int64_t factor;
};

/* The smallest first. */
struct units {
    const struct unit *list;
    size_t n;
};
#define UNITS(list)                                                                                \
    {                                                                                              \
        list, sizeof(list) / sizeof *(list)                                                        \
    }

static const struct unit one[] = {{"", 1}};
static const struct unit times[] = {
    {"us", 1}, {"ms", 1000}, {"s", 1000000}, {"m", 60 * 1000000LL}, {"h", 3600 * 1000000LL}};
static const struct unit sizes[] = {{"", 1}, {"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}};

static struct units units_of(enum extproc_key_type type)
{
    static const struct units numbers = UNITS(one), durations = UNITS(times), bytes = UNITS(sizes);
    return type == EXTPROC_KEY_TYPE_DURATION ? durations
           : type == EXTPROC_KEY_TYPE_SIZE   ? bytes
                                             : numbers;
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* The digits that *s begins with, moved over; downwards for negative ones, whose range is larger.
 * False: none, or too many. */
static bool parse_digits(struct extproc_str *s, int sign, int64_t *ret)
{
    int64_t n = 0;
    size_t len = 0;
    for (; len < s->len && s->ptr[len] >= '0' && s->ptr[len] <= '9'; len++) {
        int64_t digit = sign * (s->ptr[len] - '0');
        if (__builtin_mul_overflow(n, (int64_t)10, &n) || __builtin_add_overflow(n, digit, &n))
            return false;
    }
    s->ptr += len;
    s->len -= len;
    *ret = n;
    return len > 0;
}

static bool parse_int(struct extproc_str text, int64_t *ret)
{
    bool negative = extproc_has_prefix(text, EXTPROC_S("-"));
    int64_t n;
    if (negative)
        text.ptr++, text.len--;
    if (!parse_digits(&text, negative ? -1 : 1, &n) || text.len > 0)
        return false;
    *ret = n;
    return true;
}

/* Digits and one of the units. */
static bool parse_quantity(struct extproc_str text, struct units units, int64_t *ret)
{
    int64_t n;
    if (!parse_digits(&text, 1, &n))
        return false;
    for (size_t i = 0; i < units.n; i++) {
        if (str_eq_c(text, units.list[i].name)) {
            bool fits = !__builtin_mul_overflow(n, units.list[i].factor, &n);
            if (fits)
                *ret = n;
            return fits;
        }
    }
    return false;
}

/* [-]DIGITS[.DIGITS], nothing else: strtod(3) takes hexadecimal, infinities and a locale's
 * comma. */
bool keys_parse_real(struct extproc_str text, double *ret)
{
    double n = 0, place = 1;
    bool negative = extproc_has_prefix(text, EXTPROC_S("-")), point = false;
    size_t digits = 0;
    for (size_t i = negative; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '.' && !point && digits > 0 && i + 1 < text.len) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9' || ++digits > REAL_DIGITS_MAX)
            return false;
        n = n * 10 + (c - '0');
        place *= point ? 10 : 1;
    }
    *ret = (negative ? -n : n) / place;
    return digits > 0;
}

static bool parse_float(struct extproc_str text, int64_t *ret)
{
    double real;
    *ret = 0;
    return keys_parse_real(text, &real);
}

static bool parse_duration(struct extproc_str text, int64_t *ret)
{
    if (str_eq_c(text, "0")) { /* is the same in every unit */
        *ret = 0;
        return true;
    }
    return parse_quantity(text, units_of(EXTPROC_KEY_TYPE_DURATION), ret);
}

/* ---- words ----------------------------------------------------------------------------------- */

static bool parse_bool(struct extproc_str text, int64_t *ret)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"yes", true},    {"no", false}, {"true", true},
                 {"false", false}, {"on", true},  {"off", false}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (str_eq_c(text, words[i].word)) {
            *ret = words[i].value;
            return true;
        }
    }
    return false;
}

static bool parse_choice(struct extproc_str text, const char *choices, int64_t *ret)
{
    int64_t place = 0;
    for (const char *at = choices; at; place++) {
        size_t len = strcspn(at, "|");
        if (extproc_eq(text, (struct extproc_str){at, len})) {
            *ret = place;
            return true;
        }
        at = at[len] ? at + len + 1 : NULL;
    }
    return false;
}

static bool parse_as(const struct extproc_key *key, struct extproc_str text, int64_t *ret)
{
    switch (key->type) {
    case EXTPROC_KEY_TYPE_STR:
        *ret = 0;
        return true;
    case EXTPROC_KEY_TYPE_PATH:
        *ret = 0;
        return text.len > 0;
    case EXTPROC_KEY_TYPE_FLOAT:
        return parse_float(text, ret);
    case EXTPROC_KEY_TYPE_INT:
        return parse_int(text, ret);
    case EXTPROC_KEY_TYPE_BOOL:
        return parse_bool(text, ret);
    case EXTPROC_KEY_TYPE_DURATION:
        return parse_duration(text, ret);
    case EXTPROC_KEY_TYPE_SIZE:
        return parse_quantity(text, units_of(EXTPROC_KEY_TYPE_SIZE), ret);
    case EXTPROC_KEY_TYPE_CHOICE:
        return parse_choice(text, key->choices, ret);
    }
    return false; /* the type comes from a plugin */
}

/* "one of a, b, c" */
static const char *choices_text(const char *choices, struct arena *arena)
{
    const char *text = arena_format(arena, "one of").ptr;
    for (const char *at = choices; at && text;) {
        size_t len = strcspn(at, "|");
        text = arena_format(arena, "%s%s %.*s", text, at == choices ? "" : ",", (int)len, at).ptr;
        at = at[len] ? at + len + 1 : NULL;
    }
    return text ? text : "out of memory";
}

static const char *right_for(const struct extproc_key *key, struct arena *arena)
{
    switch (key->type) {
    case EXTPROC_KEY_TYPE_STR:
        return "text";
    case EXTPROC_KEY_TYPE_PATH:
        return "a path";
    case EXTPROC_KEY_TYPE_FLOAT:
        return "a number such as 2 or 0.5";
    case EXTPROC_KEY_TYPE_INT:
        return "an integer";
    case EXTPROC_KEY_TYPE_BOOL:
        return "yes, no, true, false, on or off";
    case EXTPROC_KEY_TYPE_DURATION:
        return "a duration such as 150us, 20ms, 2s, 5m or 1h";
    case EXTPROC_KEY_TYPE_SIZE:
        return "a size such as 4096, 64k, 16m or 1g";
    case EXTPROC_KEY_TYPE_CHOICE:
        return key->choices ? choices_text(key->choices, arena) : "a choice";
    }
    return "a type that this version knows";
}

/* A number with one of the units: what is wrong with it is its size. */
static bool is_too_large(const struct extproc_key *key, struct extproc_str text)
{
    struct units units = units_of(key->type);
    size_t len = 0;
    if (key->type != EXTPROC_KEY_TYPE_INT && key->type != EXTPROC_KEY_TYPE_DURATION &&
        key->type != EXTPROC_KEY_TYPE_SIZE)
        return false;
    while (len < text.len && text.ptr[len] >= '0' && text.ptr[len] <= '9')
        len++;
    for (size_t i = 0; len > 0 && i < units.n; i++)
        if (str_eq_c((struct extproc_str){text.ptr + len, text.len - len}, units.list[i].name))
            return true;
    return false;
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* Is a value before a limit, as the key's type orders them? */
static bool is_below(const struct extproc_key *key, struct extproc_str a, struct extproc_str b)
{
    int64_t n = 0, m = 0;
    double x = 0, y = 0;
    if (key->type == EXTPROC_KEY_TYPE_FLOAT)
        return keys_parse_real(a, &x) && keys_parse_real(b, &y) && x < y;
    return parse_as(key, a, &n) && parse_as(key, b, &m) && n < m;
}

bool keys_within_limits(const struct extproc_key *key, struct extproc_str text)
{
    return !(key->min && is_below(key, text, extproc_str_of(key->min))) &&
           !(key->max && is_below(key, extproc_str_of(key->max), text));
}

static const char *limits_text(const struct extproc_key *key, struct arena *arena)
{
    const char *text = key->min && key->max
                           ? arena_format(arena, "%s to %s", key->min, key->max).ptr
                       : key->min ? arena_format(arena, "%s or more", key->min).ptr
                                  : arena_format(arena, "at most %s", key->max).ptr;
    return text ? text : "out of memory";
}

/* For a number that does not fit into the type. */
static const char *most_text(const struct extproc_key *key, struct arena *arena)
{
    struct units units = units_of(key->type);
    const struct unit *largest = &units.list[units.n - 1];
    if (key->max)
        return limits_text(key, arena);
    const char *text =
        arena_format(arena, "at most %" PRId64 "%s", INT64_MAX / largest->factor, largest->name)
            .ptr;
    return text ? text : "out of memory";
}

bool keys_parse(const struct extproc_key *key, struct extproc_str text, struct arena *arena,
                int64_t *ret_number, const char **ret_why)
{
    int64_t n;
    if (!parse_as(key, text, &n)) {
        *ret_why = is_too_large(key, text) ? most_text(key, arena) : right_for(key, arena);
        return false;
    }
    if (!keys_within_limits(key, text)) {
        *ret_why = limits_text(key, arena);
        return false;
    }
    *ret_number = n;
    return true;
}
