/*
 * bare_grpc: the least that an ext_proc server on the gRPC core C API can do, for comparison.
 *
 *     bare_grpc [PORT]        on 127.0.0.1; 0 or none takes a free one. Prints where it listens.
 *     bare_grpc unix:PATH
 *
 * What extprocd costs above this is what our floors cost. So this has none of them (bare_answer.c
 * is all it does with a message), but its gRPC is as cheap as we know how:
 *
 *   - one completion queue and one thread for everything but accepting;
 *   - the method registered with its first payload; in a call one batch at a time, which sends an
 *     answer and asks for the next message, or sends the status and waits for the close;
 *   - messages parsed in place, answers packed straight into a slice;
 *   - connections accepted here and given to gRPC, so that we know their sockets: what a burst of
 *     events writes to them is held back with TCP_CORK and goes out when the burst is over.
 *
 * No other method is served (calls of one wait for ever), and a signal ends it without further ado.
 */
#include "bare_answer.h"
#include "bare_listen.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>

#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    N_POSTED = 64,
    MAX_CORKED = 64,
    MAX_BURST = 512, /* events; then what was held back goes out even if there are more */
};

/* What the call's one outstanding operation is. */
enum call_state {
    CALL_AWAITED,
    CALL_TALKS,
    CALL_ENDS,
};

struct call {
    struct call *next; /* spare */
    enum call_state state;
    grpc_call *call;
    grpc_byte_buffer *payload;
    grpc_metadata_array metadata;
    gpr_timespec deadline;
    int fd, cancelled;
    bool has_answered;
};

struct server {
    grpc_server *grpc;
    grpc_completion_queue *queue;
    void *method;
    int listen_fd;
    struct call *spare;
    int corked[MAX_CORKED];
    unsigned n_corked, n_burst;
    struct bare_parser parser;
};

static void post(struct server *s)
{
    struct call *c = s->spare;
    if (c) {
        s->spare = c->next;
    } else {
        c = calloc(1, sizeof *c);
        if (!c)
            errx(1, "out of memory");
        grpc_metadata_array_init(&c->metadata);
    }
    c->state = CALL_AWAITED;
    c->has_answered = false;
    if (grpc_server_request_registered_call(s->grpc, s->method, &c->call, &c->deadline,
                                            &c->metadata, &c->payload, s->queue, s->queue,
                                            c) != GRPC_CALL_OK)
        errx(1, "grpc_server_request_registered_call");
}

static void start(struct call *c, const grpc_op *ops, size_t n, enum call_state state)
{
    c->state = state;
    if (grpc_call_start_batch(c->call, ops, n, c, NULL) != GRPC_CALL_OK)
        errx(1, "grpc_call_start_batch");
}

static void finish(struct call *c, grpc_status_code code)
{
    grpc_op ops[3] = {0};
    size_t n = 0;
    if (!c->has_answered)
        ops[n++].op = GRPC_OP_SEND_INITIAL_METADATA;
    ops[n].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    ops[n++].data.send_status_from_server.status = code;
    ops[n].op = GRPC_OP_RECV_CLOSE_ON_SERVER;
    ops[n++].data.recv_close_on_server.cancelled = &c->cancelled;
    start(c, ops, n, CALL_ENDS);
}

/* Parses the payload, which is used up: 0 if it is not a request. */
static unsigned take_message(struct server *s, struct call *c)
{
    const grpc_slice_buffer *slices = &c->payload->data.raw.slice_buffer;
    grpc_slice message;
    if (slices->count == 1) {
        message = grpc_slice_ref(slices->slices[0]);
    } else {
        grpc_byte_buffer_reader reader;
        grpc_byte_buffer_reader_init(&reader, c->payload);
        message = grpc_byte_buffer_reader_readall(&reader);
        grpc_byte_buffer_reader_destroy(&reader);
    }
    unsigned asked =
        bare_parse(&s->parser, GRPC_SLICE_START_PTR(message), GRPC_SLICE_LENGTH(message));
    grpc_slice_unref(message);
    grpc_byte_buffer_destroy(c->payload);
    c->payload = NULL;
    return asked;
}

static grpc_byte_buffer *answer(unsigned asked)
{
    struct bare_answer a;
    bare_answer_init(&a, asked);
    grpc_slice slice = grpc_slice_malloc(bare_answer_len(&a));
    bare_answer_pack(&a, GRPC_SLICE_START_PTR(slice));
    grpc_byte_buffer *message = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return message;
}

