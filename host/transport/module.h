/* module: what the shared object of a transport exports, and nothing else. */
#ifndef EXTPROCD_TRANSPORT_MODULE_H
#define EXTPROCD_TRANSPORT_MODULE_H

#include "transport/transport.h"

/* The program and its modules are built together and hand structs of base/ to each other: one from
 * another version is refused. */
struct transport_module {
    char version[32];
    size_t ops_size;
    const struct transport_ops *ops;
};

#define TRANSPORT_MODULE_SYMBOL "extprocd_transport"

#endif
