#include "process/listen/listen.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct arena arena;
static char dir[] = "/tmp/extprocd-listen-XXXXXX", path[64], address[80];

static void setup(void)
{
    arena_init(&arena, 1024);
    cr_assert(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/socket", dir);
    snprintf(address, sizeof address, "unix:%s", path);
}

static void teardown(void)
{
    unlink(path);
    rmdir(dir);
    arena_fini(&arena);
}

TestSuite(listen, .init = setup, .fini = teardown);

static struct listener at(const char *text)
{
    struct listener l = {.socket_mode = 0640, .socket_group = (gid_t)-1};
    const char *why;
    cr_assert(address_parse(text, &l.address, &why), "%s", why);
    return l;
}

static struct listener must_open(const struct listener *l)
{
    struct listener s = *l;
    const char *key, *why = NULL;
    cr_assert_eq(listen_open(&s, &arena, &key, &why), 0, "%s", why);
    return s;
}

static void expect_in_use(const struct listener *l, const char *hint)
{
    struct listener s = *l;
    const char *key, *why = NULL;
    cr_expect_eq(listen_open(&s, &arena, &key, &why), -EADDRINUSE);
    cr_expect(why && strstr(why, hint), "%s", why);
}

/* This program holds the address itself. */
static const char *ourselves(void)
{
    return arena_format(&arena, "(pid %d)", (int)getpid()).ptr;
}

Test(listen, port_0_selects_a_free_port)
{
    struct listener l = at("127.0.0.1:0");
    struct listener s = must_open(&l);
    char text[ADDRESS_TEXT];
    address_format(&s.bound, text);
    cr_expect(strncmp(text, "127.0.0.1:", 10) == 0 && strcmp(text, "127.0.0.1:0") != 0, "%s", text);
    listen_close(&s);
}

Test(listen, a_port_in_use_is_refused_and_its_holder_named)
{
    struct listener any = at("127.0.0.1:0"), same;
    struct listener s = must_open(&any);
    char text[ADDRESS_TEXT];
    address_format(&s.bound, text);
    same = at(text);
    expect_in_use(&same, ourselves());
    listen_close(&s);
}

Test(listen, a_live_socket_file_is_refused_and_its_holder_named)
{
    struct listener l = at(address);
    struct listener s = must_open(&l);
    expect_in_use(&l, ourselves());
    cr_expect_eq(access(path, F_OK), 0, "the live server keeps its file");
    listen_close(&s);
    cr_expect_eq(access(path, F_OK), -1, "the file goes with its server");
}

Test(listen, a_stale_socket_file_is_replaced)
{
    struct listener l = at(address);
    struct listener dead = must_open(&l), s;
    close(dead.transport.fd);
    s = must_open(&l);
    listen_close(&s);
}

/* Opens when `gate` is closed; keeps it for as long as the others may try. */
static void contend(const struct listener *l, const int gate[2], const int done[2])
{
    struct listener s = *l;
    const char *key, *why;
    char byte;
    close(gate[1]);
    close(done[1]);
    (void)!read(gate[0], &byte, 1);
    int r = listen_open(&s, &arena, &key, &why);
    (void)!write(done[0], r == 0 ? "+" : "-", 1);
    (void)!read(done[0], &byte, 1);
    _exit(0);
}

/* Of those that start together. */
static unsigned count_winners(const struct listener *l)
{
    enum { N = 8 };
    int gate[2], done[2];
    unsigned n = 0;

    cr_assert_eq(pipe(gate), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, done), 0);
    for (int i = 0; i < N; i++)
        if (fork() == 0)
            contend(l, gate, done);
    close(gate[0]);
    close(gate[1]);
    close(done[0]);
    for (int i = 0; i < N; i++) {
        char byte;
        cr_assert_eq(read(done[1], &byte, 1), 1);
        n += byte == '+';
    }
    close(done[1]);
    for (int i = 0; i < N; i++)
        wait(NULL);
    return n;
}

Test(listen, of_many_that_start_together_one_gets_the_stale_socket_file, .timeout = 60)
{
    struct listener l = at(address);
    struct listener dead = must_open(&l);
    close(dead.transport.fd);
    for (int i = 0; i < 200; i++)
        cr_assert_eq(count_winners(&l), 1);
}

/* Run by a user that may not do everything: 0 if it is as it should be. */
static int as_another_user(int (*part)(const struct listener *l), const struct listener *l)
{
    int status = -1;
    chmod(dir, 0777);
    pid_t child = fork();
    if (child == 0)
        _exit(geteuid() != 0 ||
                      (setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0)
                  ? part(l)
                  : 1);
    cr_assert_eq(waitpid(child, &status, 0), child);
    return status;
}

static int opens_for_a_group_that_it_is_not_in(const struct listener *l)
{
    struct listener s = *l;
    const char *key, *why = NULL;
    int r = listen_open(&s, &arena, &key, &why);
    bool said = why && strstr(why, "SupplementaryGroups");
    return r == -EPERM && strcmp(key, "socket_group") == 0 && said ? 0 : 1;
}

Test(listen, a_group_that_the_user_is_not_in_is_a_mistake_of_its_key)
{
    struct listener l = at(address);
    l.socket_group = 1;
    cr_expect_eq(as_another_user(opens_for_a_group_that_it_is_not_in, &l), 0);
}

static int opens_what_it_may_not_connect_to(const struct listener *l)
{
    struct listener s = *l;
    const char *key, *why = NULL;
    int r = listen_open(&s, &arena, &key, &why);
    bool said = why && strstr(why, "cannot connect to it: Permission denied");
    return r == -EADDRINUSE && strcmp(key, "address") == 0 && said ? 0 : 1;
}

/* It cannot be seen whether it is stale, and no other process is named. */
Test(listen, a_socket_file_of_another_user_is_left_alone)
{
    struct listener l = at(address);
    struct listener s = must_open(&l);
    cr_assert_eq(chmod(path, 0), 0);
    cr_expect_eq(as_another_user(opens_what_it_may_not_connect_to, &l), 0);
    cr_expect_eq(access(path, F_OK), 0);
    listen_close(&s);
}

static void expect_impossible(const char *text, int error, const char *hint)
{
    struct listener l = at(text);
    struct listener s = l;
    const char *key, *why = NULL;
    cr_expect_eq(listen_open(&s, &arena, &key, &why), -error);
    cr_expect_str_eq(key, "address");
    cr_expect(why && strstr(why, hint), "%s", why);
}

Test(listen, what_an_operator_can_do_about_it_is_said)
{
    expect_impossible("unix:/nonexistent/socket", ENOENT, "the directory does not exist");
    expect_impossible("192.0.2.1:0", EADDRNOTAVAIL, "this machine does not have the address");
}

Test(listen, another_kind_of_file_is_left_alone)
{
    struct listener l = at(address);
    FILE *f = fopen(path, "w");
    fclose(f);
    expect_in_use(&l, "not a socket");
    cr_expect_eq(access(path, F_OK), 0);
}

Test(listen, the_socket_file_has_the_mode_asked_for)
{
    struct listener l = at(address);
    struct listener s = must_open(&l);
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0640u);
    listen_close(&s);
}

Test(listen, a_file_of_another_server_is_not_removed)
{
    struct listener l = at(address);
    struct listener first = must_open(&l), second;
    unlink(path);
    second = must_open(&l);
    listen_close(&first);
    cr_expect_eq(access(path, F_OK), 0);
    listen_close(&second);
}
