/* patience: the times that a connection and what it has begun may take, and what becomes of it afterwards. */
#ifndef EXTPROCD_TRANSPORT_H2_CONN_PATIENCE_H
#define EXTPROCD_TRANSPORT_H2_CONN_PATIENCE_H

#include "transport/h2/conn/conn.h"

/* Of a connection that was opened, before anything of it is read. 0 or -ENOMEM. */
int patience_begin(struct conn *c);

#endif
