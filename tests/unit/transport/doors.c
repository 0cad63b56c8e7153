/* What comes from outside: notices, connections, and connections when there are no descriptors. */
#include "unit/transport/client.h"

#include <netinet/tcp.h>
#include <sys/resource.h>

static struct rig rig;
static char log_file[] = "/tmp/extprocd-doors-XXXXXX";

static void begin(void)
{
    close(mkstemp(log_file));
    rig.log_file = log_file;
    rig_start(&rig);
}

static void end(void)
{
    rig_end(&rig);
    unlink(log_file);
}

TestSuite(doors, .init = begin, .fini = end);

Test(doors, notices_are_taken_in_the_loop)
{
    for (unsigned i = 1; i <= 3; i++) {
        rig_notice(&rig);
        rig_wait(&rig, &rig.n_notices, i);
    }
}

static int n_lines_with(const char *what)
{
    char line[512];
    int n = 0;
    FILE *f = fopen(log_file, "r");
    while (fgets(line, sizeof line, f))
        n += strstr(line, what) != NULL;
    fclose(f);
    return n;
}

static void wait_for_line(const char *what)
{
    struct timespec deadline = rig_deadline(), now;
    do {
        clock_gettime(CLOCK_REALTIME, &now);
        cr_assert_lt(now.tv_sec, deadline.tv_sec, "never logged: %s", what);
        sched_yield();
    } while (!n_lines_with(what));
}

Test(doors, without_descriptors_it_waits_and_says_so_once)
{
    /* Given a client that is connected, and a process that may open nothing more, */
    struct client client;
    struct client_call c;
    client_connect(&client, rig.target);
    client_open(&c, &client);
    cr_assert(client_say(&c, "1"));
    client_expect(&c, "1");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)atoi(strchr(rig.target, ':') + 1));
    int fds[4];
    for (int i = 0; i < 4; i++)
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
    int log = open(log_file, O_RDONLY);
    struct rlimit limit, old;
    getrlimit(RLIMIT_NOFILE, &old);
    limit = old;
    limit.rlim_cur = (rlim_t)log; /* the lowest free one is above */
    close(log);
    setrlimit(RLIMIT_NOFILE, &limit);

    /* when others connect, */
    for (int i = 0; i < 4; i++)
        cr_assert_eq(connect(fds[i], (struct sockaddr *)&address, sizeof address), 0);

    /* then what is open goes on, */
    for (int i = 0; i < 200; i++) {
        cr_assert(client_say(&c, "1"));
        client_expect(&c, "1");
    }
    setrlimit(RLIMIT_NOFILE, &old);
    wait_for_line("accepting again");
    cr_assert_eq(n_lines_with("accept() failed, pausing: Too many open files"), 1);

    /* and the others are served as soon as they can be. */
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    client_half_close(&c);
    cr_assert_eq(client_status(&c), 0);
    client_close(&client);
}

/* The descriptor of ours whose peer it is; -1: it was not accepted yet. */
static int find_accepted(int client)
{
    struct sockaddr_in own, peer;
    socklen_t len = sizeof own;
    cr_assert_eq(getsockname(client, (struct sockaddr *)&own, &len), 0);
    for (int fd = 0; fd < 256; fd++) {
        len = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && peer.sin_family == AF_INET &&
            peer.sin_port == own.sin_port)
            return fd;
    }
    return -1;
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    cr_assert_eq(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

/* A peer whose machine is gone says nothing: the kernel has to ask. */
Test(doors, the_kernel_looks_whether_a_quiet_peer_is_there)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)atoi(strchr(rig.target, ':') + 1));
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), accepted;
    cr_assert_eq(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    struct timespec deadline = rig_deadline(), now;
    while ((accepted = find_accepted(client)) < 0) {
        clock_gettime(CLOCK_REALTIME, &now);
        cr_assert_lt(now.tv_sec, deadline.tv_sec, "never accepted");
    }
    while (option(accepted, IPPROTO_TCP, TCP_KEEPIDLE) > 120) { /* it is set a moment later, */
        clock_gettime(CLOCK_REALTIME, &now);
        cr_assert_lt(now.tv_sec, deadline.tv_sec, "nobody asks");
    }
    cr_assert_eq(option(accepted, SOL_SOCKET, SO_KEEPALIVE), 1); /* after this one */
    close(client);
}
