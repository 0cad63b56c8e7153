/* rig: a transport that serves an echo in a thread of its own, and a gRPC client to talk to it.
 *
 * The first byte of a message says what the echo does with it:
 *     0..9  answers it as often
 *     h     answers with its hash
 *     l     answers once, later: from the loop, when nothing else is going on
 *     m     the same, but one answer is given at once as well
 *     f     finishes with status 7
 *     F     answers once, and finishes with status 7 later
 *     e     answers once and finishes with OK
 * Everything that waits, waits for at most WAIT_S.
 */
#ifndef EXTPROCD_TESTS_UNIT_TRANSPORT_RIG_H
#define EXTPROCD_TESTS_UNIT_TRANSPORT_RIG_H

#include "transport/transport.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_S = 20 };

#define ECHO_PATH "/test.Echo/Talk"

struct rig {
    /* Before rig_start(). */
    bool unix_socket;
    const char *log_file;
    struct transport_listener listener; /* its limits */
    sigset_t signals;
    bool deaf; /* a half-close is not answered */

    struct arena arena;
    struct log *log;
    const struct transport_ops *ops;
    struct transport *t;
    pthread_t thread;
    char target[128];

    pthread_mutex_t mutex; /* guards the counts */
    pthread_cond_t changed;
    unsigned n_open, n_message, n_half_close, n_closed[3], n_posted, last_signal;
};

static inline struct timespec rig_deadline(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += WAIT_S;
    return t;
}

static inline void rig_count(struct rig *rig, unsigned *count, unsigned add)
{
    pthread_mutex_lock(&rig->mutex);
    *count += add;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->mutex);
}

static inline void rig_wait(struct rig *rig, const unsigned *count, unsigned until)
{
    struct timespec deadline = rig_deadline();
    int r = 0;
    pthread_mutex_lock(&rig->mutex);
    while (*count < until && !r)
        r = pthread_cond_timedwait(&rig->changed, &rig->mutex, &deadline);
    pthread_mutex_unlock(&rig->mutex);
    cr_assert_eq(r, 0, "waited in vain: %u of %u", *count, until);
}

/* ---- the echo ---------------------------------------------------------------------------------- */

struct echo {
    struct rig *rig;
    struct transport_call *call;
};

static inline void *echo_open(void *arg, struct transport_call *call)
{
    struct echo *echo = malloc(sizeof *echo);
    *echo = (struct echo){arg, call};
    rig_count(echo->rig, &echo->rig->n_open, 1);
    return echo;
}

static inline void echo_answer(struct echo *echo, const char *bytes, size_t len)
{
    uint8_t *buffer = transport_reserve(echo->call, len);
    if (len)
        memcpy(buffer, bytes, len);
    transport_send(echo->call);
}

static inline void echo_later(void *stream)
{
    echo_answer(stream, "later", 5);
}

static inline uint64_t echo_hash(uint64_t h, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)bytes[i]) * 0x100000001b3;
    return h;
}

static inline void echo_fail(void *stream)
{
    struct echo *echo = stream;
    transport_finish(echo->call, 7, (struct extproc_str){"told to", 7});
}

static inline void echo_act(struct echo *echo, char what, const char *bytes, size_t len)
{
    uint64_t hash = echo_hash(0, bytes, len);
    if (what >= '0' && what <= '9')
        for (char i = '0'; i < what; i++)
            echo_answer(echo, bytes, len);
    else if (what == 'h')
        echo_answer(echo, (const char *)&hash, sizeof hash);
    else if (what == 'f')
        echo_fail(echo);
    if (what == 'm' || what == 'e' || what == 'F')
        echo_answer(echo, bytes, len);
    if (what == 'e')
        transport_finish(echo->call, TRANSPORT_OK, (struct extproc_str){NULL, 0});
    if (what == 'm')
        transport_unprompted(echo->call);
    if (what == 'm' || what == 'l')
        echo->rig->ops->after(echo->rig->t, 1, echo_later, echo);
    if (what == 'F')
        echo->rig->ops->after(echo->rig->t, 1, echo_fail, echo);
}

