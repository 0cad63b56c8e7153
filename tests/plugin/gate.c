/* gate: a question to an oracle, which is a real socket here. */
#include "plugin.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[] = "/tmp/extprocd-gate-XXXXXX", path[64], asked[256];
static int listener;
static pthread_t thread;

/* So many bytes of an answer without an end were sent before the other end had enough of it. */
enum { DRIBBLE_MAX = 7, DRIBBLE_MS = 1500 };
static int dribbled;

static void dribble(int fd)
{
    struct pollfd gone = {.fd = fd, .events = POLLRDHUP};
    while (dribbled < DRIBBLE_MAX && write(fd, "y", 1) == 1) {
        dribbled++;
        if (poll(&gone, 1, DRIBBLE_MS) != 0)
            return;
    }
}

/* Answers each connection's line by what it says, until one asks it to end. */
static void *oracle(void *unused)
{
    for (bool more = true; more;) {
        int fd = accept(listener, NULL, NULL);
        char line[256];
        ssize_t n = read(fd, line, sizeof line - 1);
        line[n > 0 ? n : 0] = '\0';
        more = strcmp(line, "end") != 0;
        const char *answer = "yes\n";
        if (strstr(line, "mallory"))
            answer = "no\n";
        else if (strstr(line, "odd"))
            answer = "maybe\n";
        else if (strstr(line, "dribble"))
            dribble(fd);
        else if (strstr(line, "mute"))
            answer = "";
        if (more)
            strcpy(asked, line);
        (void)!write(fd, answer, strlen(answer));
        close(fd);
    }
    return NULL;
}

static int connected(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(address.sun_path, path);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static struct kit *begin(const char *keys)
{
    static char ini[512];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cr_assert(mkdtemp(folder));
    signal(SIGPIPE, SIG_IGN); /* a plugin has enough of an answer */
    snprintf(path, sizeof path, "%s/oracle", folder);
    strcpy(address.sun_path, path);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(listener, 8), 0);
    pthread_create(&thread, NULL, oracle, NULL);
    snprintf(ini, sizeof ini, PLUGIN_INI("gate", "oracle = unix:%s\n%s"), path, keys);
    return kit_of_ini(ini);
}

static void end(struct kit *k)
{
    kit_free(k);
    int fd = connected();
    (void)!write(fd, "end", 3);
    pthread_join(thread, NULL);
    close(fd);
    close(listener);
    unlink(path);
    rmdir(folder);
}

static struct kit_call *ask(struct kit *k, const char *headers)
{
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    kit_lets_wait(c);
    kit_headers(c, LANE_REQUEST, headers, true);
    kit_waits(c, LANE_REQUEST);
    kit_run_until(k, 0);
    kit_answered(c, LANE_REQUEST);
    return c;
}

Test(gate, yes_passes)
{
    struct kit *k = begin("");
    struct kit_call *c = ask(k, ":method: GET\n:path: /a");
    kit_expect_going(c);
    kit_expect_unchanged(c);
    cr_expect_str_eq(asked, "GET /a\n");
    kit_end(c);
    end(k);
}

Test(gate, no_does_not)
{
    struct kit *k = begin("question = %REQ(x-user)%\nstatus = 401");
    struct kit_call *c = ask(k, ":method: GET\n:path: /a\nx-user: mallory");
    kit_expect_immediate(c, 401, "", "p");
    cr_expect_str_eq(asked, "mallory\n");
    kit_end(c);
    end(k);
}

Test(gate, what_is_not_an_answer_is_a_failure)
{
    struct kit *k = begin("on_error_status = 503");
    struct kit_call *c = ask(k, ":method: GET\n:path: /odd");
    kit_expect_immediate(c, 503, NULL, NULL);
    kit_expect_log(c, "plugin=p phase=request_headers: request_headers failed: the oracle's answer "
                      "is neither yes nor no");
    kit_end(c);
    end(k);
}

/* Each byte comes soon enough, and all together do not. */
Test(gate, an_answer_that_does_not_end_is_a_failure)
{
    struct kit *k = begin("timeout = 1m");
    struct kit_call *c = ask(k, ":method: GET\n:path: /dribble");
    kit_expect_immediate(c, 500, NULL, NULL);
    kit_expect_log(c, "the oracle has closed the connection, or is silent");
    kit_end(c);
    end(k);
    cr_expect_lt(dribbled, DRIBBLE_MAX);
}

Test(gate, silence_may_pass_where_the_operator_says_so)
{
    struct kit *k = begin("on_error = continue");
    struct kit_call *c = ask(k, ":method: GET\n:path: /mute");
    kit_expect_going(c);
    kit_expect_log(c, "the oracle has closed the connection");
    kit_end(c);
    end(k);
}

/* What an answer that comes too late lies in is freed, as AddressSanitizer sees. */
Test(gate, a_proxy_that_leaves_wants_no_answer)
{
    struct kit *k = begin("");
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    kit_lets_wait(c);
    kit_headers(c, LANE_REQUEST, ":method: GET\n:path: /a", true);
    kit_reset(c);
    end(k);
}

Test(gate, an_oracle_that_is_not_there_is_a_failure)
{
    struct kit *k = kit_of_ini(PLUGIN_INI("gate", "oracle = unix:/nowhere/oracle"));
    struct kit_call *c = ask(k, ":method: GET\n:path: /a");
    kit_expect_immediate(c, 500, NULL, "extprocd.p.error");
    kit_expect_log(c, "cannot connect to the oracle");
    kit_end(c);
    kit_free(k);
}

Test(gate, addresses_that_are_none_are_refused)
{
    static const char *const addresses[] = {
        "nowhere",         "unix:",          "127.0.0.1:", "127.0.0.1:0",
        "127.0.0.1:70000", "127.0.0.1:http", ":7000"};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        char ini[256];
        snprintf(ini, sizeof ini, PLUGIN_INI("gate", "oracle = %s"), addresses[i]);
        PLUGIN_REFUSED_INI(ini, "test.ini:3: [plugin:p] oracle: ~expected HOST:PORT~");
    }
}

/* As extprocd -t does: the machine that tests a configuration need not know the oracle. */
Test(gate, a_name_is_not_looked_up_in_a_test)
{
    static const char *const addresses[] = {"oracle.invalid:7000", "[::1]:7000", "127.0.0.1:7000"};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        char ini[256];
        snprintf(ini, sizeof ini, PLUGIN_INI("gate", "oracle = %s"), addresses[i]);
        generation_unref(plugin_build(ini, (const char *const[]){NULL}));
    }
}
