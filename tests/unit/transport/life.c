/* How a transport begins and ends. */
#include "unit/transport/client.h"

static struct rig rig;
static struct client client;

static void begin(void)
{
    rig_start(&rig);
    client_connect(&client, rig.target);
}

static void open_one(struct client_call *c)
{
    client_open(c, &client);
    cr_assert(client_say(c, "1"));
    client_expect(c, "1");
}

TestSuite(life, .init = begin);

/* The doors are closed by another thread, and what waits there is taken before. */
static void wait_until_refused(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timespec deadline = rig_deadline(), now;
    int r;
    address.sin_port = htons((uint16_t)atoi(strchr(rig.target, ':') + 1));
    do {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        r = connect(fd, (struct sockaddr *)&address, sizeof address);
        close(fd);
        clock_gettime(CLOCK_REALTIME, &now);
        cr_assert_lt(now.tv_sec, deadline.tv_sec, "the doors stay open");
    } while (!r);
}

Test(life, drain_waits_for_open_calls_and_takes_no_new_ones)
{
    struct client_call c, late;
    open_one(&c);
    loop_post(&rig.loop, rig_do_drain, NULL, &rig);
    wait_until_refused();

    /* Another connection is refused: a call there ends with its deadline, at the latest. */
    struct client other;
    client_connect(&other, rig.target);
    client_new_call(
        &late, &other, ECHO_PATH,
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(200, GPR_TIMESPAN)));
    grpc_op op = {.op = GRPC_OP_SEND_INITIAL_METADATA};
    client_batch(&late, &op, 1);
    cr_assert_neq(client_status(&late), 0);
    client_close(&other);
    cr_assert_eq(rig.n_open, 1);

    /* The open call goes on. */
    for (int i = 0; i < 3; i++) {
        cr_assert(client_say(&c, "2"));
        client_expect(&c, "2");
        client_expect(&c, "2");
    }
    client_half_close(&c);
    cr_assert_eq(client_status(&c), 0);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_FINISHED], 1);
    rig_join(&rig);
    client_close(&client);
}

static void become_lame(void *arg)
{
    rig.ops->lame(rig.t);
    rig_count(&rig, &rig.n_posted, 1);
}

Test(life, lame_goes_on_serving)
{
    /* Given an open call, when the transport is lame, */
    struct client_call c, late;
    open_one(&c);
    loop_post(&rig.loop, become_lame, NULL, NULL);
    rig_wait(&rig, &rig.n_posted, 1);

    /* then that call, new ones and new connections are served, */
    struct client other;
    client_connect(&other, rig.target);
    client_open(&late, &other);
    cr_assert(client_say(&late, "1"));
    client_expect(&late, "1");
    cr_assert(client_say(&c, "1"));
    client_expect(&c, "1");
    client_half_close(&late);
    cr_assert_eq(client_status(&late), 0);
    client_close(&other);

    /* until it drains. */
    loop_post(&rig.loop, rig_do_drain, NULL, &rig);
    client_half_close(&c);
    cr_assert_eq(client_status(&c), 0);
    rig_join(&rig);
    client_close(&client);
}

Test(life, drain_closes_the_listener_and_no_copy_of_it)
{
    /* Given a copy of the listening socket, as another process may have one, */
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    int copy = dup(rig.listener.fd);
    cr_assert_eq(getsockname(copy, (struct sockaddr *)&address, &len), 0);

    /* when the transport has drained, */
    loop_post(&rig.loop, rig_do_drain, NULL, &rig);
    rig_join(&rig);
    client_close(&client);

    /* then that copy accepts connections, and when it is closed too, no process does. */
    int fds[] = {socket(AF_INET, SOCK_STREAM, 0), socket(AF_INET, SOCK_STREAM, 0)};
    cr_expect_eq(connect(fds[0], (struct sockaddr *)&address, len), 0);
    close(copy);
    cr_expect(connect(fds[1], (struct sockaddr *)&address, len) < 0 && errno == ECONNREFUSED);
    close(fds[0]);
    close(fds[1]);
}

Test(life, drain_with_nothing_open_returns)
{
    loop_post(&rig.loop, rig_do_drain, NULL, &rig);
    rig_join(&rig);
    client_close(&client);
}

static void drain_briefly(void *arg)
{
    rig.ops->drain(rig.t, 50);
}

Test(life, drain_ends_by_force_at_its_limit)
{
    struct client_call c[20];
    for (int i = 0; i < 20; i++)
        open_one(&c[i]);
    loop_post(&rig.loop, drain_briefly, NULL, NULL);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(client_status(&c[i]), STATUS_UNAVAILABLE);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_STOPPED], 20);
    rig_join(&rig);
    client_close(&client);
}

