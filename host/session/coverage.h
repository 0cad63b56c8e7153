/* coverage: what the proxies of one listener are known to send.
 *
 * A processing mode may skip any phase, and of headers and trailers the proxy never says which. What
 * is known beside the protocol is what the operator has written down and what has come before.
 * One of each listener in a loop; its sessions share it.
 */
#ifndef EXTPROCD_SESSION_COVERAGE_H
#define EXTPROCD_SESSION_COVERAGE_H

#include "http/phase.h"

struct coverage {
    enum body_mode modes[N_LANES]; /* of the listener's keys, for proxies that do not say */
    uint32_t seen;                 /* phase bits: have come in some transaction           */
};

#endif
