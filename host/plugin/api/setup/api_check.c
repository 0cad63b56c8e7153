/* api_check: edits that a configuration asks for, judged before there is a message.
 *
 * A section may serve the proxies of several listeners, which need not all take an edit: what none
 * of them takes is an error, what some do not is a warning that names those.
 */
#include "base/str.h"
#include "http/rules/role.h"
#include "plugin/api/setup/api_conf.h"
#include "plugin/api/setup/refused.h"
#include "plugin/instance.h"
#include "plugin/template/template.h"

#include <errno.h>
#include <string.h>

struct asked {
    struct rules_context context;
    enum extproc_edit op;
    struct extproc_str name, value;          /* value absent: not known yet         */
    struct extproc_str text;                 /* of a key, which may be a template   */
    const struct extproc_template *template; /* NULL: the text is the value    */
};

/* What a phase rules out, and what is there to be edited, is not known yet. To an immediate
 * response headers are appended, whatever was asked. */
static struct asked asked_of(enum extproc_map map, enum extproc_edit op, struct extproc_str name,
                             struct extproc_str value)
{
    if (map == EXTPROC_MAP_IMMEDIATE_RESPONSE && (unsigned)op <= EXTPROC_EDIT_REMOVE)
        op = EXTPROC_EDIT_APPEND;
    return (struct asked){
        .context = {.map = map, .replacing = true}, .op = op, .name = name, .value = value};
}

static size_t count_proxies(const struct instance *in)
{
    return in->env->n_rules > 0 ? in->env->n_rules : 1;
}

static const struct rules *rules_at(const struct instance *in, size_t i)
{
    return in->env->n_rules > 0 ? in->env->rules[i] : &rules_of_http;
}

/* Of a value that is not known yet: may what is known of it be a part of a valid one? */
static bool parts_valid(const struct asked *a)
{
    enum role role = role_of(a->context.map, a->name);
    struct extproc_str part;
    for (size_t i = 0; a->template && template_part_at(a->template, i, &part); i++) {
        if (part.ptr && !role_takes_part(role, part, i == 0))
            return false;
    }
    return rules_value_valid(a->text);
}

static int ask(const struct rules *rules, const struct asked *a)
{
    if ((unsigned)a->context.map > EXTPROC_MAP_IMMEDIATE_RESPONSE || !a->name.ptr)
        return -EINVAL;
    int r = rules_could_edit(rules, &a->context, a->op, a->name, a->value);
    return r == 0 && !a->value.ptr && a->text.ptr && !parts_valid(a) ? -EINVAL : r;
}

/* For the error that is reported if init() fails. */
static int remember(struct instance *in, const struct asked *a, int r)
{
    bool nothing = (unsigned)a->context.map > EXTPROC_MAP_IMMEDIATE_RESPONSE || !a->name.ptr;
    struct extproc_str why = nothing ? EXTPROC_S("no such map, or no name")
                                     : refused_edit(&in->arena, rules_at(in, 0), &a->context, a->op,
                                                    a->name, a->value, r);
    return instance_refuse(in, "extproc_check_edit", a->name, r, why.ptr);
}

int api_check_edit(struct extproc_instance *instance, enum extproc_map map, enum extproc_edit op,
                   struct extproc_str name, struct extproc_str value)
{
    struct instance *in = (struct instance *)instance;
    const struct asked a = asked_of(map, op, name, value);
    int r = 0;
    for (size_t i = 0; i < count_proxies(in); i++) {
        r = ask(rules_at(in, i), &a);
        if (r == 0)
            return 0;
    }
    return in->errors ? remember(in, &a, r) : r;
}

/* ---- with words ------------------------------------------------------------------------------ */

static bool is_known(const struct extproc_template *t)
{
    struct extproc_str part;
    for (size_t i = 0; template_part_at(t, i, &part); i++) {
        if (!part.ptr)
            return false;
    }
    return true;
}

/* A template without a variable in it is the value that the header will have. What is wrong with
 * one that cannot be compiled is reported where it is. */
static struct asked asked_of_key(struct instance *in, enum extproc_map map, enum extproc_edit op,
                                 struct extproc_str name, struct extproc_str text)
{
    struct asked a = asked_of(map, op, name, text);
    struct extproc_template *template;
    const char *why;
    a.text = text;
    if (a.op == EXTPROC_EDIT_REMOVE || !text.ptr || !memchr(text.ptr, '%', text.len))
        return a;
    bool compiled = template_compile(text, in->env->maps, &in->arena, &template, &why) == 0;
    if (compiled && is_known(template))
        return a;
    a.value = STR_ABSENT;
    a.template = compiled ? template : NULL;
    return a;
}

