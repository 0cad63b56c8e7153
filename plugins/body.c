/* body - replaces, clears, prepends to and appends to bodies, and replaces what a regex matches.
 *
 *     [plugin:banner]
 *     file = body.so
 *     response.prepend = <!-- %TIME(%Y)% -->
 *     response.append = <!-- end -->
 *     request.replace = {"hello": "%REQ(x-user:-nobody)%"}   ; or request.clear = yes
 *
 *     [plugin:rewrite]
 *     file = body.so
 *     response.sub = s|http://(\w+)\.test/|https://$1.example/|gi
 *     response.sub = s/<title>/\0%PATH% - /                  ; one after the other
 *
 *     encoded = leave                                        ; or fail: see below
 *
 * `sub` is lib/sub.h: PCRE2's regexes, of bytes; text with groups and templates; flags g and i. It
 * finds matches across the chunks of a STREAMED body, by holding what may be the beginning of one
 * until the next chunk is there (EXTPROC_HOLDS_BODY, max_body). A match is at most 16 KiB long, in
 * any body mode: of one that would be longer, the first 16 KiB count as all that there is. A regex
 * that needs too much time for a body (PCRE2's match limit, 50 ms on the CPU and 200 ns for each
 * byte) makes the plugin fail. If a STREAMED body ends with trailers while bytes of it are held,
 * the message is cut and the log says so: use BUFFERED where trailers come, or a regex that does
 * not end in a repeat.
 *
 * A message without a body stays without one. `replace` and `clear` are settled in the headers
 * phase, so they need no body from the proxy, whatever its mode (where it skips the headers, they
 * are settled in the body phase); `prepend` and `append` go along with them there. Alone, `prepend`
 * and `append` work chunk by chunk, where the proxy sends bodies at all. A STREAMED body that ends
 * with trailers does not say which chunk is its last: then nothing can be appended, and the log
 * says so.
 *
 * Headers that describe the old bytes are removed (digests, accept-ranges; content-encoding and
 * content-range where the body is replaced or cleared), and a strong etag becomes a weak one.
 * Where the body is not replaced or cleared, one that is encoded or partial is not changed. An
 * upstream that is not asked for such bodies sends none: headers.so with
 * `request.remove = accept-encoding` and `request.remove = range`.
 *
 * Teaches: replacing a body that one never sees; what x->last says; holding the end of a chunk;
 * state per transaction; memory of a library that comes from the callback's. */
#include "lib/direction.h"
#include "lib/plain_body.h"
#include "lib/sub_stream.h"

#include <extproc/plugin.h>

#include <stdio.h>

enum { KEY_SIZE = 32 };

#define TEXT_KEY(direction, verb, text)                                                            \
    {                                                                                              \
        .name = direction "." verb, .help = text                                                   \
    }
#define CLEAR_KEY(direction)                                                                       \
    {                                                                                              \
        .name = direction ".clear", .type = EXTPROC_KEY_TYPE_BOOL, .fallback = "no",               \
        .help = "An empty body."                                                                   \
    }
#define KEYS_OF(direction)                                                                         \
    TEXT_KEY(direction, "replace", "The body, a template."), CLEAR_KEY(direction),                 \
        TEXT_KEY(direction, "prepend", "Text before the body, a template."),                       \
        TEXT_KEY(direction, "append", "Text after the body, a template."),                         \
    {                                                                                              \
        .name = direction ".sub", .flags = EXTPROC_KEY_LIST,                                       \
        .help = "s/REGEX/TEXT/FLAGS: replaces the first match, or with the flag g all matches."    \
    }

static const struct extproc_key keys[] = {
    KEYS_OF("request"),
    KEYS_OF("response"),
    PLAIN_BODY_KEY,
    {.name = NULL},
};

/* What is configured for a direction. */
struct change {
    bool clear;
    struct extproc_template *replace, *prepend, *append; /* NULL: not configured */
    struct sub *subs;
    size_t n_subs;
};

struct body {
    struct change changes[N_DIRECTIONS];
    bool fails; /* at a body that it cannot edit */
};

/* How far a direction's body has come. */
struct progress {
    bool begun, ended;
    struct sub_state *subs; /* of change.subs, once the body has begun */
};

struct transaction {
    struct progress progress[N_DIRECTIONS];
};

/* ---- configuration --------------------------------------------------------------------------- */

static int read_text(struct extproc_instance *instance, const char *direction, const char *verb,
                     struct extproc_template **ret)
{
    char key[KEY_SIZE];
    snprintf(key, sizeof key, "%s.%s", direction, verb);
    if (!extproc_conf_count(instance, key))
        return 0;
    *ret = extproc_conf_template(instance, key, 0);
    return *ret ? 0 : -EINVAL;
}

