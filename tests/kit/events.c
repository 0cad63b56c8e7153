/* events: a call's messages as events, handed to a session: no stream, and nothing is decoded.
 *
 * It is what a proxy that has loaded the host into itself would do. Verdicts are still packed and
 * read back as answers, so that a test need not know the difference.
 */
#include "kit/alloc.h"
#include "kit/kit_private.h"
#include "wire/encode/encode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_FIRST_SIZE = 1024 };

struct kit_session {
    struct session session;
    struct arena arena;
};

static void out_of_memory(struct kit_call *c)
{
    kit_finish(c, STATUS_RESOURCE_EXHAUSTED, EXTPROC_S("out of memory"));
}

static void on_verdict(void *arg, const struct verdict *verdict, struct arena *arena)
{
    struct kit_call *c = arg;
    struct encoded answer;
    uint8_t *buffer = NULL;
    if (encode_verdict(verdict, arena, &answer) == 0)
        buffer = kit_reserve(c, answer.len);
    if (!buffer) {
        out_of_memory(c);
        return;
    }
    encode_pack(&answer, buffer);
    kit_sent(c);
}

static void on_ready(void *arg)
{
}

static bool events_open(struct kit_call *c, struct coverage *coverage)
{
    static const struct session_out out = {
        .verdict = on_verdict, .fail = kit_finish, .ready = on_ready};
    struct kit_session *s = malloc(sizeof *s);
    if (!s) {
        generation_unref(c->kit->generation);
        return false;
    }
    arena_init(&s->arena, ARENA_FIRST_SIZE);
    session_init(&s->session, &c->kit->session_env, c->kit->generation, coverage, &s->arena, &out,
                 c);
    c->session = s;
    return true;
}

/* ---- trees ----------------------------------------------------------------------------------- */

/* A tree's raw bytes are lines "ns<TAB>key<TAB>value" here. */
static struct tree tree_of(const struct kit_message *m, enum kit_place place, struct arena *arena,
                           int (*read)(struct extproc_str, struct arena *, struct extproc_value *))
{
    struct tree tree = {.read = read};
    for (const struct kit_extra *extra = m->extras; extra; extra = extra->next) {
        if (extra->place == place)
            tree.raw = arena_format(arena, "%.*s%s\t%s\t%s\n", EXTPROC_ARG(tree.raw),
                                    extra->ns ? extra->ns : "", extra->key, extra->value);
    }
    return tree;
}

/* The next line's three fields. False: the text has ended. */
static bool next_line(struct extproc_str *text, struct extproc_str ret[3])
{
    if (text->len == 0)
        return false;
    for (int i = 0; i < 3; i++) {
        const char *end = memchr(text->ptr, i < 2 ? '\t' : '\n', text->len);
        size_t len = (size_t)(end - text->ptr);
        ret[i] = (struct extproc_str){text->ptr, len};
        text->ptr += len + 1;
        text->len -= len + 1;
    }
    return true;
}

/* The strings of one namespace, or of all. */
static int read_strings(struct extproc_str raw, const struct extproc_str *ns, struct arena *arena,
                        struct extproc_value *ret)
{
    struct extproc_str line[3];
    struct extproc_field *fields = arena_array(arena, raw.len, sizeof *fields);
    size_t n = 0;
    if (!fields)
        return -ENOMEM;
    while (next_line(&raw, line)) {
        struct extproc_value value = {.kind = EXTPROC_KIND_STRING};
        value.as.string = line[2];
        if (!ns || extproc_eq(line[0], *ns))
            fields[n++] = (struct extproc_field){line[1], value};
    }
    return value_dict(arena, fields, n, ret);
}

static int read_attributes(struct extproc_str raw, struct arena *arena, struct extproc_value *ret)
{
    return read_strings(raw, NULL, arena, ret);
}

static int read_metadata(struct extproc_str raw, struct arena *arena, struct extproc_value *ret)
{
    struct extproc_str line[3], rest = raw;
    struct extproc_field *fields = arena_array(arena, raw.len, sizeof *fields);
    size_t n = 0;
    if (!fields)
        return -ENOMEM;
    while (next_line(&rest, line)) {
        fields[n].key = line[0];
        int r = read_strings(raw, &line[0], arena, &fields[n++].value);
        if (r < 0)
            return r;
    }
    return value_dict(arena, fields, n, ret);
}

/* ---- the driver ------------------------------------------------------------------------------ */

/* What it shows is in the arena of the message, which is gone afterwards. */
static struct event event_of(const struct kit_message *m, struct arena *arena)
{
    struct event event = {
        .end = m->end,
        .observing = m->observing,
        .has_protocol = m->has_protocol,
        .protocol.body_mode = {m->modes[LANE_REQUEST], m->modes[LANE_RESPONSE]},
        .attributes = tree_of(m, KIT_ATTRIBUTES, arena, read_attributes),
        .metadata = tree_of(m, KIT_METADATA, arena, read_metadata),
    };
    if (m->has_phase)
        event_is(&event, m->phase);
    if (m->has_phase && event.part == PART_BODY) {
        struct extproc_str *piece = kit_need(arena_alloc(arena, sizeof *piece));
        *piece = m->body;
        body_init(&event.body, piece, 1);
    } else if (m->has_phase) {
        struct extproc_header *headers;
        event.n_headers =
            kit_parse_headers(arena_format(arena, "%s", m->headers).ptr, arena, &headers);
        event.headers = headers;
    }
    return event;
}

static void events_message(struct kit_call *c, const struct kit_message *m, struct kit_given *given)
{
    struct event event = event_of(m, &given->arena), *own = NULL;
    struct message bytes = {.owner = given, .release = kit_release};
    if (m->raw.ptr)
        kit_fail(c, "raw bytes are no event");

    alloc_enter();
    struct arena_lease *memory = session_memory(&c->session->session);
    if (memory)
        own = arena_alloc(&memory->arena, sizeof *own);
    if (own && !c->finished) {
        *own = event;
        session_event(&c->session->session, own, memory, &bytes);
    } else {
        if (!c->finished)
            out_of_memory(c);
        message_release(&bytes);
        arena_pool_put(&c->kit->loop.memory, memory);
    }
    alloc_leave();
}

static void events_half_close(struct kit_call *c)
{
    session_half_close(&c->session->session);
    kit_finish(c, STATUS_OK, EXTPROC_S(""));
}

static void events_close(struct kit_call *c, enum extproc_end seen)
{
    struct session *s = &c->session->session;
    if (!session_end(s, c->status == STATUS_OK ? session_outcome(s, seen) : EXTPROC_END_FAILED))
        kit_fail(c, "events are not for plugins that block");
    arena_fini(&c->session->arena);
    free(c->session);
}

const struct kit_driver kit_events = {
    .open = events_open,
    .message = events_message,
    .half_close = events_half_close,
    .close = events_close,
};
