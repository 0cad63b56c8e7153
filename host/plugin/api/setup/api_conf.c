/* api_conf: the functions of the SDK table that take an instance.
 *
 * What belongs into init() looks at instance->errors, which is set only while init() runs; all else
 * reads what no longer changes, so any thread may call it.
 */
#include "plugin/api/setup/api_conf.h"

#include "base/str.h"
#include "plugin/instance.h"
#include "plugin/routine.h"
#include "plugin/template/template.h"

#include <errno.h>
#include <string.h>

/* What a plugin's struct extproc_metric is the head of. */
struct instance_metric {
    struct extproc_metric head;
    struct metric *metric; /* NULL: nothing counts */
};

static struct instance *instance_of(struct extproc_instance *instance)
{
    return (struct instance *)instance; /* `pub` is its first member */
}

/* ---- values ---------------------------------------------------------------------------------- */

/* A key that was reported as not declared. */
struct undeclared {
    struct undeclared *next;
    char key[];
};

/* Is it the first time? Also where there is no memory to know it. */
static bool note_undeclared(struct instance *in, const char *key)
{
    for (const struct undeclared *u = in->undeclared; u; u = u->next) {
        if (strcmp(u->key, key) == 0)
            return false;
    }
    size_t size = strlen(key) + 1;
    struct undeclared *u = arena_alloc(&in->arena, sizeof *u + size);
    if (u) {
        memcpy(u->key, key, size);
        u->next = in->undeclared;
        in->undeclared = u;
    }
    return true;
}

/* In init() it is an error of the plugin, which its author is shown once for each key. */
static void say_undeclared(struct instance *in, const char *key)
{
    if (!in->errors || !note_undeclared(in, key))
        return;
    config_say(in->errors, CONFIG_ERROR, in->section, NULL,
               "plugin \"%s\" reads the key \"%s\", which its table does not declare (correct it "
               "in the plugin)",
               in->plugin->name, key);
}

static const struct keys_slot *slot_find(struct extproc_instance *instance, const char *key)
{
    struct instance *in = instance_of(instance);
    const struct keys_slot *slot = key ? keys_find(&in->keys, key) : NULL;
    if (key && !slot)
        say_undeclared(in, key);
    return slot;
}

static const struct keys_value *value_find(struct extproc_instance *instance, const char *key,
                                           size_t i)
{
    const struct keys_slot *slot = slot_find(instance, key);
    return slot && i < slot->n_values ? &slot->values[i] : NULL;
}

size_t api_conf_count(struct extproc_instance *instance, const char *key)
{
    const struct keys_slot *slot = slot_find(instance, key);
    return slot ? slot->n_values : 0;
}

struct extproc_str api_conf_str(struct extproc_instance *instance, const char *key, size_t i)
{
    const struct keys_value *value = value_find(instance, key, i);
    return value ? value->text : STR_ABSENT;
}

int64_t api_conf_int(struct extproc_instance *instance, const char *key, size_t i)
{
    const struct keys_value *value = value_find(instance, key, i);
    return value ? value->number : 0;
}

double api_conf_float(struct extproc_instance *instance, const char *key, size_t i)
{
    const struct keys_value *value = value_find(instance, key, i);
    return value ? value->real : 0;
}

/* ---- in init() ------------------------------------------------------------------------------- */

int instance_refuse(struct instance *in, const char *call, struct extproc_str subject, int r,
                    const char *why)
{
    if (in->errors)
        refusal_of_call(&in->refused, in->section, call, subject, why);
    return r;
}

/* A value without a line (a fallback, or none at all) is reported at the section's line. */
EXTPROC_PRINTF(5, 0)
static void say_of_value(struct instance *in, enum config_severity severity, const char *key,
                         size_t i, const char *fmt, va_list ap)
{
    const struct keys_value *value = value_find(&in->pub, key, i);
    const struct config_entry none = {
        .key = key, .file = in->section->file, .line = in->section->line};
    config_vsay(in->errors, severity, in->section, value && value->entry ? value->entry : &none,
                fmt, ap);
}

void instance_warn(struct instance *in, const char *key, size_t i, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say_of_value(in, CONFIG_WARNING, key, i, fmt, ap);
    va_end(ap);
}

int api_conf_vrefuse(struct extproc_instance *instance, const char *key, size_t i, const char *fmt,
                     va_list ap)
{
    struct instance *in = instance_of(instance);
    if (!in->errors)
        return -EOPNOTSUPP;
    if (key && fmt)
        say_of_value(in, CONFIG_ERROR, key, i, fmt, ap);
    return -EINVAL;
}

int api_conf_refuse(struct extproc_instance *instance, const char *key, size_t i,
                    struct extproc_str why)
{
    return extproc_conf_refuse(instance, key, i, "%.*s", EXTPROC_ARG(why));
}

static const char not_a_phase[] = "a bit that is not a phase";
static const char no_callback[] = "the plugin has no callback for this phase";

int api_interest(struct extproc_instance *instance, uint32_t phases)
{
    struct instance *in = instance_of(instance);
    if (!in->errors)
        return -EOPNOTSUPP;
    if (phases >> N_PHASES)
        return instance_refuse(in, "extproc_interest", STR_ABSENT, -EINVAL, not_a_phase);
    for (enum phase phase = 0; phase < N_PHASES; phase++) {
        if (phases & phase_bit(phase) && !in->on[phase])
            return instance_refuse(in, "extproc_interest", extproc_str_of(phase_name(phase)),
                                   -EINVAL, no_callback);
    }
    in->interest = phases;
    return 0;
}

