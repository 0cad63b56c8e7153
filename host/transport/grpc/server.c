/* server: one listener's gRPC server: its limits, its methods, and the slots for calls to come.
 *
 * A slot is posted to gRPC, comes back with a call in it, and is posted again immediately. Slots of
 * a method come back with the first message as well, so that a call and its first message are one
 * event. gRPC passes a call with an unknown path only to a slot without a method: without such a
 * slot, the call would hang until its client cancels it.
 */
#include "transport/grpc/server.h"

#include "transport/grpc/peer.h"
#include "transport/metadata.h"

#include <grpc/byte_buffer.h>
#include <grpc/compression.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    UNKNOWN_SLOTS = 4,
    PATH_SHOWN = 128,       /* of an unknown one, bytes */
    PING_INTERVAL_MS = 1000 /* pings that come faster end the connection, ENHANCE_YOUR_CALM */
};

struct slot {
    struct tag tag;
    struct server *server;
    void *method; /* gRPC's handle; NULL: for unknown paths */
    struct server_binding binding;
    grpc_call *call;
    grpc_metadata_array metadata;
    grpc_byte_buffer *first;
    gpr_timespec deadline;
    grpc_call_details details;
};

static void slot_post(struct slot *slot)
{
    struct server *s = slot->server;
    grpc_completion_queue *cq = s->pool->completions->cq;
    grpc_metadata_array_init(&slot->metadata);
    /* Neither can fail but by our own mistake; in a server that is shut down the slot comes
     * back. */
    if (slot->method) {
        grpc_server_request_registered_call(s->grpc, slot->method, &slot->call, &slot->deadline,
                                            &slot->metadata, &slot->first, cq, cq, &slot->tag);
    } else {
        grpc_call_details_init(&slot->details);
        grpc_server_request_call(s->grpc, &slot->call, &slot->details, &slot->metadata, cq, cq,
                                 &slot->tag);
    }
}

static void refuse(struct slot *slot, enum status status, struct extproc_str why)
{
    const struct server *s = slot->server;
    grpc_call *call = slot->call;
    if (slot->first)
        grpc_byte_buffer_destroy(slot->first);
    slot_post(slot);
    call_refuse(s->pool, call, s->listener->tcp, status, why);
}

static void refuse_unknown(struct slot *slot)
{
    grpc_slice path = slot->details.method;
    char text[PATH_SHOWN + 32];
    size_t path_len = GRPC_SLICE_LENGTH(path) < PATH_SHOWN ? GRPC_SLICE_LENGTH(path) : PATH_SHOWN;
    int len = snprintf(text, sizeof text, "unknown method %.*s", (int)path_len,
                       (const char *)GRPC_SLICE_START_PTR(path));
    grpc_call_details_destroy(&slot->details);
    refuse(slot, STATUS_UNIMPLEMENTED, (struct extproc_str){text, (size_t)len});
}

/* As HTTP/2 counts a header list (RFC 9113, 6.5.2). */
static size_t metadata_size(const grpc_metadata_array *metadata)
{
    size_t size = 0;
    for (size_t i = 0; i < metadata->count; i++)
        size += GRPC_SLICE_LENGTH(metadata->metadata[i].key) +
                GRPC_SLICE_LENGTH(metadata->metadata[i].value) + 32;
    return size;
}

static struct extproc_str view(const grpc_slice *slice)
{
    return (struct extproc_str){(const char *)GRPC_SLICE_START_PTR(*slice),
                                GRPC_SLICE_LENGTH(*slice)};
}

/* What is wanted of it. 0 or -ENOMEM. */
static int keep_metadata(const grpc_metadata_array *metadata, const struct transport_options *o,
                         struct metadata **ret)
{
    int r = 0;
    for (size_t i = 0; o->n_metadata && i < metadata->count && !r; i++) {
        const grpc_metadata *field = &metadata->metadata[i];
        struct extproc_str name = view(&field->key), value = view(&field->value);
        r = metadata_is_binary(name) ? metadata_add_bytes(ret, o, name, value)
                                     : metadata_add(ret, o, name, value);
    }
    return r;
}

static void refuse_metadata(struct slot *slot, size_t size)
{
    struct server *s = slot->server;
    char text[96], amount[24], peer[PEERNAME_MAX];
    const struct limit_place place = {.listener = s->listener, .peer = peer};
    (void)peer_name(slot->call, peer);
    int len = snprintf(text, sizeof text, "metadata of %zu bytes, and max_header_list is %zu", size,
                       s->listener->limits.max_header_list);
    snprintf(amount, sizeof amount, "%zu", size);
    limits_exceeded(s->limits, LIMIT_HEADER_LIST, &place, amount);
    refuse(slot, STATUS_RESOURCE_EXHAUSTED, (struct extproc_str){text, (size_t)len});
}

static void begin_call(struct slot *slot, struct metadata *metadata)
{
    struct server *s = slot->server;
    const struct call_start start = {.grpc = slot->call,
                                     .tcp = s->listener->tcp,
                                     .handler = slot->binding.handler,
                                     .arg = slot->binding.arg,
                                     .metadata = metadata,
                                     .first = slot->first};
    slot_post(slot);
    call_begin(s->pool, &start);
}

