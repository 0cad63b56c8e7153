/* look: a folder that is missing, an address of another machine, a body mode that is not served
 * yet. */
#include "process/listen/look.h"

#include "base/str.h"
#include "http/mode.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void look_at_folder(const struct listener *l, struct arena *arena,
                           struct config_errors *errors)
{
    const struct config_entry *entry = listener_entry(l, "address");
    const char *path = address_path(&l->address), *slash = strrchr(path, '/');
    struct extproc_str folder = {path, slash > path ? (size_t)(slash - path) : 1};
    struct stat st;
    folder = arena_format(arena, "%.*s", EXTPROC_ARG(folder));
    if (!folder.ptr)
        return;
    int error = stat(folder.ptr, &st) < 0 ? errno : 0;
    if (error == 0 && !S_ISDIR(st.st_mode))
        error = ENOTDIR;
    if (error == 0 && access(folder.ptr, W_OK | X_OK) < 0)
        error = errno;
    if (error)
        config_say(errors, CONFIG_WARNING, l->section, entry, "the folder %s of the socket: %s",
                   config_quote(arena, entry, folder), strerror(error));
    else if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
        config_say(errors, CONFIG_ERROR, l->section, entry,
                   "%s exists and is not a socket: remove it, or choose another path",
                   config_quote(arena, entry, keys_text(&l->keys, "address")));
}

/* Binding to any port shows whether the address belongs to this machine. */
static void look_at_host(const struct listener *l, struct arena *arena,
                         struct config_errors *errors)
{
    struct address any = l->address;
    const struct config_entry *entry = listener_entry(l, "address");
    int fd = socket(any.socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (any.socket.ss_family == AF_INET)
        ((struct sockaddr_in *)&any.socket)->sin_port = 0;
    else
        ((struct sockaddr_in6 *)&any.socket)->sin6_port = 0;
    if (fd >= 0 && bind(fd, (struct sockaddr *)&any.socket, any.len) < 0 && errno == EADDRNOTAVAIL)
        config_say(errors, CONFIG_WARNING, l->section, entry,
                   "%s is not an address of this machine",
                   config_quote(arena, entry, keys_text(&l->keys, "address")));
    if (fd >= 0)
        close(fd);
}

static void look_at_mode(const struct listener *l, enum lane lane, const char *key,
                         struct config_errors *errors)
{
    char built[MODES_TEXT];
    if (mode_of(l->session.modes[lane])->built == MODE_BUILT)
        return;
    modes_built(built);
    config_say(errors, CONFIG_WARNING, l->section, listener_entry(l, key),
               "%s is not supported: streams of proxies that do not send their mode end with "
               "UNIMPLEMENTED (%s are)",
               body_mode_name(l->session.modes[lane]), built);
}

void listener_look(const struct listener *l, struct arena *arena, struct config_errors *errors)
{
    if (l->address.len && address_is_unix(&l->address))
        look_at_folder(l, arena, errors);
    else if (l->address.len)
        look_at_host(l, arena, errors);
    look_at_mode(l, LANE_REQUEST, "request_body_mode", errors);
    look_at_mode(l, LANE_RESPONSE, "response_body_mode", errors);
}
