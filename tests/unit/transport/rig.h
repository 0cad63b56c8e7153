/* rig: a transport that serves an echo in a thread of its own.
 *
 * The first byte of a message says what the echo does with it:
 *     0..9  answers it as often
 *     h     answers with its hash
 *     l     answers once, later: from the loop, when nothing else is going on
 *     m     the same, but one answer is sent immediately as well
 *     f     finishes with status 7
 *     F     answers once, and finishes with status 7 later
 *     a     answers with how long an answer may be, in digits
 *     d     answers with the metadata that the rest of it names: "=value", or "absent"
 *     e     answers once and finishes with OK
 *     k     keeps the message, see rig_release(), and does not answer
 *     x     the same, but one answer more than is owed is sent immediately, and the owed one later
 *     q     answers once, and asks whether there is room
 *     s     sends N_STREAMED answers of STREAMED_LEN bytes, as long as there is room, and then OK
 *     w     holds the call, see rig_resume(), and does not answer
 * Everything that waits, waits for at most WAIT_S.
 */
#ifndef EXTPROCD_TESTS_UNIT_TRANSPORT_RIG_H
#define EXTPROCD_TESTS_UNIT_TRANSPORT_RIG_H

#include "transport/transport.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_S = 20, N_STREAMED = 200, STREAMED_LEN = 65536 };

#define ECHO_PATH "/test.Echo/Talk"

struct rig {
    /* Before rig_start(). */
    const char *name; /* of the transport; NULL: see rig_transport() */
    bool unix_socket;
    const char *log_file;
    struct transport_listener listener; /* its limits */
    const struct transport_listener *listeners;
    size_t max_held;
    const char *const *metadata; /* names that the echo may be asked for */
    size_t n_metadata;
    bool deaf;  /* a half-close is not answered  */
    bool waits; /* a call is held from its start */

    struct kept *kept;                /* messages; the loop's               */
    struct transport_call *held;      /* the last one that was; the loop's  */
    unsigned n_message_while_resumed; /* messages, as transport_resume() returned */

    struct arena arena;
    struct loop loop;
    struct log *log;
    struct metrics *metrics;
    const struct transport_ops *ops;
    struct transport *t;
    pthread_t thread;
    char target[128];

    int adopted, adopt_result; /* see rig_adopt() */
    unsigned n_until_refused;  /* answers that were streamed before there was no room */

