/* api_comfort: memory, texts and log lines, which a plugin could do itself with more words. */
#include "base/str.h"
#include "plugin/api/txn/api_txn.h"
#include "plugin/run/handle.h"
#include "plugin/template/template.h"

#include <errno.h>

void *api_alloc(struct extproc_txn *x, size_t size)
{
    void *p = arena_zalloc(handle_of(x)->txn->arena, size);
    if (!p)
        handle_refuse(handle_of(x), "extproc_alloc", STR_ABSENT, -ENOMEM);
    return p;
}

void *api_scratch(struct extproc_txn *x, size_t size)
{
    void *p = arena_alloc(handle_scratch(handle_of(x)), size);
    if (!p)
        handle_refuse(handle_of(x), "extproc_scratch", STR_ABSENT, -ENOMEM);
    return p;
}

EXTPROC_PRINTF(2, 0)
struct extproc_str api_vformat(struct extproc_txn *x, const char *fmt, va_list ap)
{
    struct extproc_str text =
        fmt ? arena_vformat(handle_scratch(handle_of(x)), fmt, ap) : STR_ABSENT;
    if (!text.ptr)
        handle_refuse(handle_of(x), "extproc_format", STR_ABSENT, fmt ? -ENOMEM : -EINVAL);
    return text;
}

struct extproc_str api_expand(struct extproc_txn *x, const struct extproc_template *t)
{
    struct extproc_str text = STR_ABSENT;
    int r = t ? template_expand(t, x, handle_scratch(handle_of(x)), &text) : -EINVAL;
    if (r < 0)
        handle_refuse(handle_of(x), "extproc_expand", STR_ABSENT, r);
    return text;
}

static enum extproc_level known(enum extproc_level level)
{
    return (unsigned)level > EXTPROC_LEVEL_ERROR ? EXTPROC_LEVEL_ERROR : level;
}

EXTPROC_PRINTF(4, 0)
void api_vlog(struct extproc_instance *instance, struct extproc_txn *x, enum extproc_level level,
              const char *fmt, va_list ap)
{
    const struct instance *in = (const struct instance *)instance;
    struct log_context context = {.plugin = in->name};
    if (!fmt)
        return;
    if (x)
        handle_vlog(handle_of(x), known(level), fmt, ap);
    else
        log_vline(in->env->log, known(level), &context, fmt, ap);
}

void api_log(struct extproc_instance *instance, struct extproc_txn *x, enum extproc_level level,
             struct extproc_str key, struct extproc_str text)
{
    const struct instance *in = (const struct instance *)instance;
    struct log_context context = {.plugin = in->name};
    if (x)
        handle_log_text(handle_of(x), known(level), key, text);
    else
        log_text(in->env->log, known(level), &context, key, text);
}
