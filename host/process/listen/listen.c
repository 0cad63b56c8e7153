/* listen: binds and listens, and never steals: SO_REUSEPORT stays off, and a socket file is removed
 * only after a connect() has shown that no process listens on it. */
#include "process/listen/listen.h"

#include "process/listen/holder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

/* Between the connect() to a stale socket file and our listen(), another instance that starts must
 * not see it, or ours that does not listen yet: it would take its place. The folder is locked until
 * the result is closed;
 * -1: it cannot be. */
static int lock_folder(const struct address *a)
{
    char folder[sizeof a->socket];
    const char *path = address_path(a), *slash = strrchr(path, '/');
    size_t len = (size_t)(slash - path) + 1;
    memcpy(folder, path, len);
    folder[len] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        (void)flock(fd, LOCK_EX);
    return fd;
}

/* Removes the socket file of a process that has ended. 0; -EADDRINUSE: it is in use, or not a
 * socket. */
static int clear_path(const struct address *a, struct arena *arena, const char **ret_why)
{
    struct stat st;
    if (lstat(address_path(a), &st) != 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode)) {
        *ret_why = "the path exists and is not a socket";
        return -EADDRINUSE;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int error = connect(fd, (const struct sockaddr *)&a->socket, a->len) == 0 ? 0 : errno;
    if (error == 0 || error == EAGAIN)
        *ret_why = holder_of_unix(fd, arena);
    else
        *ret_why = arena_format(arena, "cannot connect to it: %s", strerror(error)).ptr;
    close(fd);
    if (error != ECONNREFUSED)
        return -EADDRINUSE;
    return unlink(address_path(a)) == 0 || errno == ENOENT ? 0 : -errno;
}

static int bind_unix(struct listener *l, const char **ret_key)
{
    const char *path = address_path(&l->address);
    struct stat st;
    mode_t old = umask(0777); /* no client can connect before the mode is set */
    int r = bind(l->transport.fd, (const struct sockaddr *)&l->address.socket, l->address.len);
    int error = errno;
    umask(old);
    if (r != 0)
        return -error;
    bool has_group = l->socket_group == (gid_t)-1 || chown(path, (uid_t)-1, l->socket_group) == 0;
    if (!has_group || chmod(path, l->socket_mode) != 0 || stat(path, &st) != 0) {
        error = errno;
        unlink(path);
        *ret_key = has_group ? "address" : "socket_group";
        return -error;
    }
    l->dev = st.st_dev;
    l->ino = st.st_ino;
    return 0;
}

static int bind_tcp(int fd, const struct listener *l)
{
    int one = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, (const struct sockaddr *)&l->address.socket, l->address.len) != 0)
        return -errno;
    return 0;
}

static int bind_and_listen(struct listener *l, const char **ret_key)
{
    int fd = l->transport.fd;
    int r = address_is_unix(&l->address) ? bind_unix(l, ret_key) : bind_tcp(fd, l);
    if (r == 0 && listen(fd, BACKLOG) != 0)
        r = -errno;
    l->bound = l->address;
    l->bound.len = sizeof l->bound.socket;
    if (r == 0 && getsockname(fd, (struct sockaddr *)&l->bound.socket, &l->bound.len) != 0)
        r = -errno;
    return r;
}

/* What an operator can do about it; NULL: nothing that is known. */
static const char *remedy(const struct listener *l, const char *key, int r)
{
    if (strcmp(key, "socket_group") == 0)
        return r == -EPERM ? "not a member of the group (SupplementaryGroups in the unit)" : NULL;
    if (address_is_unix(&l->address))
        return r == -ENOENT ? "the directory does not exist" : NULL;
    if (r == -EACCES)
        return "ports below 1024 need AmbientCapabilities=CAP_NET_BIND_SERVICE";
    return r == -EADDRNOTAVAIL ? "this machine does not have the address" : NULL;
}

int listen_open(struct listener *l, struct arena *arena, const char **ret_key, const char **ret_why)
{
    *ret_key = "address";
    const char *why = NULL; /* of an address that is in use */
    int lock = address_is_unix(&l->address) ? lock_folder(&l->address) : -1;
    int r = address_is_unix(&l->address) ? clear_path(&l->address, arena, &why) : 0;
    l->transport.fd = -1;
    l->transport.tcp = !address_is_unix(&l->address);
    if (r == 0) {
        l->transport.fd =
            socket(l->address.socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        r = l->transport.fd < 0 ? -errno : bind_and_listen(l, ret_key);
    }
    if (lock >= 0)
        close(lock);
    if (r == 0)
        return 0;
    if (r == -EADDRINUSE && !why && !address_is_unix(&l->address))
        why = holder_of_tcp(&l->address, arena);
    listen_close(l);
    why = why ? why : remedy(l, *ret_key, r);
    *ret_why = arena_format(arena, "%s%s%s%s", strerror(-r), why ? " (" : "", why ? why : "",
                            why ? ")" : "")
                   .ptr;
    return r;
}

void listen_unlink(struct listener *l)
{
    struct stat st;
    if (l->ino && address_is_unix(&l->bound) && lstat(address_path(&l->bound), &st) == 0 &&
        st.st_dev == l->dev && st.st_ino == l->ino)
        unlink(address_path(&l->bound));
    l->ino = 0;
}

void listen_close(struct listener *l)
{
    listen_unlink(l);
    if (l->transport.fd >= 0)
        close(l->transport.fd);
    l->transport.fd = -1;
}
