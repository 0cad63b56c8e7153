/* The health service on a call that is none: what it sends is kept here. */
#include "transport/health.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct fake_call {
    struct transport_call base;
    uint8_t sent[8][16];
    size_t len[8];
    int n_sent;
    int status; /* -1: none yet */ /* -1: not finished */
    bool no_memory;
};

static uint8_t *fake_reserve(struct transport_call *base, size_t len)
{
    struct fake_call *call = (struct fake_call *)base;
    cr_assert_leq(len, sizeof call->sent[0]);
    call->len[call->n_sent] = len;
    return call->no_memory ? NULL : call->sent[call->n_sent];
}

static void fake_send(struct transport_call *base)
{
    ((struct fake_call *)base)->n_sent++;
}

static void fake_unprompted(struct transport_call *base)
{
}

static void fake_finish(struct transport_call *base, enum status status, struct extproc_str message)
{
    struct fake_call *call = (struct fake_call *)base;
    if (call->status < 0)
        call->status = (int)status;
}

static const struct transport_ops fake_ops = {.reserve = fake_reserve,
                                              .send = fake_send,
                                              .unprompted = fake_unprompted,
                                              .finish = fake_finish};
static const struct transport_handler *const check = &health_handlers[0], *const watch =
                                                                              &health_handlers[1];
static struct health *health;
static struct fake_call call, other;

static void begin(void)
{
    static const char *const names[] = {"a.Service"};
    health = health_new(names, 1);
    call = other = (struct fake_call){.base = {&fake_ops}, .status = -1};
}

static void end(void)
{
    health_free(health);
}

TestSuite(health, .init = begin, .fini = end);

static int n_released;

static void released(void *owner)
{
    n_released++;
}

/* A request for a service, in two pieces as gRPC may hand it over. */
static void ask(const struct transport_handler *handler, void *stream, const char *name)
{
    char bytes[128];
    size_t len = strlen(name);
    bytes[0] = 0x0a;
    bytes[1] = (char)len;
    memcpy(bytes + 2, name, len);
    const struct extproc_str pieces[] = {{bytes, 1}, {bytes + 1, len + 1}};
    int before = n_released;
    handler->message(stream, &(struct message){pieces, 2, NULL, released});
    cr_assert_eq(n_released, before + 1);
}

static void cr_assert_said(const struct fake_call *c, int n, enum status status)
{
    cr_assert_eq(c->n_sent, n);
    cr_assert_eq(c->len[n - 1], 2);
    cr_assert(c->sent[n - 1][0] == 0x08 && c->sent[n - 1][1] == status, "%d", c->sent[n - 1][1]);
}

Test(health, check_of_a_handler)
{
    void *stream = check->open(health, &call.base);
    ask(check, stream, "a.Service");
    cr_assert_said(&call, 1, 1);
    cr_assert_eq(call.status, STATUS_OK);
    check->closed(stream, TRANSPORT_FINISHED);
}

Test(health, an_empty_request_is_for_the_server)
{
    void *stream = check->open(health, &call.base);
    check->message(stream, &(struct message){0});
    cr_assert_said(&call, 1, 1);
    check->closed(stream, TRANSPORT_FINISHED);
}

Test(health, check_of_an_unknown_service)
{
    void *stream = check->open(health, &call.base);
    ask(check, stream, "b.Service");
    cr_assert_eq(call.n_sent, 0);
    cr_assert_eq(call.status, STATUS_NOT_FOUND);
    check->closed(stream, TRANSPORT_FINISHED);
}

Test(health, check_of_a_server_that_stops)
{
    health_stop(health);
    void *stream = check->open(health, &call.base);
    ask(check, stream, "a.Service");
    cr_assert_said(&call, 1, 2);
    check->closed(stream, TRANSPORT_FINISHED);
}

