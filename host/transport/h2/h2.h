/* h2: the transport on nghttp2. */
#ifndef EXTPROCD_TRANSPORT_H2_H2_H
#define EXTPROCD_TRANSPORT_H2_H2_H

#include "transport/transport.h"

extern const struct transport_ops transport_h2;

#endif
