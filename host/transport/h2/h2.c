/* h2: the transport on nghttp2.
 *
 *     doors ── connections ──► hub: conns, each with an nghttp2 session and its calls
 *       │                       │
 *       └── poller: one thread: what is ready, timers, errands, notices; then every conn is flushed
 *
 * How it ends, by drain() or stop(), which lame() may have announced:
 *
 *     health NOT_SERVING ─► what waits at the doors is taken, and the doors are closed
 *       ─► GOAWAY with the highest id, and a PING: the client opens no new streams, and those that it
 *          opened before it knew are here when the PING is back ─► GOAWAY with the last id
 *       ─► calls end; at the limit, by force ─► the last connection is gone: run() returns
 *
 * So no call is lost: a call that was opened is served, and for any other the client knows that it
 * was not.
 */
#include "transport/h2/h2.h"

#include "transport/doors.h"
#include "transport/h2/hub.h"
#include "transport/h2/stream/backpressure.h"
#include "transport/h2/stream/life.h"
#include "transport/health.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct transport {
    struct transport_options options;
    struct poller poller;
    struct doors doors;
    struct watch on_notice;
    struct health *health;
    bool ending;        /* drain() or stop() was called */
    struct timer limit; /* of the end, by drain()         */
    struct timer pause; /* the doors will be opened again */
    struct hub hub;
};

/* ---- events ---------------------------------------------------------------------------------- */

static void notice_ready(struct watch *watch, uint32_t events)
{
    struct transport *t =
        (struct transport *)((char *)watch - offsetof(struct transport, on_notice));
    t->options.on_notice(t->options.arg);
}

static void admit(void *arg, size_t i, int fd, const char *peer)
{
    struct transport *t = arg;
    hub_admit(&t->hub, i, fd, peer);
}

static bool make_room(void *arg)
{
    struct transport *t = arg;
    return hub_make_room(&t->hub);
}

static void open_again(void *arg)
{
    struct transport *t = arg;
    if (doors_paused(&t->doors))
        doors_open(&t->doors);
}

static bool round_ends(void *arg)
{
    struct transport *t = arg;
    if (doors_paused(&t->doors) &&
        !t->pause.place) /* where that fails, the next round tries again */
        (void)loop_set(t->options.loop, &t->pause, DOORS_PAUSE_MS);
    return hub_flush(&t->hub);
}

static void quit_if_over(void *arg)
{
    struct transport *t = arg;
    if (t->ending && t->hub.n_conns == 0)
        poller_quit(&t->poller);
}

/* ---- struct transport_ops -------------------------------------------------------------------- */

static void force_end(void *arg)
{
    struct transport *t = arg;
    hub_stop(&t->hub);
}

static void begin_end(struct transport *t)
{
    if (t->ending)
        return;
    t->ending = true;
    health_stop(t->health);
    doors_close(&t->doors);
    hub_drain(&t->hub);
    quit_if_over(t);
}

static void h2_lame(struct transport *t)
{
    health_lame(t->health);
}

static void h2_drain(struct transport *t, uint64_t limit_ms)
{
    begin_end(t);
    /* A limit that cannot be kept is over. */
    if (loop_set(t->options.loop, &t->limit, limit_ms))
        force_end(t);
}

static void h2_stop(struct transport *t)
{
    begin_end(t);
    force_end(t);
}

static void h2_run(struct transport *t)
{
    loop_enter(t->options.loop);
    doors_open(&t->doors);
    poller_run(&t->poller);
    loop_catches_up(t->options.loop);
}

static int h2_adopt(struct transport *t, size_t i, int fd)
{
    return t->ending ? -ESHUTDOWN : doors_adopt(&t->doors, i, fd);
}

static struct transport *h2_destroy(struct transport *t)
{
    if (!t)
        return NULL;
    hub_fini(&t->hub);
    doors_fini(&t->doors);
    poller_fini(&t->poller);
    loop_cancel(t->options.loop, &t->limit);
    loop_cancel(t->options.loop, &t->pause);
    health_free(t->health);
    free(t);
    return NULL;
}

/* ---- create ---------------------------------------------------------------------------------- */

/* A path that two handlers have is one too many. */
static int check_paths(const struct transport_options *o)
{
    for (size_t i = 0; i < o->n_handlers; i++) {
        const char *path = o->handlers[i].path;
        if (strlen(path) > HEAD_PATH_MAX)
            return -ENAMETOOLONG;
        for (size_t j = 0; j < i; j++)
            if (!strcmp(path, o->handlers[j].path))
                return -EEXIST;
        for (size_t j = 0; j < N_HEALTH_HANDLERS; j++)
            if (!strcmp(path, health_handlers[j].path))
                return -EEXIST;
    }
    return 0;
}

static int watch_notices(struct transport *t)
{
    t->on_notice.ready = notice_ready;
    return t->options.on_notice
               ? watch_add(t->poller.epoll_fd, t->options.notice_fd, EPOLLIN, &t->on_notice)
               : 0;
}

static int build(struct transport *t, struct arena *arena, const char **ret_why)
{
    int r = poller_init(&t->poller, t->options.loop, round_ends, t);
    if (!r)
        r = check_paths(&t->options);
    if (!r)
        r = watch_notices(t);
    if (!r)
        r = doors_init(&t->doors, &t->options, t->poller.epoll_fd, admit, t);
    if (r)
        return r;
    t->doors.make_room = make_room;
    t->health = health_new(t->options.health_names, t->options.n_health_names);
    t->hub.streams.ops = &transport_h2;
    t->hub.emptied = quit_if_over;
    t->hub.arg = t;
    if (!t->health)
        return -ENOMEM;
    return hub_init(&t->hub, &t->options, &t->poller, t->health, arena, ret_why);
}

static int h2_create(const struct transport_options *options, struct arena *arena,
                     struct transport **ret, const char **ret_why)
{
    struct transport *t = calloc(1, sizeof *t);
    if (!t) {
        *ret_why = "out of memory";
        return -ENOMEM;
    }
    t->options = *options;
    t->poller.epoll_fd = t->poller.wake_fd = -1;
    t->limit = (struct timer){.fn = force_end, .arg = t};
    t->pause = (struct timer){.fn = open_again, .arg = t};
    const char *why = NULL;
    int r = build(t, arena, &why);
    if (r) {
        if (!why)
            why = arena_format(arena, "HTTP/2 cannot start: %s", strerror(-r)).ptr;
        *ret_why = why ? why : "out of memory";
        h2_destroy(t);
        return r;
    }
    *ret = t;
    return 0;
}

const struct transport_ops transport_h2 = {
    .name = "h2",
    .features = TRANSPORT_TLS | TRANSPORT_OWN_LIMITS,
    .check_tls = tls_check,
    .tls_name = tls_name,
    .create = h2_create,
    .run = h2_run,
    .adopt = h2_adopt,
    .lame = h2_lame,
    .drain = h2_drain,
    .stop = h2_stop,
    .destroy = h2_destroy,
    .max_answer = h2_call_max_answer,
    .reserve = h2_call_reserve,
    .send = h2_call_send,
    .unprompted = h2_call_unprompted,
    .hold = intake_hold,
    .resume = intake_resume,
    .has_room = backpressure_has_room,
    .metadata = h2_call_metadata,
    .finish = h2_call_finish,
};
