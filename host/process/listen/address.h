/* address: where a listener listens, as the ini file writes it. */
#ifndef EXTPROCD_PROCESS_LISTEN_ADDRESS_H
#define EXTPROCD_PROCESS_LISTEN_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { ADDRESS_TEXT = 160 }; /* "unix:" and the longest path, "[::1]:65535", a NUL */

struct address {
    struct sockaddr_storage socket;
    socklen_t len;
};

/* "127.0.0.1:50051", "[::1]:50051", "unix:/run/extprocd/extprocd.sock"; port 0: any free one.
 * False:
 * *ret_why says what would be right. */
bool address_parse(const char *text, struct address *ret, const char **ret_why);

bool address_is_unix(const struct address *a);
/* The path of a unix socket. */
const char *address_path(const struct address *a);
/* As the ini file would write it. */
void address_format(const struct address *a, char ret[ADDRESS_TEXT]);
/* Port 0: each socket gets one of its own. */
bool address_is_any_port(const struct address *a);

#endif
