/* decode: a ProcessingRequest's bytes -> an event.
 *
 * One walk over the top-level fields finds out which member of the oneof counts and where the parts
 * of each submessage lie; only then is anything read or allocated. A submessage in several parts
 * (no known writer makes any, but every reader must accept them) is put together first: the
 * protobuf encoding defines merging so that the concatenated bytes of the parts are the merged
 * message.
 *
 * Every allocation is paid for from a budget that depends on the message's size, so the cost of a
 * hostile message is bounded whatever its form is.
 */
#include "wire/decode/decode.h"

#include "wire/decode/decode_private.h"

#include <errno.h>

/* ProcessingRequest's fields that we read. */
enum {
    REQUEST_FIRST_PHASE = 2, /* headers, body, trailers: each the request's, then the response's */
    REQUEST_LAST_PHASE = 7,
    REQUEST_METADATA_CONTEXT = 8,
    REQUEST_ATTRIBUTES = 9,
    REQUEST_OBSERVABILITY_MODE = 10,
    REQUEST_PROTOCOL_CONFIG = 11
};
enum { MESSAGE_HEADERS = 1 }; /* HttpHeaders.headers, HttpTrailers.trailers: one number */
enum { HEADERS_ATTRIBUTES = 2, HEADERS_END_OF_STREAM = 3 };
enum { BODY_BODY = 1, BODY_END_OF_STREAM = 2, BODY_END_WITHOUT_MESSAGE = 3 };
enum { PROTOCOL_REQUEST_BODY = 1, PROTOCOL_RESPONSE_BODY = 2 };

/* The parts of one submessage, or the entries of one map. */
struct parts {
    struct reader from;  /* before the first one's tag        */
    struct reader first; /* that one's content                */
    size_t n;
    size_t whole_len; /* of the fields, tags and lengths too */
    size_t content_len;
};

/* What the walk over a message found. */
struct survey {
    uint32_t phase_number; /* 0: no member of the oneof */
    struct parts phase, metadata, attributes, protocol;
    bool observing;
};

/* ---- its memory ------------------------------------------------------------------------------ */

size_t wire_max_memory(size_t message_len)
{
    return 32 * 1024 + message_len + message_len / 2;
}

/* ---- submessages in parts -------------------------------------------------------------------- */

/* The readers of no part are not looked at. */
static void parts_clear(struct parts *p)
{
    p->n = p->whole_len = p->content_len = 0;
}

static void parts_add(struct parts *p, const struct reader *before, const struct reader *after,
                      const struct field *f)
{
    if (p->n++ == 0) {
        p->from = *before;
        p->first = f->content;
    }
    p->whole_len += reader_len(before) - reader_len(after);
    p->content_len += reader_len(&f->content);
}

/* Copies the parts one after another: their content, or the fields as they are. */
static void parts_copy(const struct parts *p, uint32_t number, bool whole, char *to)
{
    struct reader in = p->from;
    for (size_t left = p->n; left;) {
        struct reader before = in;
        struct field f;
        if (reader_next(&in, &f) <= 0)
            return; /* cannot be: it was read before */
        if (f.number != number || f.type != WIRE_LEN)
            continue;
        if (whole)
            f.content = reader_take(&before, reader_len(&before) - reader_len(&in));
        to = reader_copy(f.content, to);
        left--;
    }
}

/* The parts as one: as it lies where there is one only, else put together. There is one. */
static int parts_merge(struct decoder *d, const struct parts *p, uint32_t number, bool whole,
                       struct reader *ret)
{
    if (p->n == 1) {
        struct reader in = p->from;
        *ret = whole ? reader_take(&in, p->whole_len) : p->first;
        return 0;
    }

    void *bytes = NULL;
    size_t len = whole ? p->whole_len : p->content_len;
    int r = decoder_array(d, len, 1, &bytes);
    if (r < 0)
        return r;
    parts_copy(p, number, whole, bytes);
    *ret = reader_of_str((struct extproc_str){bytes, len});
    return 0;
}

/* ---- trees ----------------------------------------------------------------------------------- */

/* A tree's raw bytes: complete fields, in one piece. If there are none, or only empty ones, it
 * stays absent. */
static int decode_tree(struct decoder *d, const struct parts *p, uint32_t number,
                       int (*check)(struct decoder *, struct extproc_str),
                       int (*read)(struct extproc_str, struct arena *, struct extproc_value *),
                       struct tree *ret)
{
    if (p->content_len == 0)
        return 0;
    struct reader fields;
    struct extproc_str raw;
    int r = parts_merge(d, p, number, true, &fields);
    if (r == 0)
        r = decoder_str(d, &fields, &raw);
    if (r == 0)
        r = check(d, raw);
    if (r == 0)
        *ret = (struct tree){.raw = raw, .read = read};
    return r;
}

