/* loader_attempt: why a file was refused, in one line that begins with its path. */
#include "plugin/load/loader_private.h"

#include <errno.h>

int attempt_refuse(struct attempt *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct extproc_str text = arena_vformat(a->arena, fmt, ap);
    va_end(ap);
    if (text.ptr)
        text = arena_format(a->arena, "%s: %s", a->path, text.ptr);
    if (!text.ptr)
        return -ENOMEM;
    a->why = text.ptr;
    return -ENOEXEC;
}
