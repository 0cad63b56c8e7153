/* peername: the address of a connection's other end, for the log.
 *
 * Written when a connection is accepted, because the system forgets it as soon as the client resets
 * the connection, and that is when the log wants it.
 */
#include "transport/peername.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static void format_process(int fd, char *ret_name)
{
    struct ucred process;
    socklen_t len = sizeof process;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &process, &len))
        strcpy(ret_name, "unix");
    else
        snprintf(ret_name, PEERNAME_MAX, "unix:pid=%d", (int)process.pid);
}

void peername_format(const struct sockaddr *address, int fd, char ret_name[static PEERNAME_MAX])
{
    const struct sockaddr_in *in = (const void *)address;
    const struct sockaddr_in6 *in6 = (const void *)address;
    char host[INET6_ADDRSTRLEN] = "";
    switch (address->sa_family) {
    case AF_INET:
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(ret_name, PEERNAME_MAX, "%s:%u", host, ntohs(in->sin_port));
        break;
    case AF_INET6:
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        snprintf(ret_name, PEERNAME_MAX, "[%s]:%u", host, ntohs(in6->sin6_port));
        break;
    case AF_UNIX:
        format_process(fd, ret_name);
        break;
    default:
        strcpy(ret_name, "unknown");
    }
}

void peername_of(int fd, char ret_name[static PEERNAME_MAX])
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof address;
    if (getpeername(fd, (struct sockaddr *)&address, &len))
        address.ss_family = AF_UNSPEC;
    peername_format((const struct sockaddr *)&address, fd, ret_name);
}