/* ---- phases ---------------------------------------------------------------------------------- */

/* HttpHeaders and HttpTrailers: all HeaderMaps of it, and of the first also what else it has. */
static int decode_fields(struct decoder *d, struct reader message, struct event *e,
                         struct gathered *gathered, struct parts *attributes)
{
    bool trailers = e->part == PART_TRAILERS;
    struct reader in = message, before = in;
    struct field f;
    int r;
    for (; (r = reader_next(&in, &f)) > 0; before = in) {
        if (f.number == MESSAGE_HEADERS && f.type == WIRE_LEN)
            r = decode_headers(d, f.content, gathered);
        else if (trailers)
            continue; /* the other fields are the headers' only */
        else if (f.number == HEADERS_ATTRIBUTES && f.type == WIRE_LEN)
            parts_add(attributes, &before, &in, &f);
        else if (f.number == HEADERS_END_OF_STREAM && f.type == WIRE_VARINT)
            e->end = f.value != 0;
        if (r < 0)
            break;
    }
    return r;
}

/* The headers' own `attributes` count where the message has none. */
static int decode_map(struct decoder *d, struct reader message, struct event *e)
{
    struct parts attributes = {0};
    struct gathered gathered;
    gathered_init(&gathered);
    e->end = e->part == PART_TRAILERS;
    int r = decode_fields(d, message, e, &gathered, &attributes);
    if (r == 0)
        r = gathered_take(d, &gathered, &e->headers);
    e->n_headers = gathered.n;
    gathered_fini(&gathered);
    if (r == 0 && !e->attributes.raw.ptr)
        r = decode_tree(d, &attributes, HEADERS_ATTRIBUTES, decode_check_attributes,
                        decode_attributes, &e->attributes);
    return r;
}

/* A body's bytes are used in place. Only pieces smaller than their own descriptor are put together:
 * such pieces can only be an attempt to make us spend memory. */
static int decode_bytes(struct decoder *d, struct reader bytes, struct body *ret)
{
    size_t n = reader_pieces(bytes, NULL);
    if (n > 1 && n > reader_len(&bytes) / sizeof(struct extproc_str)) {
        struct extproc_str joined;
        int r = decoder_str(d, &bytes, &joined);
        if (r < 0)
            return r;
        bytes = reader_of_str(joined);
        n = 1;
    }
    void *pieces;
    int r = decoder_array(d, n, sizeof(struct extproc_str), &pieces);
    if (r < 0)
        return r;
    reader_pieces(bytes, pieces);
    body_init(ret, pieces, n);
    return 0;
}

static int decode_body(struct decoder *d, struct reader in, struct event *e)
{
    struct reader bytes = reader_of(NULL, 0);
    bool end = false, end_without_message = false;
    struct field f;
    int r;
    while ((r = reader_next(&in, &f)) > 0) {
        if (f.number == BODY_BODY && f.type == WIRE_LEN)
            bytes = f.content;
        else if (f.number == BODY_END_OF_STREAM && f.type == WIRE_VARINT)
            end = f.value != 0;
        else if (f.number == BODY_END_WITHOUT_MESSAGE && f.type == WIRE_VARINT)
            end_without_message = f.value != 0;
    }
    e->end = end || end_without_message;
    return r < 0 ? r : decode_bytes(d, bytes, &e->body);
}

static int decode_phase(struct decoder *d, const struct survey *s, struct event *e)
{
    if (s->phase_number == 0)
        return 0;
    unsigned place = s->phase_number - REQUEST_FIRST_PHASE;
    event_is(e, phase_of((enum lane)(place % N_LANES), (enum part)(place / N_LANES)));
    d->where = phase_name(e->phase);

    struct reader message;
    int r = parts_merge(d, &s->phase, s->phase_number, false, &message);
    if (r < 0)
        return r;
    return e->part == PART_BODY ? decode_body(d, message, e) : decode_map(d, message, e);
}

/* ---- what comes beside a phase --------------------------------------------------------------- */

static int decode_body_mode(struct decoder *d, uint64_t value, enum body_mode *ret)
{
    int32_t mode = (int32_t)(uint32_t)value; /* as protobuf cuts an enum */
    if (mode < 0 || mode >= N_BODY_MODES) {
        struct extproc_str why = arena_format(d->arena, "unknown body mode %d", (int)mode);
        return why.ptr ? decoder_fail(d, why.ptr) : -ENOMEM;
    }
    *ret = (enum body_mode)mode;
    return 0;
}

