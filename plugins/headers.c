/* headers - sets, appends, adds, replaces and removes headers and trailers.
 *
 *     [plugin:tags]
 *     file = headers.so
 *     request.set = x-client: %REQ(user-agent:-unknown)%     ; drop all values, leave this one
 *     request.append = via: extprocd                         ; one more value
 *     response.add = cache-control: no-store                 ; only where there is none
 *     response.replace = server: hidden                      ; only where there is one
 *     response.remove = x-powered-by
 *     response_trailers.set = x-checked: yes
 *     clear_route = yes               ; the proxy chooses the route again, by the request as it is now
 *
 * Edits are made in this order: remove, set, replace, add, append; keys of one kind in file order.
 * An instance takes part only in the phases that its keys need. An edit that the proxy would ignore
 * (content-length; host and x-envoy-..., unless the listener's mutation_rules say that it allows
 * them) is refused with the configuration; one that fails later (the value of a template is not
 * valid in HTTP) fails the message, and the log says which one and why.
 *
 * Teaches: keys that follow a pattern; a table in place of a branch for each; templates; interest
 * that follows the configuration. */
#include "lib/header_line.h"

#include <extproc/plugin.h>

#include <stdio.h>

enum { N_PLACES = 4, N_VERBS = 5, KEY_SIZE = 32 };

struct place {
    const char *name;
    enum extproc_map map;
    uint32_t phase;
};
static const struct place places[N_PLACES] = {
    {"request", EXTPROC_MAP_REQUEST, EXTPROC_PHASE_REQUEST_HEADERS},
    {"request_trailers", EXTPROC_MAP_REQUEST_TRAILERS, EXTPROC_PHASE_REQUEST_TRAILERS},
    {"response", EXTPROC_MAP_RESPONSE, EXTPROC_PHASE_RESPONSE_HEADERS},
    {"response_trailers", EXTPROC_MAP_RESPONSE_TRAILERS, EXTPROC_PHASE_RESPONSE_TRAILERS},
};

struct verb {
    const char *name;
    enum extproc_edit edit;
};
static const struct verb verbs[N_VERBS] = {
    /* in the order in which they are carried out */
    {"remove", EXTPROC_EDIT_REMOVE},      {"set", EXTPROC_EDIT_SET},
    {"replace", EXTPROC_EDIT_IF_PRESENT}, {"add", EXTPROC_EDIT_IF_ABSENT},
    {"append", EXTPROC_EDIT_APPEND},
};

#define KEY(place, verb, text)                                                                     \
    {                                                                                              \
        .name = place "." verb, .flags = EXTPROC_KEY_LIST, .help = text                            \
    }
#define KEYS_OF(place)                                                                             \
    KEY(place, "set", "name: value; replaces all values."),                                        \
        KEY(place, "append", "name: value; adds one value."),                                      \
        KEY(place, "add", "name: value; only if absent."),                                         \
        KEY(place, "replace", "name: value; only if present."),                                    \
        KEY(place, "remove", "name; removes all values.")

static const struct extproc_key keys[] = {
    KEYS_OF("request"),
    KEYS_OF("request_trailers"),
    KEYS_OF("response"),
    KEYS_OF("response_trailers"),
    {.name = "clear_route",
     .type = EXTPROC_KEY_TYPE_BOOL,
     .fallback = "no",
     .help = "After a request edit the proxy chooses the route again."},
    {.name = NULL},
};

struct edit {
    const struct verb *verb;
    struct header_line line; /* remove: without a value */
};

struct edits {
    struct edit *list;
    size_t n;
};

struct headers {
    struct edits edits[N_PLACES];
    bool clear_route;
};

static const char *key_of(const struct place *p, const struct verb *v, char buffer[KEY_SIZE])
{
    snprintf(buffer, KEY_SIZE, "%s.%s", p->name, v->name);
    return buffer;
}