static void on_message(struct server *s, struct call *c)
{
    grpc_op ops[3] = {0};
    size_t n = 0;
    unsigned asked = take_message(s, c);
    if (asked == 0) {
        finish(c, GRPC_STATUS_INVALID_ARGUMENT);
        return;
    }
    grpc_byte_buffer *message = answer(asked);
    if (!c->has_answered)
        ops[n++].op = GRPC_OP_SEND_INITIAL_METADATA;
    c->has_answered = true;
    ops[n].op = GRPC_OP_SEND_MESSAGE;
    ops[n++].data.send_message.send_message = message;
    ops[n].op = GRPC_OP_RECV_MESSAGE;
    ops[n++].data.recv_message.recv_message = &c->payload;
    start(c, ops, n, CALL_TALKS);
    grpc_byte_buffer_destroy(message);
}

static void uncork_all(struct server *s)
{
    for (unsigned i = 0; i < s->n_corked; i++)
        setsockopt(s->corked[i], IPPROTO_TCP, TCP_CORK, &(int){0}, sizeof(int));
    s->n_corked = s->n_burst = 0;
}

static void cork(struct server *s, int fd)
{
    for (unsigned i = 0; i < s->n_corked; i++)
        if (s->corked[i] == fd)
            return;
    if (s->n_corked == MAX_CORKED)
        uncork_all(s);
    setsockopt(fd, IPPROTO_TCP, TCP_CORK, &(int){1}, sizeof(int));
    s->corked[s->n_corked++] = fd;
}

/* Of a connection that gRPC was given as a descriptor, the peer is called "fd:N". */
static int call_fd(grpc_call *call)
{
    char *peer = grpc_call_get_peer(call);
    int fd = strncmp(peer, "fd:", 3) == 0 ? atoi(peer + 3) : -1;
    gpr_free(peer);
    return fd;
}

static void on_event(struct server *s, struct call *c, bool ok)
{
    if (c->state == CALL_AWAITED) {
        post(s);
        c->fd = call_fd(c->call);
    }
    cork(s, c->fd);
    if (c->state == CALL_ENDS) {
        grpc_call_unref(c->call);
        c->next = s->spare;
        s->spare = c;
    } else if (ok && c->payload) {
        on_message(s, c);
    } else {
        finish(c, GRPC_STATUS_OK);
    }
}

static void loop(struct server *s)
{
    gpr_timespec now = gpr_time_0(GPR_CLOCK_MONOTONIC);
    gpr_timespec never = gpr_inf_future(GPR_CLOCK_MONOTONIC);
    for (;;) {
        grpc_event ev = grpc_completion_queue_next(s->queue, s->n_corked > 0 ? now : never, NULL);
        if (ev.type == GRPC_QUEUE_TIMEOUT || ++s->n_burst > MAX_BURST)
            uncork_all(s);
        if (ev.type == GRPC_OP_COMPLETE)
            on_event(s, ev.tag, ev.success);
    }
}

static void *accept_all(void *arg)
{
    struct server *s = arg;
    grpc_server_credentials *insecure = grpc_insecure_server_credentials_create();
    for (;;) {
        int fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0)
            err(1, "accept");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        grpc_server_add_channel_from_fd(s->grpc, fd, insecure);
    }
}

static void start_grpc(struct server *s)
{
    /* What extprocd turns off, as far as it costs. */
    grpc_arg off[] = {
        {.key = (char[]){GRPC_ARG_HTTP2_BDP_PROBE}, .type = GRPC_ARG_INTEGER},
        {.key = (char[]){GRPC_ARG_ENABLE_CHANNELZ}, .type = GRPC_ARG_INTEGER},
        {.key = (char[]){GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION}, .type = GRPC_ARG_INTEGER},
    };
    const grpc_channel_args args = {sizeof off / sizeof *off, off};

    grpc_init();
    s->grpc = grpc_server_create(&args, NULL);
    s->queue = grpc_completion_queue_create_for_next(NULL);
    grpc_server_register_completion_queue(s->grpc, s->queue, NULL);
    s->method =
        grpc_server_register_method(s->grpc, "/envoy.service.ext_proc.v3.ExternalProcessor/Process",
                                    NULL, GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
    grpc_server_start(s->grpc);
    for (int i = 0; i < N_POSTED; i++)
        post(s);
}

int main(int argc, char **argv)
{
    struct server s = {0};
    pthread_t acceptor;
    signal(SIGPIPE, SIG_IGN);
    bare_parser_init(&s.parser);
    s.listen_fd = bare_listen(argc, argv);
    start_grpc(&s);
    errno = pthread_create(&acceptor, NULL, accept_all, &s);
    if (errno)
        err(1, "pthread_create");
    loop(&s);
}