static void slot_done(void *owner, bool ok)
{
    struct slot *slot = owner;
    struct server *s = slot->server;
    size_t size = metadata_size(&slot->metadata);
    struct metadata *kept = NULL;
    int r = keep_metadata(&slot->metadata, s->pool->options, &kept);
    grpc_metadata_array_destroy(&slot->metadata);
    bool fits = size <= s->listener->limits.max_header_list;
    if (ok && slot->method && fits && !r) {
        begin_call(slot, kept);
        return;
    }
    metadata_free(kept);
    if (!ok) /* the server is shut down */
        return;
    if (!slot->method)
        refuse_unknown(slot);
    else if (!fits)
        refuse_metadata(slot, size);
    else
        refuse(slot, STATUS_RESOURCE_EXHAUSTED, EXTPROC_S("out of memory"));
}

/* ---- life ------------------------------------------------------------------------------------ */

static grpc_arg number(const char *key, size_t value)
{
    grpc_arg arg = {.type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key};
    arg.value.integer = value > INT_MAX ? INT_MAX : (int)value;
    return arg;
}

/* 0 is none; for gRPC, INT_MAX is. */
static size_t no_limit(uint64_t limit)
{
    return limit && limit < INT_MAX ? (size_t)limit : INT_MAX;
}

static grpc_server *make_server(const struct transport_listener *l)
{
    grpc_arg args[] = {
        number(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, l->limits.max_message),
        /* A call over gRPC's own limit takes its connection with it (1.51), and so its neighbours:
         * ours is asked first, see refuse_metadata(). */
        number(GRPC_ARG_MAX_METADATA_SIZE, 4 * l->limits.max_header_list),
        /* gRPC decompresses a complete message before it checks its size: a megabyte could
         * become a gigabyte. So there is no compression: such a call gets UNIMPLEMENTED. */
        number(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1u << GRPC_COMPRESS_NONE),
        number(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
        /* Proxies ping idle connections; gRPC would allow them one ping in two hours. */
        number(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
        number(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, PING_INTERVAL_MS),
        /* These cost a few per cent, and their data is not used. */
        number(GRPC_ARG_HTTP2_BDP_PROBE, 0),
        number(GRPC_ARG_ENABLE_CHANNELZ, 0),
        number(GRPC_ARG_MAX_CONNECTION_IDLE_MS, no_limit(l->limits.idle_ms)),
        number(GRPC_ARG_MAX_CONNECTION_AGE_MS, no_limit(l->limits.age_ms)),
        number(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, no_limit(l->limits.grace_ms)),
        number(GRPC_ARG_MAX_CONCURRENT_STREAMS, no_limit(l->limits.max_streams)),
    };
    size_t n_args = sizeof args / sizeof *args;
    return grpc_server_create(&(grpc_channel_args){n_args, args}, NULL);
}

static int add_slots(struct server *s, const struct server_binding *binding)
{
    void *method = NULL;
    if (binding->handler) {
        method = grpc_server_register_method(s->grpc, binding->handler->path, NULL,
                                             GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
        if (!method) /* registered before */
            return -EEXIST;
    }
    for (unsigned i = 0; i < binding->n_slots; i++) {
        struct slot *slot = &s->slots[s->n_slots++];
        slot->tag = (struct tag){slot_done, slot};
        slot->server = s;
        slot->method = method;
        slot->binding = *binding;
    }
    return 0;
}

int server_init(struct server *s, const struct transport_listener *listener,
                const struct limits *limits, struct call_pool *pool,
                const struct server_binding *bindings, size_t n_bindings)
{
    size_t n_slots = UNKNOWN_SLOTS;
    for (size_t i = 0; i < n_bindings; i++)
        n_slots += bindings[i].n_slots;
    *s = (struct server){.listener = listener, .limits = limits, .pool = pool};
    s->slots = calloc(n_slots, sizeof *s->slots);
    if (!s->slots)
        return -ENOMEM;
    grpc_server *grpc = make_server(listener);
    s->grpc = grpc;
    for (size_t i = 0; i < n_bindings; i++) {
        int r = add_slots(s, &bindings[i]);
        if (r)
            return r;
    }
    const struct server_binding unknown = {.n_slots = UNKNOWN_SLOTS};
    (void)add_slots(s, &unknown);
    grpc_server_register_completion_queue(grpc, pool->completions->cq, NULL);
    grpc_server_start(grpc);
    for (size_t i = 0; i < s->n_slots; i++)
        slot_post(&s->slots[i]);
    return 0;
}

void server_fini(struct server *s)
{
    if (s->grpc)
        grpc_server_destroy(s->grpc);
    free(s->slots);
}

void server_shutdown(struct server *s, struct tag *tag)
{
    grpc_server_shutdown_and_notify(s->grpc, s->pool->completions->cq, tag);
}

void server_cancel(struct server *s)
{
    grpc_server_cancel_all_calls(s->grpc);
}
