/* address: numeric hosts only, so that a start never waits for a name server. */
#include "process/listen/address.h"

#include <arpa/inet.h>
#include <limits.h>
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
        *ret_why = "an absolute path, such as unix:/run/extprocd/extprocd.sock";
        return false;
    }
    if (strlen(path) >= sizeof sun.sun_path) {
        *ret_why = "a path of at most 107 bytes";
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
    if (!colon || colon == text)
        return false;
    size_t len = (size_t)(colon - text);
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

/* Also by the quotes that word processors put in their place: U+2018 to U+201F. */
static bool is_quoted(const char *text)
{
    return text[0] == '"' || text[0] == '\'' ||
           (strncmp(text, "\xE2\x80", 2) == 0 && ((unsigned char)text[2] & 0xF8) == 0x98);
}

/* What would be right in the place of what is wrong. */
static const char *expected(const char *text)
{
    char host[64];
    const char *port;
    if (is_quoted(text))
        return "an address without quotes";
    if (strpbrk(text, " \t"))
        return "one address (a comment later in a line starts with \" ;\")";
    if (strncmp(text, "systemd:", 8) == 0)
        return "HOST:PORT, [HOST]:PORT or unix:PATH (sockets of systemd are not supported by this "
               "version)";
    if (text[0] == '*')
        return "0.0.0.0:PORT for every IPv4 address, [::]:PORT for every IPv4 and IPv6 address";
    if (!split(text, host, sizeof host, &port))
        return "HOST:PORT, [HOST]:PORT or unix:PATH, such as 127.0.0.1:50051";
    if (!is_port(port))
        return "a port from 0 to 65535";
    return "a numeric address such as 127.0.0.1:50051 or [::1]:50051 (host names are not resolved)";
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
    /* getaddrinfo(3) accepts "*" and leaves open which family that is */
    if (!split(text, host, sizeof host, &port) || !is_port(port) || host[0] == '*' ||
        getaddrinfo(host, port, &hints, &found) != 0) {
        *ret_why = expected(text);
        return false;
    }
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

void address_identify(const struct address *a, char ret[ADDRESS_TEXT])
{
    char folder[PATH_MAX];
    const char *path = address_path(a), *slash = strrchr(path, '/');
    address_format(a, ret);
    if (!address_is_unix(a))
        return;
    snprintf(folder, sizeof folder, "%.*s/", (int)(slash - path), path);
    char *real = realpath(folder, NULL);
    if (real)
        snprintf(ret, ADDRESS_TEXT, "unix:%s%s", strcmp(real, "/") == 0 ? "" : real, slash);
    free(real);
}

static in_port_t port_of(const struct address *a)
{
    return a->socket.ss_family == AF_INET ? ((const struct sockaddr_in *)&a->socket)->sin_port
                                          : ((const struct sockaddr_in6 *)&a->socket)->sin6_port;
}

bool address_is_covered(const struct address *a, const struct address *every)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)&every->socket;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&every->socket;
    if (address_is_unix(a) || address_is_unix(every) || port_of(a) != port_of(every))
        return false;
    if (every->socket.ss_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr);
    return a->socket.ss_family == AF_INET && in->sin_addr.s_addr == htonl(INADDR_ANY);
}

bool address_is_any_port(const struct address *a)
{
    return !address_is_unix(a) && port_of(a) == 0;
}
