/* notify: reports the state of the service to the service manager.
 *
 * A datagram to the socket that NOTIFY_SOCKET names (sd_notify(3)); a name that begins with "@" is
 * one of the kernel's own. It is done here because libsystemd would bring five libraries along, and
 * all their names into the scope that plugins are linked in.
 */
#include "process/run/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { TEXT_SIZE = 256 };

static socklen_t address_of(const char *name, struct sockaddr_un *ret)
{
    size_t len = strlen(name);
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((name[0] != '/' && name[0] != '@') || len >= sizeof ret->sun_path)
        return 0;
    memcpy(ret->sun_path, name, len);
    if (name[0] == '@')
        ret->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

void notify(const char *fmt, ...)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t address_len = name ? address_of(name, &address) : 0;
    char text[TEXT_SIZE];
    va_list ap;
    if (!address_len)
        return;
    va_start(ap, fmt);
    int len = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (len > 0 &&
        (size_t)len < sizeof text) /* if the manager does not listen, that is not an error */
        (void)sendto(fd, text, (size_t)len, MSG_NOSIGNAL, (struct sockaddr *)&address, address_len);
    close(fd);
}
