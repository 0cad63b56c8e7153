/* hub: what is done to all connections of a loop. */
#ifndef EXTPROCD_TRANSPORT_H2_HUB_H
#define EXTPROCD_TRANSPORT_H2_HUB_H

#include "transport/h2/conn/conn.h"

/* Its owner has set `emptied`, arg and streams.ops. 0; or -errno, with *ret_why (in the arena) if
 * there is more to say. In any case hub_fini() is still to be called. */
int hub_init(struct hub *hub, const struct transport_options *options, struct poller *poller,
             struct health *health, struct arena *arena, const char **ret_why);
/* Breaks what is still there. */
void hub_fini(struct hub *hub);

/* A connection has come to the i-th listener: takes it over. */
void hub_admit(struct hub *hub, size_t i, int fd, const char *peer);
/* There is no descriptor left: closes the idle connection that is missed least. False: there is
 * none. */
bool hub_make_room(struct hub *hub);
/* At the end of a round: sends what has come together. True: there is more to send. */
bool hub_flush(struct hub *hub);
/* Every connection: no new calls, in the two steps that lose none. */
void hub_drain(struct hub *hub);
/* Ends every call, and then every connection. */
void hub_stop(struct hub *hub);

#endif