    pthread_mutex_t mutex; /* guards the counts */
    pthread_cond_t changed;
    unsigned n_open, n_message, n_half_close, n_closed[4], n_posted, n_notices, n_room, n_adopted;
    int notice_fd; /* an eventfd, see rig_notice() */
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

/* ---- the echo -------------------------------------------------------------------------------- */

struct kept {
    struct message message;
    struct kept *next;
};

/* In the loop, or when it has ended. */
static inline void rig_release(void *arg)
{
    struct rig *rig = arg;
    while (rig->kept) {
        struct kept *kept = rig->kept;
        rig->kept = kept->next;
        message_release(&kept->message);
        free(kept);
    }
}

struct echo {
    struct rig *rig;
    struct transport_call *call;
    unsigned n_left; /* answers of those that are streamed */
};

static inline void echo_hold(struct echo *echo)
{
    echo->rig->held = echo->call;
    transport_hold(echo->call);
}

/* In the loop. */
static inline void rig_resume(void *arg)
{
    struct rig *rig = arg;
    unsigned before = rig->n_message;
    transport_resume(rig->held);
    rig_count(rig, &rig->n_message_while_resumed, rig->n_message - before);
}

static inline void rig_finish_held(void *arg)
{
    struct rig *rig = arg;
    transport_finish(rig->held, 7, (struct extproc_str){"said to", 7});
}

static inline void *echo_open(void *arg, struct transport_call *call)
{
    struct echo *echo = malloc(sizeof *echo);
    *echo = (struct echo){.rig = arg, .call = call};
    if (echo->rig->waits)
        echo_hold(echo);
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
    transport_finish(echo->call, 7, (struct extproc_str){"said to", 7});
}

static inline void echo_stream(struct echo *echo)
{
    static const char chunk[STREAMED_LEN];
    struct rig *rig = echo->rig;
    while (echo->n_left && transport_has_room(echo->call)) {
        echo_answer(echo, chunk, sizeof chunk);
        echo->n_left--;
    }
    if (!echo->n_left)
        transport_finish(echo->call, STATUS_OK, (struct extproc_str){NULL, 0});
    else if (!rig->n_until_refused)
        rig_count(rig, &rig->n_until_refused, N_STREAMED - echo->n_left);
}

static inline void echo_room(void *stream)
{
    struct echo *echo = stream;
    rig_count(echo->rig, &echo->rig->n_room, 1);
    if (echo->n_left)
        echo_stream(echo);
}

static inline void echo_metadata(struct echo *echo, const char *name)
{
    char text[1024];
    struct extproc_str value = transport_metadata(echo->call, name);
    int len = value.ptr ? snprintf(text, sizeof text, "=%.*s", EXTPROC_ARG(value))
                        : snprintf(text, sizeof text, "absent");
    echo_answer(echo, text, (size_t)len);
}

static inline void echo_max_answer(struct echo *echo)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%zu", transport_max_answer(echo->call));
    echo_answer(echo, text, (size_t)len);
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
    if (what == 'm' || what == 'e' || what == 'F' || what == 'x')
        echo_answer(echo, bytes, len);
    if (what == 'e')
        transport_finish(echo->call, STATUS_OK, (struct extproc_str){NULL, 0});
    if (what == 'm')
        transport_unprompted(echo->call);
    if (what == 'm' || what == 'l' || what == 'x')
        loop_after(&echo->rig->loop, 1, echo_later, echo);
    if (what == 'a')
        echo_max_answer(echo);
    if (what == 'd')
        echo_metadata(echo, bytes + 2);
    if (what == 'q') {
        echo_answer(echo, bytes, len);
        (void)transport_has_room(echo->call);
    }
    if (what == 's') {
        echo->n_left = N_STREAMED;
        transport_unprompted(echo->call);
        echo_stream(echo);
    }
    if (what == 'w')
        echo_hold(echo);
    if (what == 'F')
        loop_after(&echo->rig->loop, 1, echo_fail, echo);
}

static inline void echo_message(void *stream, const struct message *message)
{
    struct echo *echo = stream;
    struct message bytes = *message;
    size_t len = 0;
    for (size_t i = 0; i < message->n_pieces; i++)
        len += message->pieces[i].len;
    char *joined = malloc(len + 1), *p = joined;
    for (size_t i = 0; i < message->n_pieces; i++)
        p = mempcpy(p, message->pieces[i].ptr, message->pieces[i].len);
    *p = 0;
    if (*joined == 'k' || *joined == 'x') {
        struct kept *kept = malloc(sizeof *kept);
        *kept = (struct kept){bytes, echo->rig->kept};
        echo->rig->kept = kept;
    } else {
        message_release(&bytes);
    }
    echo_act(echo, *joined, joined, len);
    free(joined);
    rig_count(echo->rig, &echo->rig->n_message, 1);
}

static inline void echo_half_close(void *stream)
{
    struct echo *echo = stream;
    if (!echo->rig->deaf)
        transport_finish(echo->call, STATUS_OK, (struct extproc_str){NULL, 0});
    rig_count(echo->rig, &echo->rig->n_half_close, 1);
}

static inline void echo_closed(void *stream, enum transport_end why)
{
    struct echo *echo = stream;
    rig_count(echo->rig, &echo->rig->n_closed[why], 1);
    free(echo);
}

/* ---- the server ------------------------------------------------------------------------------ */

static inline void rig_notice(struct rig *rig)
{
    cr_assert_eq(eventfd_write(rig->notice_fd, 1), 0);
}

