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
 *
 * Edits are made in this order: remove, set, replace, add, append; keys of one kind in file order.
 * An instance takes part only in the phases that its keys need. An edit that the proxy would ignore
 * (host, content-length, x-envoy-...) or that cannot be made (a template gave what HTTP does not
 * allow) fails the message, and the log says which one and why.
 *
 * Teaches: keys that follow a pattern; a table in place of a branch for each; templates; interest
 * that follows the configuration. */
#include "lib/header_line.h"
#include "lib/refusal.h"

#include <extproc/plugin.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { N_PLACES = 4, N_VERBS = 5, KEY_SIZE = 32 };

struct place {
    const char *name;
    enum extproc_map map;
    uint32_t phase;
};
static const struct place places[N_PLACES] = {
    {"request", EXTPROC_REQUEST, EXTPROC_ON_REQUEST_HEADERS},
    {"request_trailers", EXTPROC_REQUEST_TRAILERS, EXTPROC_ON_REQUEST_TRAILERS},
    {"response", EXTPROC_RESPONSE, EXTPROC_ON_RESPONSE_HEADERS},
    {"response_trailers", EXTPROC_RESPONSE_TRAILERS, EXTPROC_ON_RESPONSE_TRAILERS},
};

struct verb {
    const char *name;
    enum extproc_edit edit;
};
static const struct verb verbs[N_VERBS] = {
    /* in the order in which they are carried out */
    {"remove", EXTPROC_REMOVE}, {"set", EXTPROC_SET},       {"replace", EXTPROC_IF_PRESENT},
    {"add", EXTPROC_IF_ABSENT}, {"append", EXTPROC_APPEND},
};

#define KEY(place, verb, text)                                                                     \
    {                                                                                              \
        .name = place "." verb, .flags = EXTPROC_KEY_LIST, .help = text                            \
    }
#define KEYS_OF(place)                                                                             \
    KEY(place, "set", "name: value; drops other values."),                                         \
        KEY(place, "append", "name: value; one more value."),                                      \
        KEY(place, "add", "name: value; only if absent."),                                         \
        KEY(place, "replace", "name: value; only if present."),                                    \
        KEY(place, "remove", "name; drops all values.")

static const struct extproc_key keys[] = {
    KEYS_OF("request"),  KEYS_OF("request_trailers"),
    KEYS_OF("response"), KEYS_OF("response_trailers"),
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
};

static int read_edit(struct extproc_host *h, const char *key, size_t i, const struct verb *v,
                     struct edit *ret)
{
    ret->verb = v;
    if (v->edit == EXTPROC_REMOVE)
        return header_name_read(h, key, i, &ret->line.name);
    return header_line_read(h, key, i, &ret->line);
}

/* Adds the edits of one key. */
static int read_key(struct extproc_host *h, const struct place *p, const struct verb *v,
                    struct edits *edits)
{
    char key[KEY_SIZE];
    struct edit *grown;
    size_t n;
    int result = 0;

    snprintf(key, sizeof key, "%s.%s", p->name, v->name);
    n = extproc_conf_count(h, key);
    grown = realloc(edits->list, (edits->n + n + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    edits->list = grown;
    memset(&grown[edits->n], 0, n * sizeof *grown);
    for (size_t i = 0; i < n; i++) {
        if (read_edit(h, key, i, v, &grown[edits->n++]) < 0)
            result = -EINVAL;
    }
    return result;
}

static void fini(struct extproc_host *h)
{
    struct headers *self = h->self;

    for (size_t p = 0; p < N_PLACES; p++)
        free(self->edits[p].list);
    free(self);
}

static int init(struct extproc_host *h)
{
    struct headers *self = calloc(1, sizeof *self);
    uint32_t phases = 0;
    int result = 0;

    if (!self)
        return -ENOMEM;
    h->self = self;
    for (size_t p = 0; p < N_PLACES; p++) {
        for (size_t v = 0; v < N_VERBS; v++) {
            int r = read_key(h, &places[p], &verbs[v], &self->edits[p]);
            result = result ? result : r; /* go on: all mistakes are told */
        }
        phases |= self->edits[p].n ? places[p].phase : 0;
    }
    if (result == 0)
        return extproc_interest(h, phases);
    fini(h);
    return result;
}

static int apply(struct extproc_txn *x, enum extproc_map map, const struct edit *e)
{
    struct extproc_str value = {NULL, 0};

    if (e->line.value) {
        value = extproc_expand(x, e->line.value);
        if (!value.ptr)
            return -ENOMEM;
    }
    return extproc_edit(x, map, e->verb->edit, e->line.name, value);
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
        if (r < 0) {
            extproc_log(x, EXTPROC_ERROR, "%s.%s %.*s: %s", places[p].name, e->verb->name,
                        EXTPROC_ARG(e->line.name), edit_refusal(r));
            return EXTPROC_FAIL;
        }
    }
    return EXTPROC_CONTINUE;
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "headers",
    .version = "1.0",
    .summary = "Sets, appends, adds, replaces and removes headers and trailers.",
    .keys = keys,
    .init = init,
    .fini = fini,
    .request_headers = on_phase,
    .request_trailers = on_phase,
    .response_headers = on_phase,
    .response_trailers = on_phase,
};