Test(health, watchers_are_notified_and_ended)
{
    void *one = watch->open(health, &call.base), *two = watch->open(health, &other.base);
    ask(watch, one, "a.Service");
    ask(watch, two, "b.Service");
    watch->half_close(one);
    cr_assert_said(&call, 1, 1);
    cr_assert_said(&other, 1, 3);
    cr_assert_eq(call.status, -1);
    health_stop(health);
    cr_assert_said(&call, 2, 2);
    cr_assert_said(&other, 1, 3);
    cr_assert_eq(call.status, STATUS_UNAVAILABLE);
    cr_assert_eq(other.status, STATUS_UNAVAILABLE);
    watch->closed(one, TRANSPORT_FINISHED);
    watch->closed(two, TRANSPORT_FINISHED);
}

Test(health, watchers_of_a_lame_server_go_on)
{
    /* Given one that watches, */
    void *early = watch->open(health, &call.base);
    ask(watch, early, "a.Service");
    cr_assert_said(&call, 1, 1);

    /* when the server is lame, then it is notified, and so is one that comes later. */
    health_lame(health);
    health_lame(health);
    cr_assert_said(&call, 2, 2);
    void *late = watch->open(health, &other.base);
    ask(watch, late, "");
    cr_assert_said(&other, 1, 2);
    cr_assert_eq(call.status, -1);
    cr_assert_eq(other.status, -1);

    /* They are ended when the server stops, and nothing is said twice. */
    health_stop(health);
    cr_assert_said(&call, 2, 2);
    cr_assert_said(&other, 1, 2);
    cr_assert_eq(call.status, STATUS_UNAVAILABLE);
    cr_assert_eq(other.status, STATUS_UNAVAILABLE);
    watch->closed(early, TRANSPORT_FINISHED);
    watch->closed(late, TRANSPORT_FINISHED);
}

Test(health, a_watcher_that_left_is_not_notified)
{
    void *one = watch->open(health, &call.base), *two = watch->open(health, &other.base);
    ask(watch, one, "");
    ask(watch, two, "");
    watch->closed(one, TRANSPORT_RESET);
    health_stop(health);
    cr_assert_eq(call.n_sent, 1);
    cr_assert_said(&other, 2, 2);
    watch->closed(two, TRANSPORT_FINISHED);
}

Test(health, a_second_request_to_watch_is_ignored)
{
    void *stream = watch->open(health, &call.base);
    ask(watch, stream, "");
    ask(watch, stream, "a.Service");
    cr_assert_eq(call.n_sent, 1);
    watch->closed(stream, TRANSPORT_RESET);
}

Test(health, watch_of_a_server_that_stops)
{
    health_stop(health);
    void *stream = watch->open(health, &call.base);
    ask(watch, stream, "");
    cr_assert_said(&call, 1, 2);
    cr_assert_eq(call.status, STATUS_UNAVAILABLE);
    watch->closed(stream, TRANSPORT_FINISHED);
}

static int status_of(const char *bytes, size_t len)
{
    const struct extproc_str pieces[] = {{bytes, len / 2}, {bytes + len / 2, len - len / 2}};
    call.status = -1;
    void *stream = check->open(health, &call.base);
    check->message(stream, &(struct message){pieces, 2, NULL, released});
    check->closed(stream, TRANSPORT_FINISHED);
    return call.status;
}

Test(health, what_is_not_a_request)
{
    static const char too_long[5000];
    cr_assert_eq(status_of("\x0a\x7f", 2), STATUS_INVALID_ARGUMENT);
    cr_assert_eq(status_of(too_long, sizeof too_long), STATUS_INVALID_ARGUMENT);
    cr_assert_eq(n_released, 2);
    void *stream = check->open(health, &other.base);
    check->half_close(stream);
    cr_assert_eq(other.status, STATUS_UNIMPLEMENTED);
    check->closed(stream, TRANSPORT_FINISHED);
}

Test(health, out_of_memory)
{
    void *stream = check->open(health, &call.base);
    call.no_memory = true;
    ask(check, stream, "");
    cr_assert_eq(call.status, STATUS_RESOURCE_EXHAUSTED);
    check->closed(stream, TRANSPORT_FINISHED);
}
