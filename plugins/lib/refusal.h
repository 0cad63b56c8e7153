/* refusal: errors in words: those of the SDK's edits for the log, those of the system for the
 * operator. */
#ifndef EXTPROC_LIB_REFUSAL_H
#define EXTPROC_LIB_REFUSAL_H

#include <extproc/plugin.h>

#include <errno.h>

/* What extproc_edit(), extproc_body_set() and the like mean by an error. */
static inline const char *edit_refusal(int r)
{
    switch (r) {
    case -EINVAL:
        return "HTTP does not allow it";
    case -EPERM:
        return "the proxy would ignore it";
    case -EOPNOTSUPP:
        return "it cannot be changed here";
    case -ENOSPC:
        return "it is more than the proxy takes";
    default:
        return strerror(-r);
    }
}

/* In init(): the file that a key names cannot be had; errno says why. */
static inline int refuse_file(struct extproc_host *h, const char *key)
{
    const char *why = strerror(errno);
    struct extproc_str text = {why, strlen(why)};

    return extproc_conf_refuse(h, key, 0, text);
}

#endif