static int fallback_refuse(struct instance *in, const char *phase, const char *why)
{
    return instance_refuse(in, "extproc_fallback", extproc_str_of(phase), -EINVAL, why);
}

int api_fallback(struct extproc_instance *instance, uint32_t phases, uint32_t effects)
{
    struct instance *in = instance_of(instance);
    if (!in->errors)
        return -EOPNOTSUPP;
    if (phases >> N_PHASES)
        return fallback_refuse(in, NULL, not_a_phase);
    if (effects & ~(uint32_t)(EXTPROC_FALLBACK_RESPONDS | EXTPROC_FALLBACK_SETS_BODY))
        return fallback_refuse(in, NULL, "an unknown bit of effects");
    for (enum phase phase = 0; phase < N_PHASES; phase++) {
        if (!(phases & phase_bit(phase)))
            continue;
        if (!in->on[phase])
            return fallback_refuse(in, phase_name(phase), no_callback);
        if (phase_part(phase) == PART_HEADERS)
            return fallback_refuse(in, phase_name(phase), "a headers phase");
        if (in->interest & phase_bit(phase))
            return fallback_refuse(in, phase_name(phase),
                                   "the instance takes part in this phase anyway (call "
                                   "extproc_interest() first)");
    }
    in->fallback = phases;
    in->effects = effects;
    return 0;
}

struct extproc_template *api_conf_template(struct extproc_instance *instance, const char *key,
                                           size_t i, struct extproc_str text)
{
    struct instance *in = instance_of(instance);
    if (!in->errors || !key)
        return NULL;
    if (!text.ptr)
        text = api_conf_str(instance, key, i);

    struct extproc_template *template;
    const char *why = "out of memory";
    if (text.ptr && template_compile(text, in->env->maps, &in->arena, &template, &why) == 0 &&
        template_wants(template, &in->wants, &in->arena) == 0) {
        in->reads |= template_reads(template);
        return template;
    }
    extproc_conf_refuse(instance, key, i, "%s", text.ptr ? why : "missing value");
    return NULL;
}

static int want(struct instance *in, const char *call, enum want_kind kind, struct extproc_str name)
{
    int r = wants_add(&in->wants, &in->arena, kind, name);
    const char *why = r == -EINVAL ? "the name is empty or not UTF-8" : extproc_strerror(r);
    return r < 0 ? instance_refuse(in, call, name, r, why) : 0;
}

int api_want_attribute(struct extproc_instance *instance, struct extproc_str name)
{
    struct instance *in = instance_of(instance);
    return in->errors ? want(in, "extproc_want_attribute", WANT_ATTRIBUTE, name) : -EOPNOTSUPP;
}

int api_want_metadata(struct extproc_instance *instance, struct extproc_str ns, uint32_t access)
{
    static const char call[] = "extproc_want_metadata";
    struct instance *in = instance_of(instance);
    if (!in->errors)
        return -EOPNOTSUPP;
    if (access == 0 || access & ~(EXTPROC_METADATA_READ | EXTPROC_METADATA_WRITE))
        return instance_refuse(in, call, ns, -EINVAL,
                               "expected EXTPROC_METADATA_READ, EXTPROC_METADATA_WRITE");
    int r = access & EXTPROC_METADATA_READ ? want(in, call, WANT_METADATA, ns) : 0;
    if (r == 0 && access & EXTPROC_METADATA_WRITE)
        r = want(in, call, WANT_METADATA_WRITE, ns);
    return r;
}

int api_every(struct extproc_instance *instance, uint32_t ms, void (*fn)(struct extproc_instance *))
{
    struct instance *in = instance_of(instance);
    if (!in->errors)
        return -EOPNOTSUPP;
    if (!ms || !fn)
        return instance_refuse(in, "extproc_every", STR_ABSENT, -EINVAL,
                               ms ? "no function" : "expected at least 1 ms");
    int r = routine_add(in, ms, fn);
    return r < 0 ? instance_refuse(in, "extproc_every", STR_ABSENT, r, extproc_strerror(r)) : 0;
}

void *api_instance_alloc(struct extproc_instance *instance, size_t size)
{
    struct instance *in = instance_of(instance);
    void *memory = in->errors ? arena_zalloc(&in->arena, size) : NULL;
    if (!memory)
        instance_refuse(in, "extproc_instance_alloc", STR_ABSENT, -ENOMEM,
                        extproc_strerror(-ENOMEM));
    return memory;
}

struct extproc_metric *api_metric(struct extproc_instance *instance, bool histogram,
                                  const char *name, const char *help)
{
    struct instance *in = instance_of(instance);
    if (!in->errors)
        return NULL;
    if (!name || !metric_is_name(name)) {
        instance_refuse(in, histogram ? "extproc_histogram" : "extproc_counter",
                        extproc_str_of(name), -EINVAL, "invalid name: expected [a-z][a-z0-9_]*");
        return NULL;
    }

    struct instance_metric *m = arena_alloc(&in->arena, sizeof *m);
    if (!m)
        return NULL;
    *m = (struct instance_metric){.head.api = instance->api};
    if (!in->env->metrics)
        return &m->head;
    m->metric = metrics_define(
        in->env->metrics,
        &(struct metric_definition){.name = name,
                                    .help = help,
                                    .kind = histogram ? METRIC_HISTOGRAM : METRIC_COUNTER,
                                    .own = true,
                                    .labels = {[METRIC_PLUGIN] = in->name}});
    return m->metric ? &m->head : NULL;
}

/* ---- from any thread ------------------------------------------------------------------------- */

void api_metric_add(struct extproc_metric *m, uint64_t n)
{
    struct metric *metric = ((struct instance_metric *)m)->metric;
    if (metric)
        metric_add(metric, n);
}
