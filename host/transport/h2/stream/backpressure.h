/* backpressure: whether a client takes answers as fast as a handler makes them. */
#ifndef EXTPROCD_TRANSPORT_H2_STREAM_BACKPRESSURE_H
#define EXTPROCD_TRANSPORT_H2_STREAM_BACKPRESSURE_H

#include "transport/h2/stream/call.h"

void backpressure_init(struct streams *s);
void backpressure_fini(struct streams *s);

/* struct transport_ops, as far as it is of this. */
bool backpressure_has_room(struct transport_call *base);

/* Fewer answers wait than before. */
void backpressure_eases(struct streams *s);
/* The call is gone. */
void backpressure_leave(struct h2_call *call);

#endif
