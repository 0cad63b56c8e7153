/* address: numeric hosts only, so that a start never waits for a name server. */
#include "process/listen/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static bool parse_unix(const char *path, struct address *ret, const char **ret_why)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};

    if (path[0] != '/') {
        *ret_why = "a unix socket needs an absolute path: unix:/run/extprocd/extprocd.sock";
        return false;
    }
    if (strlen(path) >= sizeof sun.sun_path) {
        *ret_why = "the path of a unix socket has at most 107 bytes";
        return false;
    }
    memcpy(sun.sun_path, path, strlen(path) + 1);
    memset(ret, 0, sizeof *ret);
    memcpy(&ret->socket, &sun, sizeof sun);
    ret->len = (socklen_t)sizeof sun;
    return true;
}

/* Splits "host:port" and "[host]:port"; host without brackets. */
static bool split(const char *text, char *ret_host, size_t size, const char **ret_port)
{
    const char *colon = strrchr(text, ':'), *begin = text;
    size_t len;

    if (!colon || colon == text)
        return false;
    len = (size_t)(colon - text);
    if (text[0] == '[') {
        if (colon[-1] != ']' || len < 3)
            return false;
        begin++;
        len -= 2;
    } else if (memchr(text, ':', len)) {
        return false;
    }
    if (len >= size)
        return false;
    memcpy(ret_host, begin, len);
    ret_host[len] = '\0';
    *ret_port = colon + 1;
    return true;
}

static bool is_port(const char *s)
{
    size_t len = strlen(s);

    return len >= 1 && len <= 5 && strspn(s, "0123456789") == len && strtoul(s, NULL, 10) <= 65535;
}

bool address_parse(const char *text, struct address *ret, const char **ret_why)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found;
    const char *port;
    char host[64];

    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(text + 5, ret, ret_why);
    if (strncmp(text, "*:", 2) == 0) {
        *ret_why = "0.0.0.0:PORT for every IPv4 address, [::]:PORT for every IPv4 and IPv6 address";
        return false;
    }
    *ret_why = "127.0.0.1:50051, [::1]:50051 or unix:/run/extprocd/extprocd.sock";
    if (!split(text, host, sizeof host, &port) || !is_port(port) ||
        getaddrinfo(host, port, &hints, &found) != 0)
        return false;
    memset(ret, 0, sizeof *ret);
    memcpy(&ret->socket, found->ai_addr, found->ai_addrlen);
    ret->len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

bool address_is_unix(const struct address *a)
{
    return a->socket.ss_family == AF_UNIX;
}

const char *address_path(const struct address *a)
{
    return ((const struct sockaddr_un *)&a->socket)->sun_path;
}

void address_format(const struct address *a, char ret[ADDRESS_TEXT])
{
    char host[INET6_ADDRSTRLEN] = "";

    if (a->socket.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&a->socket;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(ret, ADDRESS_TEXT, "%s:%u", host, (unsigned)ntohs(in->sin_port));
    } else if (a->socket.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&a->socket;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        snprintf(ret, ADDRESS_TEXT, "[%s]:%u", host, (unsigned)ntohs(in6->sin6_port));
    } else {
        snprintf(ret, ADDRESS_TEXT, "unix:%s", address_path(a));
    }
}

bool address_is_any_port(const struct address *a)
{
    if (a->socket.ss_family == AF_INET)
        return ((const struct sockaddr_in *)&a->socket)->sin_port == 0;
    return a->socket.ss_family == AF_INET6 &&
           ((const struct sockaddr_in6 *)&a->socket)->sin6_port == 0;
}
