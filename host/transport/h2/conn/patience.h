/* patience: the times that a connection and what it has begun may take, and what becomes of it
 * afterwards. */
#ifndef EXTPROCD_TRANSPORT_H2_CONN_PATIENCE_H
#define EXTPROCD_TRANSPORT_H2_CONN_PATIENCE_H

#include "transport/h2/conn/conn.h"

/* Call it for a connection that was opened, before anything is read from it. 0 or -ENOMEM. */
int patience_begin(struct conn *c);

#endif
