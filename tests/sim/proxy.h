/* proxy: one transaction from the proxy's side: what it sends, in its order, when it reads, how it
 * leaves; and what it must get.
 */
#ifndef EXTPROCD_TESTS_SIM_PROXY_H
#define EXTPROCD_TESTS_SIM_PROXY_H

#include "record.h"

enum { BODY_MAX = 512 };

enum step { STEP_HEADERS, STEP_BODY, STEP_TRAILERS, STEP_DONE };

/* What one direction has still to send. */
struct side {
    enum body_mode mode;
    enum step next;
    bool has_body, has_trailers;
    char body[BODY_MAX];
    size_t len, sent;
};

struct transaction {
    struct kit_call *c; /* NULL: there is none */
    unsigned number;
    bool reads, half_closed;
    bool observes; /* it expects no answers, and goes on whatever the plugins do */
    bool many;     /* it has a long body in small pieces, and does not wait for answers */
    struct side sides[N_LANES];
};

void proxy_begin(struct transaction *t, unsigned number);
/* It does one thing. Afterwards the transaction may be over, and t->c NULL. */
void proxy_step(struct transaction *t);
/* The service stops meanwhile. */
void proxy_stop(struct transaction *t);
/* Reads what there is, and checks what follows from it. */
void proxy_read(struct transaction *t);

/* It is not over, as far as it can be known before all is read. */
bool proxy_goes_on(const struct transaction *t);
/* Nothing waits in it: then what is held of it is known. False: something does, or it is over. */
bool proxy_is_at_rest(const struct transaction *t, size_t *ret_held);

#endif