static int read_subs(struct extproc_instance *instance, const char *direction, struct change *c)
{
    char key[KEY_SIZE];
    int r = 0;
    snprintf(key, sizeof key, "%s.sub", direction);
    size_t n = extproc_conf_count(instance, key);
    c->subs = extproc_instance_alloc(instance, n * sizeof *c->subs);
    if (!c->subs)
        return -ENOMEM;
    for (; c->n_subs < n; c->n_subs++) {
        int read = sub_read(instance, key, c->n_subs, &c->subs[c->n_subs]);
        r = r ? r : read;
    }
    if (n && (c->clear || c->replace))
        return extproc_conf_refuse(instance, key, 0, "%s.%s and %s.sub exclude each other",
                                   direction, c->clear ? "clear" : "replace", direction);
    return r;
}

static int read_change(struct extproc_instance *instance, const char *direction, struct change *c)
{
    char key[KEY_SIZE];
    int replace = read_text(instance, direction, "replace", &c->replace);
    int prepend = read_text(instance, direction, "prepend", &c->prepend);
    int append = read_text(instance, direction, "append", &c->append);
    snprintf(key, sizeof key, "%s.clear", direction);
    c->clear = extproc_conf_int(instance, key, 0);
    int subs = read_subs(instance, direction, c);
    if (c->clear && c->replace)
        return extproc_conf_refuse(instance, key, 0, "%s.clear and %s.replace exclude each other",
                                   direction, direction);
    return replace ? replace : prepend ? prepend : append ? append : subs;
}

/* The new body does not depend on the old one. */
static bool settles(const struct change *c)
{
    return c->clear || c->replace;
}

static uint32_t phases_of(const struct change *c, uint32_t headers, uint32_t body)
{
    if (settles(c))
        return headers;
    return c->prepend || c->append || c->n_subs ? headers | body : 0;
}

static int take_part(struct extproc_instance *instance, const struct body *self)
{
    const struct change *request = &self->changes[REQUEST], *response = &self->changes[RESPONSE];
    uint32_t fallback = (settles(request) ? EXTPROC_PHASE_REQUEST_BODY : 0) |
                        (settles(response) ? EXTPROC_PHASE_RESPONSE_BODY : 0);
    int r = extproc_interest(
        instance,
        phases_of(request, EXTPROC_PHASE_REQUEST_HEADERS, EXTPROC_PHASE_REQUEST_BODY) |
            phases_of(response, EXTPROC_PHASE_RESPONSE_HEADERS, EXTPROC_PHASE_RESPONSE_BODY));
    return r < 0 ? r : extproc_fallback(instance, fallback, EXTPROC_FALLBACK_SETS_BODY);
}

static void release(struct extproc_instance *instance)
{
    struct body *self = instance->self;
    for (int d = 0; d < N_DIRECTIONS; d++) {
        for (size_t i = 0; i < self->changes[d].n_subs; i++)
            sub_fini(&self->changes[d].subs[i]);
    }
}

static int init(struct extproc_instance *instance)
{
    struct body *self = extproc_instance_alloc(instance, sizeof *self);
    if (!self)
        return -ENOMEM;
    instance->self = self;
    self->fails = plain_body_fails(instance);
    /* Both, so that all mistakes are reported. */
    int r = read_change(instance, "request", &self->changes[REQUEST]);
    int other = read_change(instance, "response", &self->changes[RESPONSE]);
    r = r < 0 ? r : other < 0 ? other : take_part(instance, self);
    if (r < 0) /* then fini() is not called */
        release(instance);
    return r;
}

/* ---- transactions ---------------------------------------------------------------------------- */

static int on_open(struct extproc_txn *x)
{
    x->ctx = extproc_alloc(x, sizeof(struct transaction));
    return x->ctx ? 0 : -ENOMEM;
}

static void on_close(struct extproc_txn *x, enum extproc_end why)
{
    const struct body *self = x->self;
    const struct transaction *t = x->ctx;
    for (int d = 0; why == EXTPROC_END_DONE && d < N_DIRECTIONS; d++) {
        const struct progress *p = &t->progress[d];
        if (p->begun && !p->ended && self->changes[d].append)
            extproc_log(x, EXTPROC_LEVEL_WARN,
                        "nothing was appended to the %s body: it was STREAMED and ended with "
                        "trailers, or was incomplete (use BUFFERED)",
                        direction_names[d]);
    }
}

/* Sets prepend + middle + append. */
static enum extproc_action set(struct extproc_txn *x, const struct extproc_template *prepend,
                               struct extproc_str middle, const struct extproc_template *append)
{
    struct extproc_str before = prepend ? extproc_expand(x, prepend) : EXTPROC_S("");
    struct extproc_str after = append ? extproc_expand(x, append) : EXTPROC_S("");
    size_t len = before.len + middle.len + after.len;
    char *out = extproc_scratch(x, len);
    if (!before.ptr || !middle.ptr || !after.ptr || !out)
        return EXTPROC_ACTION_FAIL;
    memcpy(out, before.ptr, before.len);
    memcpy(out + before.len, middle.ptr, middle.len);
    memcpy(out + before.len + middle.len, after.ptr, after.len);
    int r = extproc_body_set(x, (struct extproc_str){out, len});
    if (extproc_continue(r) == EXTPROC_ACTION_FAIL)
        extproc_log(x, EXTPROC_LEVEL_ERROR, "cannot set the body: %s", extproc_strerror(r));
    return extproc_continue(r);
}

