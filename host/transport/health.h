/* health: grpc.health.v1.Health, by which proxies ask whether a server wants work.
 *
 * A handler like any other, usable by every transport, which binds it with the struct health as the
 * argument of open. Lives in the loop's thread.
 */
#ifndef EXTPROCD_TRANSPORT_HEALTH_H
#define EXTPROCD_TRANSPORT_HEALTH_H

#include "transport/transport.h"

struct health;

enum { N_HEALTH_HANDLERS = 2 };
extern const struct transport_handler health_handlers[N_HEALTH_HANDLERS]; /* Check, Watch */

/* SERVING for "" and the names, which must stay. NULL: out of memory. */
struct health *health_new(const char *const *names, size_t n_names);
/* Call it after the last stream's end. */
struct health *health_free(struct health *h);

/* NOT_SERVING from now on, also for those that watch. */
void health_lame(struct health *h);
/* The same, and the streams that watch are ended, for they would never end by themselves. */
void health_stop(struct health *h);

#endif
