/* api_comfort: memory, texts and log lines, which a plugin could do itself with more words. */
#include "base/str.h"
#include "plugin/api/api_txn.h"
#include "plugin/handle.h"
#include "plugin/template.h"

void *api_alloc(struct extproc_txn *x, size_t size)
{
    return arena_zalloc(handle_of(x)->txn->arena, size);
}

void *api_scratch(struct extproc_txn *x, size_t size)
{
    return arena_alloc(handle_scratch(handle_of(x)), size);
}

EXTPROC_PRINTF(2, 0)
struct extproc_str api_vformat(struct extproc_txn *x, const char *fmt, va_list ap)
{
    return fmt ? arena_vformat(handle_scratch(handle_of(x)), fmt, ap) : STR_ABSENT;
}

struct extproc_str api_expand(struct extproc_txn *x, const struct extproc_template *t)
{
    struct extproc_str text = STR_ABSENT;
    if (t)
        template_expand(t, x, handle_scratch(handle_of(x)), &text);
    return text;
}

EXTPROC_PRINTF(4, 0)
void api_vlog(struct extproc_instance *h, struct extproc_txn *x, enum extproc_level level,
              const char *fmt, va_list ap)
{
    const struct instance *instance = (const struct instance *)h;
    struct log_context context = {.plugin = instance->name};
    if (!fmt)
        return;
    if ((unsigned)level > EXTPROC_LEVEL_ERROR)
        level = EXTPROC_LEVEL_ERROR;
    if (x)
        handle_vlog(handle_of(x), level, fmt, ap);
    else
        log_vline(instance->env->log, level, &context, fmt, ap);
}
