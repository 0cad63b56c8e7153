#include "process/run/notify.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int manager; /* the socket of a service manager */
static char received[300];

/* name: "@..." or a path */
static void given_a_manager_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, name, strlen(name));
    if (*name == '@')
        address.sun_path[0] = '\0';
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    cr_assert_eq(bind(manager, (struct sockaddr *)&address, len), 0);
    setenv("NOTIFY_SOCKET", name, 1);
}

static const char *what_came(void)
{
    ssize_t n = recv(manager, received, sizeof received - 1, 0);
    received[n > 0 ? n : 0] = '\0';
    return received;
}

Test(notify, a_manager_at_a_path_is_notified)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/extprocd-notify-%d", (int)getpid());
    given_a_manager_at(path);
    notify("STOPPING=1\nEXTEND_TIMEOUT_USEC=%llu", 5000000ull);
    cr_assert_str_eq(what_came(), "STOPPING=1\nEXTEND_TIMEOUT_USEC=5000000");
    unlink(path);
}

Test(notify, a_manager_at_an_abstract_address_is_notified)
{
    char name[64];
    snprintf(name, sizeof name, "@extprocd-notify-%d", (int)getpid());
    given_a_manager_at(name);
    notify("READY=1");
    cr_assert_str_eq(what_came(), "READY=1");
}

Test(notify, without_a_manager_nothing_happens)
{
    unsetenv("NOTIFY_SOCKET");
    notify("READY=1");
    setenv("NOTIFY_SOCKET", "/no/such/socket", 1);
    notify("READY=1");
    setenv("NOTIFY_SOCKET", "no address", 1);
    notify("READY=1");
}
