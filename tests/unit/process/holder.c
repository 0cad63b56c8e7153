/* Sockets of our own, and of children with names of their own. */
#include "process/listen/holder.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct arena arena;

static void begin(void)
{
    arena_init(&arena, 256);
}

static void end(void)
{
    arena_fini(&arena);
}

TestSuite(holder, .init = begin, .fini = end);

static const char UNNAMED[] = "in use by another process";

/* A socket on a free port of this address, which *a becomes; -1: this machine has no such
 * address. */
static int bound(const char *text, struct address *a)
{
    const char *why;
    cr_assert(address_parse(text, a, &why), "%s", why);
    int fd = socket(a->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a->socket, a->len) < 0)
        return -1;
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&a->socket, &a->len), 0);
    return fd;
}

/* A child of this name that waits until it is killed, and holds what we hold. */
static pid_t child_named(const char *name)
{
    int ends[2];
    char byte;
    cr_assert_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_NAME, name);
        (void)!write(ends[1], "", 1);
        for (;;)
            pause();
    }
    cr_assert_eq(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static void kill_child(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static const char *named(const char *name, pid_t pid)
{
    return arena_format(&arena, "in use by %s (pid %d)", name, (int)pid).ptr;
}

/* The child alone has the socket. */
static void expect_child_found(const char *address, const char *name, const char *shown)
{
    struct address a;
    int fd = bound(address, &a);
    if (fd < 0)
        return;
    cr_assert_eq(listen(fd, 1), 0);
    pid_t pid = child_named(name);
    close(fd);
    cr_expect_str_eq(holder_of_tcp(&a, &arena), named(shown, pid));
    kill_child(pid);
}

/* ---- of a port ------------------------------------------------------------------------------- */

Test(holder, of_a_port_of_ipv4)
{
    expect_child_found("127.0.0.1:0", "other-server", "other-server");
}

Test(holder, of_a_port_of_ipv6)
{
    expect_child_found("[::1]:0", "other-server", "other-server");
}

Test(holder, whose_name_has_two_lines_is_named_by_the_first)
{
    expect_child_found("127.0.0.1:0", "two\nlines", "two");
}

Test(holder, without_a_name_is_named_by_its_number)
{
    struct address a;
    int fd = bound("127.0.0.1:0", &a);
    cr_assert_eq(listen(fd, 1), 0);
    pid_t pid = child_named("");
    close(fd);
    cr_expect_str_eq(holder_of_tcp(&a, &arena),
                     arena_format(&arena, "in use by pid %d", (int)pid).ptr);
    kill_child(pid);
}

/* This child alone listens there. */
static pid_t child_at(struct address *a, const char *name)
{
    int fd = socket(a->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&a->socket, a->len), 0);
    cr_assert_eq(listen(fd, 1), 0);
    pid_t pid = child_named(name);
    close(fd);
    return pid;
}

/* A port is that of one address; the port of another address is another. */
Test(holder, of_the_same_port_of_another_address_is_not_meant)
{
    struct address a, other;
    int fd = bound("127.0.0.1:0", &a);
    other = a;
    ((struct sockaddr_in *)&other.socket)->sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    close(fd);
    pid_t before = child_at(&other, "before");
    cr_expect_str_eq(holder_of_tcp(&a, &arena), UNNAMED);
    pid_t meant = child_at(&a, "meant");
    cr_expect_str_eq(holder_of_tcp(&a, &arena), named("meant", meant));
    cr_expect_str_eq(holder_of_tcp(&other, &arena), named("before", before));
    kill_child(meant);
    kill_child(before);
}

/* The port of `taken` is in the way of `wanted`. */
static void expect_in_the_way(const char *taken, const char *wanted)
{
    char text[ADDRESS_TEXT];
    struct address a, b;
    const char *why;
    int fd = bound(taken, &a);
    if (fd < 0)
        return;
    address_format(&a, text);
    cr_assert_eq(listen(fd, 1), 0);
    const char *address = arena_format(&arena, "%s%s", wanted, strrchr(text, ':')).ptr;
    cr_assert(address_parse(address, &b, &why), "%s: %s", address, why);
    prctl(PR_SET_NAME, "in-the-way");
    cr_expect_str_eq(holder_of_tcp(&b, &arena), named("in-the-way", getpid()), "%s: %s", taken,
                     address);
    close(fd);
}

Test(holder, of_all_addresses_is_in_the_way_of_each_and_the_other_way_round)
{
    expect_in_the_way("0.0.0.0:0", "127.0.0.1");
    expect_in_the_way("127.0.0.1:0", "0.0.0.0");
    expect_in_the_way("[::]:0", "[::1]");
    expect_in_the_way("[::1]:0", "[::]");
    expect_in_the_way("[::]:0", "127.0.0.1");
    expect_in_the_way("[::ffff:127.0.0.1]:0", "127.0.0.1");
}

Test(holder, of_a_port_without_a_listener)
{
    struct address a;
    int fd = bound("127.0.0.1:0", &a); /* and does not listen */
    cr_expect_str_eq(holder_of_tcp(&a, &arena), UNNAMED);
    close(fd);
    cr_expect_str_eq(holder_of_tcp(&a, &arena), UNNAMED);
}

/* The socket is there, and no process has it open by a descriptor: it is in flight. */
Test(holder, that_no_process_shows)
{
    struct address a;
    int fd = bound("127.0.0.1:0", &a), pair[2];
    char byte = 0, room[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec part = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    cr_assert_eq(listen(fd, 1), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    *head = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
    cr_assert_eq(sendmsg(pair[0], &message, 0), 1);
    close(fd);
    cr_expect_str_eq(holder_of_tcp(&a, &arena), UNNAMED);
    close(pair[0]);
    close(pair[1]);
}

/* ---- of a unix socket ------------------------------------------------------------------------ */

Test(holder, of_a_unix_socket)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(name.sun_path, sizeof name.sun_path, "/tmp/extprocd-holder-%d", (int)getpid());
    cr_assert_eq(bind(server, (struct sockaddr *)&name, sizeof name), 0);
    cr_assert_eq(listen(server, 1), 0);
    cr_assert_eq(connect(client, (struct sockaddr *)&name, sizeof name), 0);
    prctl(PR_SET_NAME, "one-of-unix");
    cr_expect_str_eq(holder_of_unix(client, &arena), named("one-of-unix", getpid()));
    unlink(name.sun_path);
    close(client);
    close(server);
}

Test(holder, of_a_descriptor_that_has_no_peer)
{
    struct address a;
    int fd = bound("127.0.0.1:0", &a);
    cr_expect_str_eq(holder_of_unix(fd, &arena), UNNAMED);
    close(fd);
    cr_expect_str_eq(holder_of_unix(fd, &arena), UNNAMED);
}
