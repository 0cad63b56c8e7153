/* role: the headers of a request and of a response that every one of them has. */
#include "http/rules/role.h"

#include "base/str.h"
#include "http/message/names.h"

#include <string.h>

/* ---- names ----------------------------------------------------------------------------------- */

bool role_is_host(struct extproc_str name)
{
    return name_equal(name, EXTPROC_S("host"));
}

static enum role role_in_request(struct extproc_str name)
{
    static const struct {
        struct extproc_str name;
        enum role role;
    } known[] = {
        {EXTPROC_STR(":path"), ROLE_PATH},           {EXTPROC_STR(":method"), ROLE_METHOD},
        {EXTPROC_STR(":authority"), ROLE_AUTHORITY}, {EXTPROC_STR("host"), ROLE_AUTHORITY},
        {EXTPROC_STR(":scheme"), ROLE_SCHEME},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (name_equal(name, known[i].name))
            return known[i].role;
    }
    return ROLE_FOREIGN;
}

enum role role_of(enum extproc_map map, struct extproc_str name)
{
    bool host = role_is_host(name);
    if (!host && !(name.len > 0 && name.ptr[0] == ':'))
        return ROLE_ORDINARY;
    switch (map) {
    case EXTPROC_MAP_REQUEST:
        return role_in_request(name);
    case EXTPROC_MAP_RESPONSE:
        if (name_equal(name, EXTPROC_S(":status")))
            return ROLE_STATUS;
        return host ? ROLE_ORDINARY : ROLE_FOREIGN;
    case EXTPROC_MAP_IMMEDIATE_RESPONSE:
        return host ? ROLE_ORDINARY : ROLE_FOREIGN;
    case EXTPROC_MAP_REQUEST_TRAILERS:
    case EXTPROC_MAP_RESPONSE_TRAILERS:
        break;
    }
    return ROLE_FOREIGN;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* A fragment stays with the client (RFC 9110, 7.1), other bytes are encoded. */
static bool is_of_path(struct extproc_str part)
{
    for (size_t i = 0; i < part.len; i++) {
        if (part.ptr[i] <= ' ' || part.ptr[i] > '~' || part.ptr[i] == '#')
            return false;
    }
    return true;
}

static bool is_path(struct extproc_str value)
{
    return extproc_eq(value, EXTPROC_S("*")) ||
           (extproc_has_prefix(value, EXTPROC_S("/")) && is_of_path(value));
}

static bool is_final_status(struct extproc_str value)
{
    if (value.len != 3 || value.ptr[0] < '2' || value.ptr[0] > '5')
        return false;
    return value.ptr[1] >= '0' && value.ptr[1] <= '9' && value.ptr[2] >= '0' && value.ptr[2] <= '9';
}

static bool is_scheme(struct extproc_str value)
{
    return extproc_eq(value, EXTPROC_S("http")) || extproc_eq(value, EXTPROC_S("https"));
}

static bool has_only(struct extproc_str s, const char *others)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = extproc_lower(s.ptr[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && (!c || !strchr(others, c)))
            return false;
    }
    return true;
}

static bool is_digits(struct extproc_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    }
    return true;
}

static bool is_port(struct extproc_str s)
{
    return s.len > 0 && s.len <= 5 && is_digits(s);
}

/* Beside letters and digits, in the name of a host. */
#define OF_NAME "-._~%!$&'()*+,;="

/* A host, with a port or without (RFC 3986, 3.2); user information has no place in HTTP (RFC 9113,
 * 8.3.1). */
static bool is_authority(struct extproc_str value)
{
    const char *end = value.ptr + value.len;
    const char *after = memchr(value.ptr, ':', value.len);
    struct extproc_str host = value;
    if (extproc_has_prefix(value, EXTPROC_S("["))) {
        const char *close = memchr(value.ptr, ']', value.len);
        if (!close)
            return false;
        host = (struct extproc_str){value.ptr + 1, (size_t)(close - value.ptr) - 1};
        after = close + 1 < end ? close + 1 : NULL;
    } else if (after) {
        host.len = (size_t)(after - value.ptr);
    }
    if (after &&
        (*after != ':' || !is_port((struct extproc_str){after + 1, (size_t)(end - after) - 1})))
        return false;
    return host.len > 0 && has_only(host, host.ptr > value.ptr ? ":." : OF_NAME);
}

bool role_takes(enum role role, struct extproc_str value)
{
    switch (role) {
    case ROLE_METHOD:
        return str_is_token(value);
    case ROLE_SCHEME:
        return is_scheme(value);
    case ROLE_AUTHORITY:
        return is_authority(value);
    case ROLE_PATH:
        return is_path(value);
    case ROLE_STATUS:
        return is_final_status(value);
    case ROLE_ORDINARY:
    case ROLE_FOREIGN:
        break;
    }
    return true;
}

bool role_takes_part(enum role role, struct extproc_str part, bool begins)
{
    if (part.len == 0)
        return true;
    switch (role) {
    case ROLE_METHOD:
        return str_is_token(part);
    case ROLE_SCHEME:
        return begins ? extproc_has_prefix(EXTPROC_S("https"), part)
                      : extproc_find(EXTPROC_S("https"), part).ptr != NULL;
    case ROLE_AUTHORITY:
        return has_only(part, "[]:" OF_NAME);
    case ROLE_PATH:
        return is_of_path(part) && (!begins || *part.ptr == '/' || *part.ptr == '*');
    case ROLE_STATUS:
        return part.len <= 3 && is_digits(part);
    case ROLE_ORDINARY:
    case ROLE_FOREIGN:
        break;
    }
    return true;
}
