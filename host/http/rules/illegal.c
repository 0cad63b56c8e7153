/* illegal: what is wrong with a header that HTTP does not allow.
 *
 * The rules (rules.h) only decide whether something is invalid. This finds out afterwards what
 * is invalid, so that the hot path carries no texts.
 */
#include "http/rules/illegal.h"

#include "base/str.h"
#include "http/rules/rules.h"

#include <stdio.h>
#include <string.h>

static void say_byte(const char *what, char c, char ret_why[static ILLEGAL_WHY])
{
    const char *name = c == ' '                 ? "a space"
                       : c == '\t'              ? "a tab"
                       : c == '\n' || c == '\r' ? "a line break"
                       : c == '\0'              ? "a NUL"
                                                : NULL;
    if (name)
        snprintf(ret_why, ILLEGAL_WHY, "invalid header %s: contains %s", what, name);
    else if (c > ' ' && c < 0x7f)
        snprintf(ret_why, ILLEGAL_WHY, "invalid header %s: contains '%c'", what, c);
    else
        snprintf(ret_why, ILLEGAL_WHY, "invalid header %s: contains the byte 0x%02x", what,
                 (unsigned char)c);
}

static void name_why(struct extproc_str name, char ret_why[static ILLEGAL_WHY])
{
    size_t i = name.len > 0 && name.ptr[0] == ':';
    for (size_t at = i; at < name.len; at++) {
        if (!rules_name_valid((struct extproc_str){name.ptr + at, 1}) || name.ptr[at] == ':') {
            say_byte("name", name.ptr[at], ret_why);
            return;
        }
    }
    snprintf(ret_why, ILLEGAL_WHY, "invalid header name: empty");
}

/* NULL: any value that HTTP allows. */
static const char *expected_of(struct extproc_str name)
{
    static const char host[] = "a host, with a port or without";
    static const struct {
        struct extproc_str name;
        const char *expected;
    } known[] = {
        {EXTPROC_STR(":path"), "/ or *, printable ASCII, without blanks and #"},
        {EXTPROC_STR(":status"), "200 to 599"},
        {EXTPROC_STR(":method"), "letters such as GET"},
        {EXTPROC_STR(":scheme"), "http or https"},
        {EXTPROC_STR(":authority"), host},
        {EXTPROC_STR("host"), host},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (extproc_eq_nocase(name, known[i].name))
            return known[i].expected;
    }
    return NULL;
}

static void value_why(struct extproc_str name, struct extproc_str value,
                      char ret_why[static ILLEGAL_WHY])
{
    for (size_t i = 0; i < value.len; i++) {
        if (!str_is_blank(value.ptr[i]) &&
            !rules_value_valid((struct extproc_str){value.ptr + i, 1})) {
            say_byte("value", value.ptr[i], ret_why);
            return;
        }
    }
    const char *expected = expected_of(name);
    if (value.len > 0 && (str_is_blank(value.ptr[0]) || str_is_blank(value.ptr[value.len - 1])))
        snprintf(ret_why, ILLEGAL_WHY, "invalid header value: begins or ends with a blank");
    else if (expected)
        snprintf(ret_why, ILLEGAL_WHY, "invalid value: expected %s", expected);
    else
        snprintf(ret_why, ILLEGAL_WHY, "invalid header value");
}

void illegal_header(struct extproc_str name, struct extproc_str value,
                    char ret_why[static ILLEGAL_WHY])
{
    if (!name.ptr)
        snprintf(ret_why, ILLEGAL_WHY, "invalid header name: absent");
    else if (!rules_name_valid(name))
        name_why(name, ret_why);
    else if (!value.ptr)
        snprintf(ret_why, ILLEGAL_WHY, "invalid header value: absent");
    else
        value_why(name, value, ret_why);
}
