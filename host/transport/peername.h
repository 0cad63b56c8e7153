/* peername: the address of a connection's other end, for the log. */
#ifndef EXTPROCD_TRANSPORT_PEERNAME_H
#define EXTPROCD_TRANSPORT_PEERNAME_H

#include <sys/socket.h>

enum { PEERNAME_MAX = 64 };

/* What accept() has returned for this descriptor: "127.0.0.1:4711", "[::1]:4711"; for a unix
 * socket, whose clients have no address, the process that connected: "unix:pid=4711". "unknown"
 * where the system does not say. */
void peername_format(const struct sockaddr *address, int fd, char ret_name[static PEERNAME_MAX]);
/* The same of a descriptor alone; a connection that its client has reset has no name any longer. */
void peername_of(int fd, char ret_name[static PEERNAME_MAX]);

#endif