Test(life, stop_ends_calls_immediately)
{
    struct client_call c;
    open_one(&c);
    loop_post(&rig.loop, rig_do_stop, NULL, &rig);
    cr_assert_eq(client_status(&c), STATUS_UNAVAILABLE);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_STOPPED], 1);
    rig_join(&rig);
    client_close(&client);
}

Test(life, stop_ends_a_drain)
{
    struct client_call c;
    open_one(&c);
    loop_post(&rig.loop, rig_do_drain, NULL, &rig);
    loop_post(&rig.loop, rig_do_drain, NULL, &rig);
    loop_post(&rig.loop, rig_do_stop, NULL, &rig);
    cr_assert_eq(client_status(&c), STATUS_UNAVAILABLE);
    rig_join(&rig);
    client_close(&client);
}

static void count_post(void *arg)
{
    rig_count(&rig, &rig.n_posted, 1);
}

static void *post_many(void *arg)
{
    for (int i = 0; i < 1000; i++)
        loop_post(&rig.loop, count_post, NULL, NULL);
    return NULL;
}

Test(life, posts_of_other_threads_arrive_among_calls)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, post_many, NULL);
    struct client_call c;
    open_one(&c);
    for (int i = 0; i < 200; i++) {
        cr_assert(client_say(&c, "1"));
        client_expect(&c, "1");
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    rig_wait(&rig, &rig.n_posted, 4000);
    client_half_close(&c);
    cr_assert_eq(client_status(&c), 0);
    client_close(&client);
    rig_end(&rig);
}

static void set_timer(void *arg)
{
    cr_assert_eq(loop_after(&rig.loop, 5, count_post, NULL), 0);
}

Test(life, a_timer_fires)
{
    loop_post(&rig.loop, set_timer, NULL, NULL);
    rig_wait(&rig, &rig.n_posted, 1);
    client_close(&client);
    rig_end(&rig);
}

/* Without the suite's transport: creating and destroying alone. */
static const struct transport_handler echo = {ECHO_PATH, echo_open, echo_message, echo_half_close,
                                              echo_closed};

static void given_a_loop(void)
{
    loop_init(&rig.loop, NULL);
}
static void loop_is_over(void)
{
    loop_fini(&rig.loop);
}
TestSuite(create, .init = given_a_loop, .fini = loop_is_over);

Test(create, destroyed_before_it_ran)
{
    struct arena arena;
    arena_init(&arena, 1024);
    struct transport_listener l = {"a", "b", rig_listen(&rig), true, &rig, {1000, 8192, 10}};
    const struct transport_listener *const listeners[] = {&l};
    const struct transport_options options = {.loop = &rig.loop,
                                              .listeners = listeners,
                                              .n_listeners = 1,
                                              .handlers = &echo,
                                              .n_handlers = 1};
    struct transport *t = NULL;
    const char *why = NULL;
    cr_assert_eq(rig_transport()->create(&options, &arena, &t, &why), 0);
    cr_assert_null(rig_transport()->destroy(t));
    close(l.fd);
    arena_fini(&arena);
}

Test(create, an_invalid_listener)
{
    struct arena arena;
    arena_init(&arena, 1024);
    struct transport_listener l = {"a", "b", -1, true, &rig, {1000, 8192, 10}};
    const struct transport_listener *const listeners[] = {&l};
    const struct transport_options options = {
        .loop = &rig.loop, .listeners = listeners, .n_listeners = 1};
    struct transport *t = NULL;
    const char *why = NULL;
    cr_assert_eq(rig_transport()->create(&options, &arena, &t, &why), -EBADF);
    cr_assert_not_null(strstr(why, " cannot start: Bad file descriptor"), "%s", why);
    cr_assert_null(t);
    arena_fini(&arena);
}

Test(create, one_path_twice)
{
    struct arena arena;
    arena_init(&arena, 1024);
    const struct transport_handler both[] = {echo, echo};
    struct transport_listener l = {"a", "b", rig_listen(&rig), true, &rig, {1000, 8192, 10}};
    const struct transport_listener *const listeners[] = {&l};
    const struct transport_options options = {.loop = &rig.loop,
                                              .listeners = listeners,
                                              .n_listeners = 1,
                                              .handlers = both,
                                              .n_handlers = 2};
    struct transport *t = NULL;
    const char *why = NULL;
    cr_assert_eq(rig_transport()->create(&options, &arena, &t, &why), -EEXIST);
    close(l.fd);
    arena_fini(&arena);
}
