/* idle: connections without a call that has said something, in the order in which they became
 * so. */
#ifndef EXTPROCD_TRANSPORT_H2_CONN_IDLE_H
#define EXTPROCD_TRANSPORT_H2_CONN_IDLE_H

#include "transport/h2/conn/conn.h"

/* It has no such call; only its client's end is waited for; it has one, or is gone. */
void idle_put(struct conn *c);
void idle_put_gone(struct conn *c);
void idle_take(struct conn *c);

#endif
