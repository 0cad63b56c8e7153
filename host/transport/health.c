/* health: grpc.health.v1.Health, by which proxies ask whether a server wants work.
 *
 * Every open stream is a probe. The probes of Watch that were answered, and may get further
 * answers, are in the list of watchers until their stream is closed or finished.
 *
 *     serving ──health_lame()──► lame: NOT_SERVING ──health_stop()──► stopped: the same, without watchers
 */
#include "transport/health.h"

#include "grpc/health/v1/health.pb-c.h"

#include <stdlib.h>
#include <string.h>

typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus serving_status;

#define SERVING         GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define NOT_SERVING     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
#define SERVICE_UNKNOWN GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN

enum {
    REQUEST_MAX = 4096
}; /* a request holds one service name: more is an attack on the unpacker */

struct probe {
    struct health *health;
    struct transport_call *call;
    bool asked;                 /* the one request has come */
    bool knows;                 /* the service it asked for is one of ours */
    struct probe *next, **link; /* as a watcher; link NULL: it is none */
};

enum health_state { HEALTH_SERVING, HEALTH_LAME, HEALTH_STOPPED };

struct health {
    const char *const *names;
    size_t n_names;
    enum health_state state;
    struct probe *watchers;
};

struct health *health_new(const char *const *names, size_t n_names)
{
    struct health *h = calloc(1, sizeof *h);
    if (h) {
        h->names = names;
        h->n_names = n_names;
    }
    return h;
}

struct health *health_free(struct health *h)
{
    free(h);
    return NULL;
}

static bool health_knows(const struct health *h, const char *service)
{
    if (!*service)
        return true;
    for (size_t i = 0; i < h->n_names; i++)
        if (!strcmp(h->names[i], service))
            return true;
    return false;
}

static serving_status probe_status(const struct probe *probe)
{
    if (!probe->knows)
        return SERVICE_UNKNOWN;
    return probe->health->state == HEALTH_SERVING ? SERVING : NOT_SERVING;
}

static void probe_finish(struct probe *probe, enum status status, const char *why)
{
    transport_finish(probe->call, status, (struct extproc_str){why, strlen(why)});
}

/* False: out of memory, and the stream is finished with that. */
static bool probe_report(struct probe *probe)
{
    Grpc__Health__V1__HealthCheckResponse response;
    grpc__health__v1__health_check_response__init(&response);
    response.status = probe_status(probe);
    size_t len = grpc__health__v1__health_check_response__get_packed_size(&response);
    uint8_t *buffer = transport_reserve(probe->call, len);
    if (!buffer) {
        probe_finish(probe, STATUS_RESOURCE_EXHAUSTED, "out of memory");
        return false;
    }
    grpc__health__v1__health_check_response__pack(&response, buffer);
    transport_send(probe->call);
    return true;
}

/* Joins the pieces; 0 bytes are a request too. False: longer than any request is. */
static bool join(const struct message *message, uint8_t *buffer, size_t *ret_len)
{
    size_t len = 0;
    for (size_t i = 0; i < message->n_pieces; i++) {
        struct extproc_str piece = message->pieces[i];
        if (piece.len > REQUEST_MAX - len)
            return false;
        if (piece.len)
            memcpy(buffer + len, piece.ptr, piece.len);
        len += piece.len;
    }
    *ret_len = len;
    return true;
}

/* Reads the request and finds out whether we know what it asks for. False: it is none, and the
 * stream is finished with that. */
static bool probe_read(struct probe *probe, const struct message *message)
{
    uint8_t buffer[REQUEST_MAX];
    size_t len = 0;
    if (!join(message, buffer, &len)) {
        probe_finish(probe, STATUS_INVALID_ARGUMENT, "health request too long");
        return false;
    }
    Grpc__Health__V1__HealthCheckRequest *request =
        grpc__health__v1__health_check_request__unpack(NULL, len, buffer);
    if (!request) {
        probe_finish(probe, STATUS_INVALID_ARGUMENT, "malformed health request");
        return false;
    }
    probe->knows = health_knows(probe->health, request->service);
    grpc__health__v1__health_check_request__free_unpacked(request, NULL);
    return true;
}

static void *probe_open(void *arg, struct transport_call *call)
{
    struct probe *probe = calloc(1, sizeof *probe);
    if (probe) {
        probe->health = arg;
        probe->call = call;
    }
    return probe;
}

static void check_message(void *stream, const struct message *message)
{
    struct probe *probe = stream;
    struct message bytes = *message;
    if (probe_read(probe, &bytes)) {
        if (!probe->knows)
            probe_finish(probe, STATUS_NOT_FOUND, "unknown service");
        else if (probe_report(probe))
            probe_finish(probe, STATUS_OK, "");
    }
    probe->asked = true;
    message_release(&bytes);
}

static void watch_begin(struct probe *probe)
{
    struct health *h = probe->health;
    transport_unprompted(probe->call);
    if (!probe_report(probe))
        return;
    if (h->state == HEALTH_STOPPED) {
        probe_finish(probe, STATUS_UNAVAILABLE, "shutting down");
        return;
    }
    probe->next = h->watchers;
    probe->link = &h->watchers;
    if (probe->next)
        probe->next->link = &probe->next;
    h->watchers = probe;
}

static void watch_message(void *stream, const struct message *message)
{
    struct probe *probe = stream;
    struct message bytes = *message;
    if (!probe->asked && probe_read(probe, &bytes))
        watch_begin(probe);
    probe->asked = true;
    message_release(&bytes);
}

/* For Check, and for Watch, which continues to get answers. */
static void probe_half_close(void *stream)
{
    struct probe *probe = stream;
    if (!probe->asked) /* what gRPC's table of statuses says of a wrong number of requests */
        probe_finish(probe, STATUS_UNIMPLEMENTED, "no health request");
}

static void probe_unlink(struct probe *probe)
{
    if (!probe->link)
        return;
    *probe->link = probe->next;
    if (probe->next)
        probe->next->link = probe->link;
    probe->link = NULL;
}

static void probe_closed(void *stream, enum transport_end why)
{
    probe_unlink(stream);
    free(stream);
}

void health_lame(struct health *h)
{
    if (h->state != HEALTH_SERVING)
        return;
    h->state = HEALTH_LAME;
    for (struct probe *probe = h->watchers, *next; probe; probe = next) {
        next = probe->next;
        if (probe->knows && !probe_report(probe))
            probe_unlink(probe);
    }
}

void health_stop(struct health *h)
{
    health_lame(h);
    h->state = HEALTH_STOPPED;
    while (h->watchers) {
        struct probe *probe = h->watchers;
        probe_unlink(probe);
        probe_finish(probe, STATUS_UNAVAILABLE, "shutting down");
    }
}

const struct transport_handler health_handlers[N_HEALTH_HANDLERS] = {
    {"/grpc.health.v1.Health/Check", probe_open, check_message, probe_half_close, probe_closed},
    {"/grpc.health.v1.Health/Watch", probe_open, watch_message, probe_half_close, probe_closed},
};
