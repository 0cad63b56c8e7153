/* Connections that another process has accepted, with the gRPC core as client. */
#include "unit/transport/client.h"

#include <grpc/grpc_posix.h>

#include <netinet/tcp.h>

static struct rig rig;
static struct client client;
static struct client_call c;
static int listener = -1; /* the other process's */
static char target[32];
static char log_file[] = "/tmp/extprocd-adopt-XXXXXX";

static void begin(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    close(mkstemp(log_file));
    rig.log_file = log_file;
    rig.listener.limits.max_header_list = 1024;
    rig_start(&rig);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, len), 0);
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    snprintf(target, sizeof target, "127.0.0.1:%d", ntohs(address.sin_port));
}

static void end(void)
{
    close(listener);
    rig_end(&rig);
    unlink(log_file);
}

TestSuite(adopt, .init = begin, .fini = end);

/* A client connects while the call is opened: the socket is blocking, as any may be. */
static void *accept_and_adopt(void *arg)
{
    int *ret_fd = arg;
    *ret_fd = accept(listener, NULL, NULL);
    if (rig_adopt(&rig, *ret_fd))
        abort();
    return NULL;
}

/* Its descriptor, which is the transport's. */
static int given_a_client(void)
{
    pthread_t other;
    int fd = -1;
    pthread_create(&other, NULL, accept_and_adopt, &fd);
    client_connect(&client, target);
    client_open(&c, &client);
    cr_assert(client_say(&c, "1"));
    client_expect(&c, "1");
    pthread_join(other, NULL);
    return fd;
}

Test(adopt, its_calls_are_served)
{
    given_a_client();
    for (int i = 0; i < 20; i++) {
        cr_assert(client_say(&c, "2 more"));
        client_expect(&c, "2 more");
        client_expect(&c, "2 more");
    }
    client_half_close(&c);
    cr_assert_eq(client_status(&c), 0);
    client_close(&client);
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    cr_assert_eq(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

Test(adopt, it_is_set_up_as_one_that_was_accepted)
{
    int fd = given_a_client();
    cr_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
    cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    cr_assert_eq(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    cr_assert_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    client_reset(&c);
    client_close(&client);
}

static bool is_logged(const char *what)
{
    static char text[65536];
    FILE *f = fopen(log_file, "r");
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    return strstr(text, what) != NULL;
}

Test(adopt, its_listeners_limits_hold_and_its_address_is_its_name)
{
    /* Given a client of a listener that takes little metadata, */
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    char name[64], much[2048];
    int fd = given_a_client();
    cr_assert_eq(getpeername(fd, (struct sockaddr *)&address, &len), 0);

    /* when it sends much, */
    struct client_call big;
    memset(much, 'a', sizeof much);
    grpc_metadata metadata = {.key = grpc_slice_from_static_string("x-padding"),
                              .value = grpc_slice_from_static_buffer(much, sizeof much)};
    client_open_with(&big, &client, ECHO_PATH, &metadata, 1);
    client_half_close(&big);

    /* then that is refused, and the log says whose it was. */
    cr_assert_eq(client_status(&big), STATUS_RESOURCE_EXHAUSTED);
    snprintf(name, sizeof name, "listener=test peer=127.0.0.1:%d", ntohs(address.sin_port));
    cr_assert(is_logged(name), "%s", name);
    client_reset(&c);
    client_close(&client);
}

Test(adopt, one_of_a_unix_socket_is_served_too)
{
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    cr_assert_eq(rig_adopt(&rig, pair[0]), 0);
    grpc_init();
    grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
    client.channel = grpc_channel_create_from_fd("unix:given", pair[1], credentials, NULL);
    grpc_channel_credentials_release(credentials);
    client.cq = grpc_completion_queue_create_for_pluck(NULL);
    client_open(&c, &client);
    cr_assert(client_say(&c, "1"));
    client_expect(&c, "1");
    client_half_close(&c);
    cr_assert_eq(client_status(&c), 0);
    client_close(&client);
}

Test(adopt, what_is_not_a_connection_stays_the_callers)
{
    int tubes[2], unconnected = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(pipe(tubes), 0);
    cr_assert_eq(rig_adopt(&rig, tubes[0]), -ENOTSOCK);
    cr_assert_eq(rig_adopt(&rig, unconnected), -ENOTCONN);
    cr_assert_eq(close(tubes[0]) | close(tubes[1]) | close(unconnected), 0);
}

/* An open call keeps the loop running. */
Test(adopt, when_the_end_has_begun_it_stays_the_callers)
{
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    given_a_client();
    loop_post(&rig.loop, rig_do_drain, NULL, &rig);
    cr_assert_eq(rig_adopt(&rig, pair[0]), -ESHUTDOWN);
    cr_assert_eq(close(pair[0]) | close(pair[1]), 0);
    client_reset(&c);
    client_close(&client);
}
