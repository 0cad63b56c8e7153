/* module: what the shared object of a transport exports. Compiled once for each. */
#include "transport/module.h"

extern const struct transport_ops EXTPROCD_MODULE;

__attribute__((visibility("default"))) extern const struct transport_module extprocd_transport;
const struct transport_module extprocd_transport = {EXTPROCD_VERSION, sizeof(struct transport_ops),
                                                    &EXTPROCD_MODULE};