static enum extproc_action settle(struct extproc_txn *x, const struct change *c)
{
    return set(x, c->prepend, c->replace ? extproc_expand(x, c->replace) : EXTPROC_S(""),
               c->append);
}

static enum extproc_action on_headers(struct extproc_txn *x)
{
    const struct body *self = x->self;
    const struct change *c = &self->changes[extproc_is_response(x)];
    if (!settles(c))
        return plain_body_headers(x, self->fails);
    if (x->end) /* there is no body; of a response to HEAD the headers describe one */
        return extproc_continue(extproc_body_changes(x, EXTPROC_CHANGE_REPLACE));
    return settle(x, c);
}

/* The headers were skipped, or it was not known then whether there is a body: the new one takes the
 * place of the first chunk. */
static enum extproc_action settle_late(struct extproc_txn *x, const struct change *c, bool first)
{
    enum extproc_form form = extproc_body_form(x);
    const char *unseen =
        form == EXTPROC_FORM_UNKNOWN ? direction_names[extproc_is_response(x)] : "request";

    if (!first)
        return extproc_continue(extproc_body_set(x, EXTPROC_S("")));
    if (form != EXTPROC_FORM_PLAIN)
        extproc_log(x, EXTPROC_LEVEL_WARN,
                    "the %s headers may describe the old body, since the proxy does not send the "
                    "%s headers (in the proxy, set %s_header_mode: SEND)",
                    direction_names[extproc_is_response(x)], unseen, unseen);
    return settle(x, c);
}

/* Does the rest of the body come to this plugin too? Where it does not (PARTIAL), what may be the
 * beginning of a match passes as it is. */
static bool goes_on(const struct extproc_txn *x)
{
    return x->body_mode == EXTPROC_BODY_MODE_STREAMED ||
           x->body_mode == EXTPROC_BODY_MODE_FULL_DUPLEX;
}

/* The body or chunk as the subs leave it; of its last *ret_held bytes they need to see more. ptr
 * NULL: the plugin fails, and the reason was remembered. */
static struct extproc_str substitute(struct extproc_txn *x, const struct change *c,
                                     struct progress *p, size_t *ret_held)
{
    struct extproc_str text = extproc_body(x);
    const char *why = NULL;
    if (!p->subs)
        p->subs = extproc_alloc(x, c->n_subs * sizeof *p->subs);
    if (!p->subs || !text.ptr)
        return (struct extproc_str){NULL, 0};
    text = sub_run_all(x, c->subs, p->subs, c->n_subs, text, x->last, ret_held, &why);
    if (why)
        extproc_fail(x, "%s.sub: %s", direction_names[extproc_is_response(x)], why);
    return text;
}

/* Only what has changed is sent: the proxy keeps its own copy of the rest. */
static enum extproc_action edit(struct extproc_txn *x, const struct change *c, struct progress *p,
                                bool first, bool last)
{
    const struct extproc_template *prepend = first ? c->prepend : NULL;
    const struct extproc_template *append = last ? c->append : NULL;
    enum extproc_action action = EXTPROC_ACTION_CONTINUE;
    struct extproc_str text;
    size_t held = 0;
    if (!prepend && !append && !c->n_subs)
        return EXTPROC_ACTION_CONTINUE;
    text = c->n_subs ? substitute(x, c, p, &held) : extproc_body(x);
    if (!text.ptr)
        return EXTPROC_ACTION_FAIL;
    if (prepend || append || !extproc_eq(text, extproc_body(x)))
        action = set(x, prepend, text, append);
    return action == EXTPROC_ACTION_CONTINUE && held && goes_on(x) ? extproc_hold(x, held) : action;
}

static enum extproc_action on_body(struct extproc_txn *x)
{
    const struct body *self = x->self;
    const struct change *c = &self->changes[extproc_is_response(x)];
    struct progress *p = &((struct transaction *)x->ctx)->progress[extproc_is_response(x)];
    bool first = !p->begun, last = x->last;
    const char *why_not = settles(c) ? NULL : plain_body_why_not(x);
    if (why_not)
        return plain_body_refuse(x, self->fails, why_not);
    p->begun = true;
    p->ended = last || settles(c);
    if (settles(c))
        return settle_late(x, c, first);
    return edit(x, c, p, first, last);
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "body",
    .version = "1.0",
    .summary = "Replaces, clears, prepends to and appends to bodies, and replaces what a regex "
               "matches.",
    .keys = keys,
    .needs = EXTPROC_HOLDS_BODY,
    .init = init,
    .fini = release,
    .open = on_open,
    .close = on_close,
    .request_headers = on_headers,
    .request_body = on_body,
    .response_headers = on_headers,
    .response_body = on_body,
};
