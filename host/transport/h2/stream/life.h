/* life: how a call begins, is looked after, and ends. */
#ifndef EXTPROCD_TRANSPORT_H2_STREAM_LIFE_H
#define EXTPROCD_TRANSPORT_H2_STREAM_LIFE_H

#include "transport/h2/stream/intake.h"

/* A call has come, with this head and this metadata, which it takes over. */
void h2_call_open(struct streams *s, int32_t id, const struct head *head, struct metadata *metadata,
                  const struct transport_handler *handler, void *arg);
/* Its stream is gone: reset, or lost with its connection. */
void h2_call_closed(struct h2_call *call, enum transport_end how);
/* Ends it for the memory that it has, which is freed: all but what the handler still has. */
void h2_call_shed(struct h2_call *call, struct extproc_str why);

#endif
