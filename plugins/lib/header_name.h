/* header_name: a key that names a header to look at. */
#ifndef EXTPROC_LIB_HEADER_NAME_H
#define EXTPROC_LIB_HEADER_NAME_H

#include <extproc/plugin.h>

/* The i-th value of a key. -EINVAL: it is not a name, which was reported. */
static inline int header_name_read(struct extproc_instance *instance, const char *key, size_t i,
                                   struct extproc_str *ret)
{
    struct extproc_str name = extproc_conf(instance, key, i), none = {NULL, 0};
    int r = extproc_check_edit(instance, EXTPROC_MAP_REQUEST, EXTPROC_EDIT_REMOVE, name, none);
    if (r == -EINVAL) /* a name that may not be edited is one nevertheless */
        return extproc_conf_refuse(instance, key, i, "invalid header name \"%.*s\"",
                                   EXTPROC_ARG(name));
    *ret = name;
    return 0;
}

#endif
