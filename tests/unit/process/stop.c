/* The steps of a stop, with a transport that writes down what it is asked. */
#include "process/run/stop.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char journal[256]; /* what the transport was asked */
static char path[64];     /* of our socket's file */
static bool path_was_there;

static void write_down(const char *what)
{
    strcat(strcat(journal, what), ";");
}

static void lame(struct transport *t)
{
    write_down("lame");
}

static void drain(struct transport *t, uint64_t limit_ms)
{
    char text[32];
    snprintf(text, sizeof text, "drain %llu", (unsigned long long)limit_ms);
    write_down(text);
    path_was_there = access(path, F_OK) == 0;
}

static void stop_now(struct transport *t)
{
    write_down("stop");
}

static const struct transport_ops ops = {.lame = lame, .drain = drain, .stop = stop_now};

static uint64_t now_ms;

static uint64_t read_clock(void *arg)
{
    return now_ms;
}

static const struct loop_clock clock_of_test = {.read = read_clock, .exact = true};
static struct loop loop;
static struct arena arena;
static struct listener listening;
static struct stop s;

static void begin(void)
{
    listening = (struct listener){.socket_mode = 0600, .socket_group = (gid_t)-1};
    char address[80];
    const char *key, *why = NULL;
    loop_init(&loop, &clock_of_test);
    arena_init(&arena, 256);
    snprintf(path, sizeof path, "/tmp/extprocd-stop-%d", (int)getpid());
    snprintf(address, sizeof address, "unix:%s", path);
    cr_assert(address_parse(address, &listening.address, &why));
    cr_assert_eq(listen_open(&listening, &arena, &key, &why), 0, "%s", why);
    s = (struct stop){.loop = &loop,
                      .ops = &ops,
                      .listeners = &listening,
                      .n_listeners = 1,
                      .lame_duck_ms = 2000,
                      .drain_ms = 30000};
}

static void end(void)
{
    listen_close(&listening);
    loop_fini(&loop);
    arena_fini(&arena);
}

TestSuite(stop, .init = begin, .fini = end);

static void pass(uint64_t ms)
{
    now_ms += ms;
    while (loop_round(&loop))
        ;
}

static void expect_asked(const char *what)
{
    cr_expect_str_eq(journal, what);
    journal[0] = '\0';
}

Test(stop, first_it_is_lame_and_then_it_drains)
{
    stop_asked(&s, "SIGTERM");
    expect_asked("lame;");
    cr_expect_eq(s.state, STOP_LAME);
    cr_expect_eq(access(path, F_OK), 0, "clients may still come");

    pass(1999);
    expect_asked("");
    pass(2);
    expect_asked("drain 30000;");
    cr_expect_eq(s.state, STOP_DRAINING);
    cr_expect_not(path_was_there, "nothing new may come while the backlog is taken");
}

Test(stop, without_a_lame_duck_it_drains_immediately)
{
    s.lame_duck_ms = 0;
    stop_asked(&s, "SIGTERM");
    expect_asked("lame;drain 30000;");
    cr_expect_eq(s.state, STOP_DRAINING);
}

Test(stop, asked_again_while_lame_it_ends_and_does_not_drain)
{
    stop_asked(&s, "SIGTERM");
    stop_asked(&s, "SIGINT");
    expect_asked("lame;stop;");
    cr_expect_eq(s.state, STOP_IMMEDIATE);
    pass(10000);
    expect_asked("");
    cr_expect_eq(s.state, STOP_IMMEDIATE);
}

Test(stop, asked_again_while_it_drains_it_ends)
{
    stop_asked(&s, "SIGTERM");
    pass(2001);
    stop_asked(&s, "SIGTERM");
    expect_asked("lame;drain 30000;stop;");
}

Test(stop, further_signals_change_nothing)
{
    for (int i = 0; i < 5; i++)
        stop_asked(&s, "SIGTERM");
    expect_asked("lame;stop;");
}

/* ---- the service manager --------------------------------------------------------------------- */

static void expect_said(const char *what)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[32], received[256];
    int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    snprintf(name, sizeof name, "@extprocd-stop-%d", (int)getpid());
    memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
    cr_assert_eq(bind(manager, (struct sockaddr *)&address,
                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
                 0);
    setenv("NOTIFY_SOCKET", name, 1);
    stop_asked(&s, "SIGTERM");
    ssize_t n = recv(manager, received, sizeof received - 1, 0);
    received[n > 0 ? n : 0] = '\0';
    cr_expect_str_eq(received, what);
    close(manager);
}

/* Lame duck, drain, and ten seconds for the end of the process. */
Test(stop, the_service_manager_waits_as_long_as_it_takes)
{
    expect_said("STOPPING=1\nEXTEND_TIMEOUT_USEC=42000000");
}

Test(stop, a_time_without_an_end_is_not_a_short_one)
{
    s.lame_duck_ms = s.drain_ms = UINT64_MAX;
    uint64_t most = UINT64_MAX / 1000 / 4;
    char wanted[80];
    snprintf(wanted, sizeof wanted, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%llu",
             (unsigned long long)(1000 * (2 * most + 10000)));
    expect_said(wanted);
}
