/* intake: what a client sends in a call, on its way to the handler. */
#ifndef EXTPROCD_TRANSPORT_H2_STREAM_INTAKE_H
#define EXTPROCD_TRANSPORT_H2_STREAM_INTAKE_H

#include "transport/h2/framing/head.h"
#include "transport/h2/stream/call.h"

/* As the request's head says. 0 or -ENOMEM; in any case intake_fini() is still to be called. */
int intake_init(struct h2_call *call, const struct head *head);
/* What was not handed over is dropped. */
void intake_fini(struct h2_call *call);

void intake_data(struct h2_call *call, const uint8_t *bytes, size_t len);
void intake_half_close(struct h2_call *call);
/* A time has passed: ends the call when its first message, or the rest of one, has not come for
 * more than `patience` of them. */
void intake_look(struct h2_call *call, unsigned patience);

/* struct transport_ops, as far as it is of what comes. */
void intake_hold(struct transport_call *base);
void intake_resume(struct transport_call *base);

#endif