static inline void echo_message(void *stream, const struct message *message)
{
    struct echo *echo = stream;
    struct message bytes = *message;
    size_t len = 0;
    for (size_t i = 0; i < message->n_pieces; i++)
        len += message->pieces[i].len;
    char *joined = malloc(len + 1), *p = joined;
    *p = 0;
    for (size_t i = 0; i < message->n_pieces; i++)
        p = mempcpy(p, message->pieces[i].ptr, message->pieces[i].len);
    message_release(&bytes);
    echo_act(echo, *joined, joined, len);
    free(joined);
    rig_count(echo->rig, &echo->rig->n_message, 1);
}

static inline void echo_half_close(void *stream)
{
    struct echo *echo = stream;
    if (!echo->rig->deaf)
        transport_finish(echo->call, TRANSPORT_OK, (struct extproc_str){NULL, 0});
    rig_count(echo->rig, &echo->rig->n_half_close, 1);
}

static inline void echo_closed(void *stream, enum transport_end why)
{
    struct echo *echo = stream;
    rig_count(echo->rig, &echo->rig->n_closed[why], 1);
    free(echo);
}

/* ---- the server -------------------------------------------------------------------------------- */

static inline void rig_on_signal(void *arg, int signal)
{
    struct rig *rig = arg;
    rig_count(rig, &rig->last_signal, (unsigned)signal);
}

static inline int rig_listen(struct rig *rig)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sockaddr *address = rig->unix_socket ? (struct sockaddr *)&un : (struct sockaddr *)&in;
    socklen_t len = rig->unix_socket ? sizeof un : sizeof in;
    snprintf(un.sun_path, sizeof un.sun_path, "%s/extprocd-rig-%d", P_tmpdir, (int)getpid());
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(fd, address, len) == 0 && listen(fd, 128) == 0, "%s", strerror(errno));
    getsockname(fd, address, &len);
    if (rig->unix_socket)
        snprintf(rig->target, sizeof rig->target, "unix:%s", un.sun_path);
    else
        snprintf(rig->target, sizeof rig->target, "127.0.0.1:%d", ntohs(in.sin_port));
    return fd;
}

static inline void *rig_main(void *arg)
{
    struct rig *rig = arg;
    rig->ops->run(rig->t);
    return NULL;
}

static inline void rig_start(struct rig *rig)
{
    static const struct transport_service echo = {ECHO_PATH, echo_open, echo_message,
                                                  echo_half_close, echo_closed};
    static const char *const names[] = {"test.Echo"};
    pthread_mutex_init(&rig->mutex, NULL);
    pthread_cond_init(&rig->changed, NULL);
    arena_init(&rig->arena, 1024);
    if (rig->log_file)
        cr_assert_eq(log_new(&(struct log_options){.file = rig->log_file}, &rig->log), 0);
    struct transport_listener *l = &rig->listener;
    l->name = "test";
    l->address = rig->target;
    l->fd = rig_listen(rig);
    l->tcp = !rig->unix_socket;
    l->arg = rig;
    if (!l->max_message)
        l->max_message = 64u << 20;
    if (!l->max_header_list)
        l->max_header_list = 64u << 10;
    const struct transport_options options = {
        rig->log, l, 1, &echo, 1, names, 1, rig->signals, rig_on_signal, rig};
    const char *why = NULL;
    rig->ops = transport_find("grpc");
    int r = rig->ops->create(&options, &rig->arena, &rig->t, &why);
    cr_assert_eq(r, 0, "%s", why);
    pthread_create(&rig->thread, NULL, rig_main, rig);
}

static inline void rig_do_stop(void *arg)
{
    struct rig *rig = arg;
    rig->ops->stop(rig->t);
}

static inline void rig_do_drain(void *arg)
{
    struct rig *rig = arg;
    rig->ops->drain(rig->t, WAIT_S * 1000);
}

/* run() has returned, or will at once. */
static inline void rig_join(struct rig *rig)
{
    struct timespec deadline = rig_deadline();
    cr_assert_eq(pthread_timedjoin_np(rig->thread, NULL, &deadline), 0, "run() does not return");
    rig->ops->destroy(rig->t);
    log_free(rig->log);
    close(rig->listener.fd);
    if (rig->unix_socket)
        unlink(rig->target + strlen("unix:"));
    arena_fini(&rig->arena);
}

static inline void rig_end(struct rig *rig)
{
    rig->ops->post(rig->t, rig_do_stop, rig);
    rig_join(rig);
}

/* ---- the client -------------------------------------------------------------------------------- */

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

/* One message, with a NUL behind it, from malloc; NULL: there came none. */
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
