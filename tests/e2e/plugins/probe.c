/* probe - does in each phase what its configuration says; for end-to-end tests.
 *
 *     [plugin:probe]
 *     file = .../probe.so
 *     do = request_headers: set x-seen %ATTR(source.address)%
 *     do = request_body: body new
 *     do = response_headers: respond 403 no entry
 *
 * A line is `PHASE: VERB NAME TEXT`, `PHASE: VERB TEXT` or `PHASE: VERB`, as the verb takes them;
 * the text is a template. Lines of one phase are carried out in file order. */
#include <extproc/plugin.h>

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#ifndef PROBE_NEEDS /* those that need complete bodies have some */
#    define PROBE_NEEDS 0
#endif

enum { N_PHASES = 6, N_STEPS = 16 };

static const struct extproc_key keys[] = {
    {.name = "do", .flags = EXTPROC_KEY_LIST, .help = "PHASE: VERB [NAME] [TEXT]."},
    {.name = NULL},
};

struct step {
    size_t phase;
    const struct verb *verb;
    struct extproc_str name;
    struct extproc_template *text;
};

typedef enum extproc_action verb_fn(struct extproc_txn *x, struct extproc_str name,
                                    struct extproc_str text);

static const struct phase {
    struct extproc_str name;
    enum extproc_phase bit;
    enum extproc_map map;
} phases[N_PHASES] = {
    {EXTPROC_STR("request_headers"), EXTPROC_PHASE_REQUEST_HEADERS, EXTPROC_MAP_REQUEST},
    {EXTPROC_STR("request_body"), EXTPROC_PHASE_REQUEST_BODY, EXTPROC_MAP_REQUEST},
    {EXTPROC_STR("request_trailers"), EXTPROC_PHASE_REQUEST_TRAILERS, EXTPROC_MAP_REQUEST_TRAILERS},
    {EXTPROC_STR("response_headers"), EXTPROC_PHASE_RESPONSE_HEADERS, EXTPROC_MAP_RESPONSE},
    {EXTPROC_STR("response_body"), EXTPROC_PHASE_RESPONSE_BODY, EXTPROC_MAP_RESPONSE},
    {EXTPROC_STR("response_trailers"), EXTPROC_PHASE_RESPONSE_TRAILERS,
     EXTPROC_MAP_RESPONSE_TRAILERS},
};

struct probe {
    struct step steps[N_STEPS];
    size_t n_steps;
};

/* ---- verbs ----------------------------------------------------------------------------------- */

static enum extproc_map map_of(const struct extproc_txn *x)
{
    size_t i = 0;
    while (phases[i].bit != x->phase)
        i++;
    return phases[i].map;
}

static enum extproc_action set(struct extproc_txn *x, struct extproc_str name,
                               struct extproc_str text)
{
    return extproc_continue(extproc_header_set(x, map_of(x), name, text));
}

static enum extproc_action append(struct extproc_txn *x, struct extproc_str name,
                                  struct extproc_str text)
{
    return extproc_continue(extproc_header_append(x, map_of(x), name, text));
}

static enum extproc_action take_away(struct extproc_txn *x, struct extproc_str name,
                                     struct extproc_str text)
{
    return extproc_continue(extproc_header_remove(x, map_of(x), text));
}

static enum extproc_action body(struct extproc_txn *x, struct extproc_str name,
                                struct extproc_str text)
{
    return extproc_continue(extproc_body_set(x, text));
}

/* The name is NAMESPACE/KEY. */
static enum extproc_action metadata(struct extproc_txn *x, struct extproc_str name,
                                    struct extproc_str text)
{
    const char *slash = memchr(name.ptr, '/', name.len);
    size_t at = slash ? (size_t)(slash - name.ptr) : name.len;
    struct extproc_str ns = {name.ptr, at}, key = {name.ptr + at + 1, name.len - at - 1};
    if (!slash)
        return EXTPROC_ACTION_FAIL;
    return extproc_continue(extproc_metadata_set(x, ns, key, extproc_string(text)));
}

static enum extproc_action clear_route(struct extproc_txn *x, struct extproc_str name,
                                       struct extproc_str text)
{
    return extproc_continue(extproc_clear_route(x));
}

/* Every field of an answer: the name is the status, the text the body. */
static enum extproc_action respond(struct extproc_txn *x, struct extproc_str name,
                                   struct extproc_str text)
{
    const struct extproc_header headers[] = {
        {EXTPROC_S("x-from"), EXTPROC_S("probe")},
        {EXTPROC_S("set-cookie"), EXTPROC_S("a=1")},
        {EXTPROC_S("set-cookie"), EXTPROC_S("b=2")},
    };
    struct extproc_response r = extproc_response_init();
    r.status = (uint32_t)strtoul(name.ptr, NULL, 10);
    r.body = text;
    r.details = EXTPROC_S("probe.said.so");
    r.headers = headers;
    r.n_headers = sizeof headers / sizeof headers[0];
    r.grpc_status = 7;
    return extproc_respond(x, &r);
}