static int decode_protocol(struct decoder *d, const struct parts *parts, struct event *e)
{
    struct protocol *p = &e->protocol;
    struct reader in;
    struct field f;
    d->where = "protocol_config";
    e->has_protocol = parts->n > 0;

    int r = e->has_protocol ? parts_merge(d, parts, REQUEST_PROTOCOL_CONFIG, false, &in) : 0;
    while (r >= 0 && e->has_protocol && (r = reader_next(&in, &f)) > 0) {
        if (f.type != WIRE_VARINT)
            continue;
        if (f.number == PROTOCOL_REQUEST_BODY)
            r = decode_body_mode(d, f.value, &p->body_mode[LANE_REQUEST]);
        else if (f.number == PROTOCOL_RESPONSE_BODY)
            r = decode_body_mode(d, f.value, &p->body_mode[LANE_RESPONSE]);
    }
    return r;
}

static int decode_survey(struct reader in, struct survey *s)
{
    struct reader before = in;
    s->phase_number = 0;
    s->observing = false;
    parts_clear(&s->phase);
    parts_clear(&s->metadata);
    parts_clear(&s->attributes);
    parts_clear(&s->protocol);
    struct field f;
    int r;
    for (; (r = reader_next(&in, &f)) > 0; before = in) {
        if (f.number == REQUEST_OBSERVABILITY_MODE && f.type == WIRE_VARINT)
            s->observing = f.value != 0;
        if (f.type != WIRE_LEN)
            continue;
        if (f.number == REQUEST_METADATA_CONTEXT) {
            parts_add(&s->metadata, &before, &in, &f);
        } else if (f.number == REQUEST_ATTRIBUTES) {
            parts_add(&s->attributes, &before, &in, &f);
        } else if (f.number == REQUEST_PROTOCOL_CONFIG) {
            parts_add(&s->protocol, &before, &in, &f);
        } else if (f.number >= REQUEST_FIRST_PHASE && f.number <= REQUEST_LAST_PHASE) {
            if (f.number != s->phase_number)
                parts_clear(&s->phase); /* another member ends what was there */
            s->phase_number = f.number;
            parts_add(&s->phase, &before, &in, &f);
        }
    }
    return r;
}

/* The last member of the oneof counts, as in decode_survey(), which this does without. */
enum lane decode_lane(const struct extproc_str *pieces, size_t n_pieces)
{
    struct reader in = reader_of(pieces, n_pieces);
    enum lane lane = N_LANES;
    struct field f;
    int r;
    while ((r = reader_next(&in, &f)) > 0)
        if (f.type == WIRE_LEN && f.number >= REQUEST_FIRST_PHASE && f.number <= REQUEST_LAST_PHASE)
            lane = (enum lane)((f.number - REQUEST_FIRST_PHASE) % N_LANES);
    return r < 0 ? N_LANES : lane;
}

static int decode_event(struct decoder *d, struct reader message, struct event *e)
{
    struct survey s;
    int r = decode_survey(message, &s);
    if (r < 0)
        return r;
    e->observing = s.observing;
    r = decode_protocol(d, &s.protocol, e);
    if (r == 0) {
        d->where = "metadata_context";
        r = decode_tree(d, &s.metadata, REQUEST_METADATA_CONTEXT, decode_check_metadata,
                        decode_metadata, &e->metadata);
    }
    if (r == 0) {
        d->where = "attributes";
        r = decode_tree(d, &s.attributes, REQUEST_ATTRIBUTES, decode_check_attributes,
                        decode_attributes, &e->attributes);
    }
    return r < 0 ? r : decode_phase(d, &s, e);
}

int decode_request(const struct extproc_str *pieces, size_t n_pieces, struct arena *arena,
                   struct event *ret, const char **ret_why)
{
    struct reader message = reader_of(pieces, n_pieces);
    struct decoder d = {.arena = arena,
                        .budget = wire_max_memory(reader_len(&message)),
                        .where = "ProcessingRequest",
                        .why = "malformed protobuf"};
    *ret = (struct event){0};
    int r = decode_event(&d, message, ret);
    if (r == -EBADMSG) {
        const char *text = arena_format(arena, "%s: %s", d.where, d.why).ptr;
        if (!text)
            return -ENOMEM;
        *ret_why = text;
    }
    return r;
}