static inline void rig_on_notice(void *arg)
{
    struct rig *rig = arg;
    eventfd_t n = 0;
    (void)eventfd_read(rig->notice_fd, &n);
    rig_count(rig, &rig->n_notices, (unsigned)n);
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

/* The transport that the environment names: tests of what all transports do are run with each. */
static inline const struct transport_ops *rig_transport(void)
{
    const char *name = getenv("EXTPROCD_TEST_TRANSPORT");
    char why[TRANSPORT_WHY];
    const struct transport_ops *ops = transport_find(name ? name : transport_name(0), why);
    cr_assert_not_null(ops, "%s", why);
    return ops;
}

static inline void *rig_main(void *arg)
{
    struct rig *rig = arg;
    rig->ops->run(rig->t);
    return NULL;
}

/* Those that the test has not set. */
static inline void rig_set_limits(struct transport_limits *l)
{
    if (!l->max_message)
        l->max_message = 64u << 20;
    if (!l->max_header_list)
        l->max_header_list = 64u << 10;
    if (!l->resets.n)
        l->resets = (struct budget_rate){4096, 8000};
    if (!l->idles.n)
        l->idles = (struct budget_rate){1024, 16000};
}

/* How often a limit was exceeded; by the name of its counter. */
static inline uint64_t rig_counted(const struct rig *rig, const char *counter)
{
    struct metric_reading reading;
    return metrics_find(rig->metrics, "", counter, &reading) ? reading.sum : 0;
}

static inline void rig_start(struct rig *rig)
{
    static const struct transport_handler echo = {ECHO_PATH,       echo_open,   echo_message,
                                                  echo_half_close, echo_closed, .room = echo_room};
    static const char *const names[] = {"test.Echo"};
    pthread_mutex_init(&rig->mutex, NULL);
    pthread_cond_init(&rig->changed, NULL);
    arena_init(&rig->arena, 1024);
    loop_init(&rig->loop, NULL);
    if (rig->log_file)
        cr_assert_eq(log_new(&(struct log_options){.file = rig->log_file}, &rig->log), 0);
    struct transport_listener *l = &rig->listener;
    rig->listeners = l;
    l->name = "test";
    l->address = rig->target;
    l->fd = rig_listen(rig);
    l->tcp = !rig->unix_socket;
    l->arg = rig;
    rig_set_limits(&l->limits);
    cr_assert_eq(metrics_new(&rig->metrics), 0);
    loop_counts(&rig->loop, rig->metrics);
    rig->notice_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    const struct transport_options options = {
        .loop = &rig->loop,
        .log = rig->log,
        .metrics = rig->metrics,
        .max_held = rig->max_held,
        .listeners = &rig->listeners,
        .n_listeners = 1,
        .handlers = &echo,
        .n_handlers = 1,
        .metadata = rig->metadata,
        .n_metadata = rig->n_metadata,
        .health_names = names,
        .n_health_names = 1,
        .notice_fd = rig->notice_fd,
        .on_notice = rig_on_notice,
        .arg = rig,
    };
    const char *why = NULL;
    char problem[TRANSPORT_WHY];
    rig->ops = rig->name ? transport_find(rig->name, problem) : rig_transport();
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

static inline void rig_do_adopt(void *arg)
{
    struct rig *rig = arg;
    rig->adopt_result = rig->ops->adopt(rig->t, 0, rig->adopted);
    rig_count(rig, &rig->n_adopted, 1);
}

/* 0 or -errno. */
static inline int rig_adopt(struct rig *rig, int fd)
{
    unsigned n = rig->n_adopted;
    rig->adopted = fd;
    loop_post(&rig->loop, rig_do_adopt, NULL, rig);
    rig_wait(rig, &rig->n_adopted, n + 1);
    return rig->adopt_result;
}

/* run() has returned, or will return immediately. */
static inline void rig_join(struct rig *rig)
{
    struct timespec deadline = rig_deadline();
    cr_assert_eq(pthread_timedjoin_np(rig->thread, NULL, &deadline), 0, "run() does not return");
    rig_release(rig);
    rig->ops->destroy(rig->t);
    loop_fini(&rig->loop);
    log_free(rig->log);
    metrics_free(rig->metrics);
    close(rig->notice_fd);
    if (rig->unix_socket)
        unlink(rig->target + strlen("unix:"));
    arena_fini(&rig->arena);
}

static inline void rig_end(struct rig *rig)
{
    loop_post(&rig->loop, rig_do_stop, NULL, rig);
    rig_join(rig);
}

#endif