static struct extproc_str explain(struct instance *in, const struct rules *rules,
                                  const struct asked *a, int r)
{
    return refused_edit(&in->arena, rules, &a->context, a->op, a->name, a->text, r);
}

static int refuse_illegal(struct extproc_instance *instance, const char *key, size_t i,
                          const struct asked *a)
{
    struct instance *in = (struct instance *)instance;
    struct extproc_str why = explain(in, rules_at(in, 0), a, -EINVAL);
    return extproc_conf_refuse(instance, key, i, "\"%.*s\": %.*s", EXTPROC_ARG(a->name),
                               EXTPROC_ARG(why));
}

/* Every proxy refuses it: reports the refusal of the first one, but names all of them. */
static int refuse_everywhere(struct extproc_instance *instance, const char *key, size_t i,
                             const struct asked *a)
{
    struct instance *in = (struct instance *)instance;
    struct rules rules = *rules_at(in, 0);
    if (count_proxies(in) > 1)
        rules.proxy = "the proxy of every listener";
    struct extproc_str why = explain(in, &rules, a, ask(rules_at(in, 0), a));
    return extproc_conf_refuse(instance, key, i, "%.*s: %.*s", EXTPROC_ARG(a->name),
                               EXTPROC_ARG(why));
}

static void warn_of_some(struct extproc_instance *instance, const char *key, size_t i,
                         const struct asked *a)
{
    struct instance *in = (struct instance *)instance;
    for (size_t at = 0; at < count_proxies(in); at++) {
        int r = ask(rules_at(in, at), a);
        if (r == 0)
            continue;
        struct extproc_str why = explain(in, rules_at(in, at), a, r);
        instance_warn(in, key, i, "%.*s: %.*s", EXTPROC_ARG(a->name), EXTPROC_ARG(why));
    }
}

/* In the headers phase of a plugin that has not replaced the body, nor any before it. */
static void warn_of_replacement(struct extproc_instance *instance, const char *key, size_t i,
                                struct asked a)
{
    struct instance *in = (struct instance *)instance;
    a.context.replacing = false;
    for (size_t at = 0; at < count_proxies(in); at++) {
        if (ask(rules_at(in, at), &a) == -EPERM) {
            struct extproc_str why = explain(in, rules_at(in, at), &a, -EPERM);
            instance_warn(in, key, i, "%.*s: unless a plugin has replaced the body, %.*s",
                          EXTPROC_ARG(a.name), EXTPROC_ARG(why));
            return;
        }
    }
}

/* A template that looks at the response, in an edit of the request. */
static void warn_of_response(struct extproc_instance *instance, const char *key, size_t i,
                             const struct asked *a)
{
    struct instance *in = (struct instance *)instance;
    bool request =
        a->context.map == EXTPROC_MAP_REQUEST || a->context.map == EXTPROC_MAP_REQUEST_TRAILERS;
    if (request && a->template && template_reads(a->template) & EXTPROC_PHASE_RESPONSE_HEADERS)
        instance_warn(in, key, i, "%.*s: %%RESP()%% and %%STATUS%% are absent in a request",
                      EXTPROC_ARG(a->name));
}

int api_conf_edit(struct extproc_instance *instance, const char *key, size_t i,
                  enum extproc_map map, enum extproc_edit op, struct extproc_str name,
                  struct extproc_str value)
{
    struct instance *in = (struct instance *)instance;
    if (!in->errors || !key)
        return -EOPNOTSUPP;
    const struct asked a = asked_of_key(in, map, op, name, value);
    size_t n = count_proxies(in), n_refused = 0;
    for (size_t at = 0; at < n; at++) {
        int r = ask(rules_at(in, at), &a);
        if (r == -EINVAL)
            return refuse_illegal(instance, key, i, &a);
        n_refused += r < 0;
    }
    if (n_refused == n)
        return refuse_everywhere(instance, key, i, &a);
    if (n_refused > 0)
        warn_of_some(instance, key, i, &a);
    else
        warn_of_replacement(instance, key, i, a);
    warn_of_response(instance, key, i, &a);
    return 0;
}
