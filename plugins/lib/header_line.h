/* header_line: a configured "name: value", whose value is a template. For plugins that take
 * several. */
#ifndef EXTPROC_LIB_HEADER_LINE_H
#define EXTPROC_LIB_HEADER_LINE_H

#include <extproc/text.h>

struct header_line {
    struct extproc_str name; /* the configuration's: lives as long as the instance */
    struct extproc_template *value;
};

/* The text before and after the colon, without the space around it. A colon at the beginning
 * belongs to the name. False: there is no colon. */
static inline bool header_line_split(struct extproc_str text, struct extproc_str *ret_name,
                                     struct extproc_str *ret_value)
{
    const char *colon = text.len ? (const char *)memchr(text.ptr + 1, ':', text.len - 1) : NULL;
    if (!colon)
        return false;
    *ret_name = extproc_trim(extproc_first(text, (size_t)(colon - text.ptr)));
    *ret_value = extproc_trim(extproc_from(text, (size_t)(colon - text.ptr) + 1));
    return true;
}

/* The i-th value of a key, for this edit. -EINVAL: it has another form, or the proxy would ignore
 * the header, which was reported. */
static inline int header_line_read(struct extproc_instance *instance, const char *key, size_t i,
                                   enum extproc_map map, enum extproc_edit op,
                                   struct header_line *ret)
{
    struct extproc_str value;
    struct header_line line;
    if (!header_line_split(extproc_conf(instance, key, i), &line.name, &value))
        return extproc_conf_refuse(instance, key, i, "missing colon: expected NAME: VALUE");
    if (extproc_conf_edit(instance, key, i, map, op, line.name, value) < 0)
        return -EINVAL;
    line.value = extproc_conf_template_part(instance, key, i, value);
    if (!line.value)
        return -EINVAL;
    *ret = line;
    return 0;
}

#endif