static enum extproc_action fail(struct extproc_txn *x, struct extproc_str name,
                                struct extproc_str text)
{
    return EXTPROC_ACTION_FAIL;
}

/* Blocks for as many milliseconds. */
static enum extproc_action block(struct extproc_txn *x, struct extproc_str name,
                                 struct extproc_str text)
{
    long ms = strtol(name.ptr, NULL, 10);
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0)
        ;
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action odd_action(struct extproc_txn *x, struct extproc_str name,
                                      struct extproc_str text)
{
    return (enum extproc_action)77;
}

/* What the phase looks like, into the log. */
static enum extproc_action say(struct extproc_txn *x, struct extproc_str name,
                               struct extproc_str text)
{
    static const char *const modes[] = {"NONE", "STREAMED", "WHOLE", "PARTIAL", "FULL_DUPLEX"};
    struct extproc_str bytes = extproc_body(x);
    extproc_log(x, EXTPROC_LEVEL_INFO, "%.*s mode=%s len=%zu end=%d observing=%d",
                EXTPROC_ARG(text), (size_t)x->body_mode < 5 ? modes[x->body_mode] : "?", bytes.len,
                x->end, x->observing);
    return EXTPROC_ACTION_CONTINUE;
}

static const struct verb {
    struct extproc_str name;
    verb_fn *carry_out;
    bool named;
} verbs[] = {
    {EXTPROC_STR("set"), set, true},           {EXTPROC_STR("append"), append, true},
    {EXTPROC_STR("remove"), take_away, false}, {EXTPROC_STR("body"), body, false},
    {EXTPROC_STR("metadata"), metadata, true}, {EXTPROC_STR("clear_route"), clear_route, false},
    {EXTPROC_STR("respond"), respond, true},   {EXTPROC_STR("fail"), fail, false},
    {EXTPROC_STR("block"), block, true},       {EXTPROC_STR("odd_action"), odd_action, false},
    {EXTPROC_STR("log"), say, false},
};

/* ---- configuration --------------------------------------------------------------------------- */

/* Cuts a word off the front, and what parts it from the rest. */
static struct extproc_str word(struct extproc_str *rest, char end)
{
    const char *at = memchr(rest->ptr, end, rest->len);
    struct extproc_str found = {rest->ptr, at ? (size_t)(at - rest->ptr) : rest->len};
    size_t len = found.len;
    while (len < rest->len && (rest->ptr[len] == end || rest->ptr[len] == ' '))
        len++;
    rest->ptr += len;
    rest->len -= len;
    return found;
}

static bool find_verb(struct extproc_str name, const struct verb **ret)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (extproc_eq(verbs[i].name, name)) {
            *ret = &verbs[i];
            return true;
        }
    return false;
}

static int read_step(struct extproc_instance *instance, size_t i, struct step *s)
{
    struct extproc_str rest = extproc_conf(instance, "do", i), phase = word(&rest, ':');
    for (s->phase = 0; s->phase < N_PHASES; s->phase++)
        if (extproc_eq(phases[s->phase].name, phase))
            break;
    if (s->phase == N_PHASES)
        return extproc_conf_refuse(instance, "do", i, "no such phase");
    if (!find_verb(word(&rest, ' '), &s->verb))
        return extproc_conf_refuse(instance, "do", i, "no such verb");
    if (s->verb->named)
        s->name = word(&rest, ' ');
    if (s->verb->carry_out == metadata) {
        struct extproc_str key = s->name;
        extproc_want_metadata(instance, word(&key, '/'), EXTPROC_METADATA_WRITE);
    }
    s->text = extproc_conf_template_part(instance, "do", i, rest);
    return s->text ? 0 : -EINVAL;
}

static int init(struct extproc_instance *instance)
{
    struct probe *self = extproc_instance_alloc(instance, sizeof *self);
    size_t n = extproc_conf_count(instance, "do");
    uint32_t interest = 0;
    if (!self || n > N_STEPS)
        return self ? -E2BIG : -ENOMEM;
    instance->self = self;
    self->n_steps = n;
    for (size_t i = 0; i < n; i++) {
        int r = read_step(instance, i, &self->steps[i]);
        if (r < 0)
            return r;
        interest |= (uint32_t)phases[self->steps[i].phase].bit;
    }
    return extproc_interest(instance, interest);
}

static enum extproc_action on_phase(struct extproc_txn *x)
{
    const struct probe *self = x->self;
    enum extproc_action action = EXTPROC_ACTION_CONTINUE;
    for (size_t i = 0; action == EXTPROC_ACTION_CONTINUE && i < self->n_steps; i++) {
        const struct step *s = &self->steps[i];
        if (phases[s->phase].bit == x->phase)
            action = s->verb->carry_out(x, s->name, extproc_expand(x, s->text));
    }
    return action;
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "probe",
    .version = "1.0",
    .summary = "Does in each phase what its configuration says.",
    .keys = keys,
    .needs = PROBE_NEEDS,
    .init = init,
    .request_headers = on_phase,
    .request_body = on_phase,
    .request_trailers = on_phase,
    .response_headers = on_phase,
    .response_body = on_phase,
    .response_trailers = on_phase,
};
