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
/* As address_format(), but of a unix socket the folder as it is without links and dots. */
void address_identify(const struct address *a, char ret[ADDRESS_TEXT]);
/* Does a socket on `every` take the port of this address too? An address of 0.0.0.0 takes those of
 * IPv4, one of [::] all of them. The text of both is not the same. */
bool address_is_covered(const struct address *a, const struct address *every);
/* Port 0: each socket gets one of its own. */
bool address_is_any_port(const struct address *a);

#endif
