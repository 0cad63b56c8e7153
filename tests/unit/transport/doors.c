/* What comes from outside: signals, connections, and connections when there are no descriptors. */
#include "unit/transport/client.h"

#include <signal.h>
#include <sys/resource.h>

static struct rig rig;
static char log_file[] = "/tmp/extprocd-doors-XXXXXX";

static void begin(void)
{
    sigemptyset(&rig.signals);
    sigaddset(&rig.signals, SIGHUP);
    sigaddset(&rig.signals, SIGUSR2);
    sigprocmask(SIG_BLOCK, &rig.signals, NULL);
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

Test(doors, signals_are_told_in_the_loop)
{
    kill(getpid(), SIGHUP);
    rig_wait(&rig, &rig.last_signal, SIGHUP);
    kill(getpid(), SIGUSR2);
    rig_wait(&rig, &rig.last_signal, SIGHUP + SIGUSR2);
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
    wait_for_line("connections are taken again");
    cr_assert_eq(n_lines_with("new connections wait: Too many open files"), 1);

    /* and the others are served as soon as they can be. */
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    client_half_close(&c);
    cr_assert_eq(client_status(&c), 0);
    client_close(&client);
}
