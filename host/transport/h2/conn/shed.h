/* shed: whose calls end when bytes exceed a budget. */
#ifndef EXTPROCD_TRANSPORT_H2_CONN_SHED_H
#define EXTPROCD_TRANSPORT_H2_CONN_SHED_H

#include "transport/h2/conn/conn.h"

/* Answers of a connection, and max_queued. May be called from within a handler. */
void shed_answers(struct conn *c);
/* All that is held, and max_held. Never from within a handler. */
void shed_held(struct hub *hub);

#endif
