/* transport: the table of transports that this build has.
 *
 * The one place that names them. The first is what a service gets that asks for none.
 */
#include "transport/transport.h"

#ifdef EXTPROCD_GRPC
#    include "transport/grpc/grpc.h"
#endif
#ifdef EXTPROCD_H2
#    include "transport/h2/h2.h"
#endif

#include <string.h>

static const struct transport_ops *const transports[] = {
#ifdef EXTPROCD_H2
    &transport_h2,
#endif
#ifdef EXTPROCD_GRPC
    &transport_grpc,
#endif
};

enum { N_TRANSPORTS = sizeof transports / sizeof *transports };

const struct transport_ops *transport_at(size_t i)
{
    return i < N_TRANSPORTS ? transports[i] : NULL;
}

const struct transport_ops *transport_find(const char *name)
{
    for (size_t i = 0; i < N_TRANSPORTS; i++)
        if (!strcmp(transports[i]->name, name))
            return transports[i];
    return NULL;
}
