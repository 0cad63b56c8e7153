/* heard: what a connection makes of what comes, from HTTP/2 and from its streams. */
#ifndef EXTPROCD_TRANSPORT_H2_CONN_HEARD_H
#define EXTPROCD_TRANSPORT_H2_CONN_HEARD_H

#include "transport/h2/conn/conn.h"

extern const struct conn_ears heard;

#endif
