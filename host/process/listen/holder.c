/* holder: /proc/net/tcp has the inode of the listening socket, /proc/PID/fd the process that has it
 * open; of a unix socket the kernel returns it directly. Another user's process cannot be
 * inspected: then it is "another process". */
#include "process/listen/holder.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *UNNAMED = "in use by another process";

static const char *describe(long pid, struct arena *arena)
{
    char path[64], name[64] = "";
    snprintf(path, sizeof path, "/proc/%ld/comm", pid);
    FILE *f = fopen(path, "re");
    if (f) {
        if (fgets(name, sizeof name, f))
            name[strcspn(name, "\n")] = '\0';
        fclose(f);
    }
    const char *text = name[0] ? arena_format(arena, "in use by %s (pid %ld)", name, pid).ptr
                               : arena_format(arena, "in use by pid %ld", pid).ptr;
    return text ? text : UNNAMED;
}

static unsigned port_of(const struct address *a)
{
    return ntohs(a->socket.ss_family == AF_INET6
                     ? ((const struct sockaddr_in6 *)&a->socket)->sin6_port
                     : ((const struct sockaddr_in *)&a->socket)->sin_port);
}

enum { ROW_ADDRESS = 33 }; /* four words in hexadecimal, a NUL */

static void format_words(const uint32_t *words, size_t n, char *to)
{
    for (size_t i = 0; i < n; i++)
        snprintf(to + 8 * i, 9, "%08X", words[i]);
}

/* An address as the kernel's tables have it, and as that of IPv6 has one of IPv4; both empty: all
 * addresses. */
static void format_rows(const struct address *a, char own[ROW_ADDRESS], char mapped[ROW_ADDRESS])
{
    uint32_t words[4] = {0, 0, htonl(0xffff)};
    own[0] = mapped[0] = '\0';
    if (a->socket.ss_family == AF_INET6) {
        memcpy(words, &((const struct sockaddr_in6 *)&a->socket)->sin6_addr, sizeof words);
        if (words[0] | words[1] | words[2] | words[3])
            format_words(words, 4, own);
        return;
    }
    words[3] = ((const struct sockaddr_in *)&a->socket)->sin_addr.s_addr;
    if (words[3] == INADDR_ANY)
        return;
    format_words(&words[3], 1, own);
    format_words(words, 4, mapped);
}

/* Does a socket with this address stand in the way? All addresses of IPv6 are those of IPv4 too. */
static bool row_fits(const char *row, const char *own, const char *mapped)
{
    bool is_any = row[strspn(row, "0")] == '\0';
    return !*own || strcmp(row, own) == 0 || strcmp(row, mapped) == 0 ||
           (is_any && strlen(row) >= strlen(own));
}

/* The inode of the socket that listens on an address and port. 0: none found. */
static unsigned long listening_inode(const char *table, const struct address *a)
{
    char line[512], row[ROW_ADDRESS], own[ROW_ADDRESS], mapped[ROW_ADDRESS];
    unsigned long inode, found = 0;
    unsigned port, state;
    FILE *f = fopen(table, "re");
    if (!f)
        return 0;
    format_rows(a, own, mapped);
    while (!found && fgets(line, sizeof line, f))
        if (sscanf(line, " %*u: %32[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*s %*s %lu", row, &port,
                   &state, &inode) == 4 &&
            port == port_of(a) && state == 0x0A /* TCP_LISTEN */ && row_fits(row, own, mapped))
            found = inode;
    fclose(f);
    return found;
}

static bool has_open(const char *pid, const char *link)
{
    char path[288], target[64];
    struct dirent *e;
    bool found = false;
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    DIR *dir = opendir(path);
    while (dir && !found && (e = readdir(dir))) {
        ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof target - 1);
        if (n > 0) {
            target[n] = '\0';
            found = strcmp(target, link) == 0;
        }
    }
    if (dir)
        closedir(dir);
    return found;
}

const char *holder_of_tcp(const struct address *a, struct arena *arena)
{
    unsigned long inode = listening_inode("/proc/net/tcp", a);
    char link[64];
    struct dirent *e;
    long pid = 0;
    DIR *proc;
    if (!inode)
        inode = listening_inode("/proc/net/tcp6", a);
    if (!inode)
        return UNNAMED;
    snprintf(link, sizeof link, "socket:[%lu]", inode);
    proc = opendir("/proc");
    while (proc && !pid && (e = readdir(proc)))
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && has_open(e->d_name, link))
            pid = strtol(e->d_name, NULL, 10);
    if (proc)
        closedir(proc);
    return pid ? describe(pid, arena) : UNNAMED;
}

const char *holder_of_unix(int fd, struct arena *arena)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 || peer.pid <= 0)
        return UNNAMED;
    return describe(peer.pid, arena);
}
