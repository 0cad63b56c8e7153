/* syntax: what HTTP allows in a header (RFC 9110, section 5), for texts that are to become one
 * later: a mistake in a configuration is told at the start, one in a message before anything is
 * done. */
#ifndef EXTPROC_LIB_SYNTAX_H
#define EXTPROC_LIB_SYNTAX_H

#include <extproc/plugin.h>

/* A token, also with a colon in front: a pseudo header. */
static inline bool header_name_valid(struct extproc_str name)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    size_t begin = name.len > 1 && name.ptr[0] == ':' ? 1 : 0;

    for (size_t i = begin; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool digit = c >= '0' && c <= '9';
        if (!letter && !digit && !memchr(marks, c, sizeof marks - 1))
            return false;
    }
    return name.len > 0;
}

/* No control characters but tabs. */
static inline bool header_value_valid(struct extproc_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* The i-th value of a key that takes the name of a header. -EINVAL: it is none, and the operator
 * has been told. */
static inline int header_name_read(struct extproc_host *h, const char *key, size_t i,
                                   struct extproc_str *ret)
{
    struct extproc_str name = extproc_conf(h, key, i);

    if (!header_name_valid(name))
        return extproc_conf_refuse(h, key, i, EXTPROC_S("is not the name of a header"));
    *ret = name;
    return 0;
}

#endif
