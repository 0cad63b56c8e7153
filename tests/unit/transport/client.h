/* client: a gRPC client, the gRPC core's own, which talks to the rig's echo. */
#ifndef EXTPROCD_TESTS_UNIT_TRANSPORT_CLIENT_H
#define EXTPROCD_TESTS_UNIT_TRANSPORT_CLIENT_H

#include "unit/transport/rig.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>

struct client {
    grpc_channel *channel;
    grpc_completion_queue *cq;
};

struct client_call {
    grpc_completion_queue *cq;
    grpc_call *call;
    grpc_metadata_array initial, trailing;
    bool has_initial;
    char status_text[512];
};

static inline void client_connect(struct client *c, const char *target)
{
    grpc_arg args[] = {
        {.type = GRPC_ARG_INTEGER,
         .key = (char[]){GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH},
         .value.integer = -1},
        {.type = GRPC_ARG_INTEGER,
         .key = (char[]){GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL},
         .value.integer = 1},
    };
    grpc_init();
    grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
    c->channel = grpc_channel_create(target, credentials, &(grpc_channel_args){2, args});
    grpc_channel_credentials_release(credentials);
    c->cq = grpc_completion_queue_create_for_pluck(NULL);
}

static inline void client_close(struct client *c)
{
    grpc_channel_destroy(c->channel);
    grpc_completion_queue_shutdown(c->cq);
    grpc_completion_queue_destroy(c->cq);
    grpc_shutdown_blocking();
}

/* Does it, and waits until it is done. */
static inline bool client_batch(struct client_call *c, const grpc_op *ops, size_t n_ops)
{
    cr_assert_eq(grpc_call_start_batch(c->call, ops, n_ops, c, NULL), GRPC_CALL_OK);
    gpr_timespec deadline =
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_seconds(WAIT_S, GPR_TIMESPAN));
    grpc_event event = grpc_completion_queue_pluck(c->cq, c, deadline, NULL);
    cr_assert_eq(event.type, GRPC_OP_COMPLETE, "waited in vain for the server");
    return event.success;
}

static inline void client_new_call(struct client_call *c, struct client *client, const char *path,
                                   gpr_timespec deadline)
{
    memset(c, 0, sizeof *c);
    c->cq = client->cq;
    grpc_slice method = grpc_slice_from_copied_string(path);
    c->call = grpc_channel_create_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS, client->cq,
                                       method, NULL, deadline, NULL);
    grpc_slice_unref(method);
}

static inline bool client_open_with(struct client_call *c, struct client *client, const char *path,
                                    grpc_metadata *metadata, size_t n_metadata)
{
    client_new_call(c, client, path, gpr_inf_future(GPR_CLOCK_MONOTONIC));
    grpc_op op = {.op = GRPC_OP_SEND_INITIAL_METADATA,
                  .flags = GRPC_INITIAL_METADATA_WAIT_FOR_READY};
    op.data.send_initial_metadata.metadata = metadata;
    op.data.send_initial_metadata.count = n_metadata;
    return client_batch(c, &op, 1);
}

static inline void client_open(struct client_call *c, struct client *client)
{
    cr_assert(client_open_with(c, client, ECHO_PATH, NULL, 0));
}

static inline bool client_send(struct client_call *c, const void *bytes, size_t len)
{
    grpc_slice slice = grpc_slice_from_copied_buffer(bytes, len);
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = buffer};
    bool ok = client_batch(c, &op, 1);
    grpc_byte_buffer_destroy(buffer);
    grpc_slice_unref(slice);
    return ok;
}

static inline bool client_say(struct client_call *c, const char *text)
{
    return client_send(c, text, strlen(text));
}

static inline void client_half_close(struct client_call *c)
{
    grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
    client_batch(c, &op, 1);
}

static inline size_t client_add_initial(struct client_call *c, grpc_op *op)
{
    if (c->has_initial)
        return 0;
    c->has_initial = true;
    *op = (grpc_op){.op = GRPC_OP_RECV_INITIAL_METADATA,
                    .data.recv_initial_metadata.recv_initial_metadata = &c->initial};
    return 1;
}

/* One message, followed by a NUL, from malloc; NULL: none came. */
static inline char *client_receive(struct client_call *c, size_t *ret_len)
{
    grpc_byte_buffer *buffer = NULL;
    grpc_op ops[2];
    size_t n = client_add_initial(c, ops);
    ops[n] = (grpc_op){.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &buffer};
    client_batch(c, ops, n + 1);
    if (!buffer)
        return NULL;
    grpc_byte_buffer_reader reader;
    grpc_byte_buffer_reader_init(&reader, buffer);
    grpc_slice all = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    grpc_byte_buffer_destroy(buffer);
    *ret_len = GRPC_SLICE_LENGTH(all);
    char *bytes = malloc(*ret_len + 1);
    memcpy(bytes, GRPC_SLICE_START_PTR(all), *ret_len);
    bytes[*ret_len] = 0;
    grpc_slice_unref(all);
    return bytes;
}

static inline void client_expect(struct client_call *c, const char *text)
{
    size_t len;
    char *got = client_receive(c, &len);
    cr_assert_not_null(got, "no message, instead of %s", text);
    cr_assert_str_eq(got, text);
    free(got);
}

/* The call's status; its text in status_text. The call is over, and its memory freed. */
static inline int client_status(struct client_call *c)
{
    grpc_status_code status = GRPC_STATUS_OK;
    grpc_slice text = grpc_empty_slice();
    grpc_op ops[2];
    size_t n = client_add_initial(c, ops);
    ops[n] = (grpc_op){.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
    ops[n].data.recv_status_on_client.trailing_metadata = &c->trailing;
    ops[n].data.recv_status_on_client.status = &status;
    ops[n].data.recv_status_on_client.status_details = &text;
    client_batch(c, ops, n + 1);
    snprintf(c->status_text, sizeof c->status_text, "%.*s", (int)GRPC_SLICE_LENGTH(text),
             (const char *)GRPC_SLICE_START_PTR(text));
    grpc_slice_unref(text);
    grpc_metadata_array_destroy(&c->initial);
    grpc_metadata_array_destroy(&c->trailing);
    grpc_call_unref(c->call);
    return status;
}

/* RST_STREAM, as Envoy ends its streams. */
static inline void client_reset(struct client_call *c)
{
    grpc_call_cancel(c->call, NULL);
    cr_assert_eq(client_status(c), GRPC_STATUS_CANCELLED);
}

#endif