static int read_edit(struct extproc_instance *instance, const char *key, size_t i,
                     const struct place *p, struct edit *e)
{
    enum extproc_edit op = e->verb->edit;
    struct extproc_str none = {NULL, 0};
    if (op != EXTPROC_EDIT_REMOVE)
        return header_line_read(instance, key, i, p->map, op, &e->line);
    e->line.name = extproc_conf(instance, key, i);
    return extproc_conf_edit(instance, key, i, p->map, op, e->line.name, none);
}

static int read_edits(struct extproc_instance *instance, const struct place *p, struct edits *edits)
{
    char key[KEY_SIZE];
    size_t n = 0;
    int r = 0;
    for (size_t v = 0; v < N_VERBS; v++)
        n += extproc_conf_count(instance, key_of(p, &verbs[v], key));
    edits->list = extproc_instance_alloc(instance, n * sizeof *edits->list);
    if (!edits->list)
        return -ENOMEM;
    for (size_t v = 0; v < N_VERBS; v++) {
        key_of(p, &verbs[v], key);
        for (size_t i = 0; i < extproc_conf_count(instance, key); i++) {
            struct edit *e = &edits->list[edits->n++];
            e->verb = &verbs[v];
            if (read_edit(instance, key, i, p, e) < 0)
                r = -EINVAL; /* continue: all mistakes are reported */
        }
    }
    return r;
}

/* Routes are chosen by the headers of the request, so there must be an edit of one. */
static int read_clear_route(struct extproc_instance *instance, struct headers *self)
{
    self->clear_route = extproc_conf_int(instance, "clear_route", 0);
    if (self->clear_route && self->edits[0].n == 0)
        return extproc_conf_refuse(
            instance, "clear_route", 0,
            "has no effect without an edit of the request (request.set, ...)");
    return 0;
}

static int init(struct extproc_instance *instance)
{
    struct headers *self = extproc_instance_alloc(instance, sizeof *self);
    uint32_t phases = 0;
    int r = 0;
    if (!self)
        return -ENOMEM;
    instance->self = self;
    for (size_t p = 0; p < N_PLACES; p++) {
        int read = read_edits(instance, &places[p], &self->edits[p]);
        r = r ? r : read;
        phases |= self->edits[p].n ? places[p].phase : 0;
    }
    if (read_clear_route(instance, self) < 0)
        r = -EINVAL;
    return r ? r : extproc_interest(instance, phases);
}

static int apply(struct extproc_txn *x, enum extproc_map map, const struct edit *e)
{
    struct extproc_str value = {NULL, 0};
    if (e->line.value) {
        value = extproc_trim(extproc_expand(x, e->line.value));
        if (!value.ptr)
            return -ENOMEM;
    }
    return extproc_header_edit(x, map, e->verb->edit, e->line.name, value);
}

static enum extproc_action finish(struct extproc_txn *x)
{
    const struct headers *self = x->self;
    int r = 0;
    if (self->clear_route && x->phase == EXTPROC_PHASE_REQUEST_HEADERS)
        r = extproc_clear_route(x);
    if (r < 0)
        extproc_log(x, EXTPROC_LEVEL_ERROR, "clear_route: %s", extproc_strerror(r));
    return extproc_continue(r);
}

static enum extproc_action on_phase(struct extproc_txn *x)
{
    const struct headers *self = x->self;
    size_t p = 0;
    while (places[p].phase != x->phase) /* a callback is called in its own phase only */
        p++;
    for (size_t i = 0; i < self->edits[p].n; i++) {
        const struct edit *e = &self->edits[p].list[i];
        int r = apply(x, places[p].map, e);
        if (r < 0)
            return extproc_fail(x, "%s.%s: %.*s", places[p].name, e->verb->name,
                                EXTPROC_ARG(extproc_why(x)));
    }
    return finish(x);
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "headers",
    .version = "1.0",
    .summary = "Sets, appends, adds, replaces and removes headers and trailers.",
    .keys = keys,
    .needs = EXTPROC_KEEPS_BODY,
    .init = init,
    .request_headers = on_phase,
    .request_trailers = on_phase,
    .response_headers = on_phase,
    .response_trailers = on_phase,
};
