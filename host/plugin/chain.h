/* chain: instances in their order, and for every phase the list of those to call. */
#ifndef EXTPROCD_PLUGIN_CHAIN_H
#define EXTPROCD_PLUGIN_CHAIN_H

#include "http/mode.h"
#include "plugin/instance.h"

struct chain {
    const char *name;
    struct keys keys;            /* of its section */
    struct conditions match;     /* that choose it; none: it takes every transaction */
    struct wants match_wants;    /* what they look at beside the messages */
    struct instance **instances; /* request order, without those whose mode is off */
    uint16_t n_instances;
    /* Places in `instances`, in the order of this phase's direction: of those that are interested
     * in it, or may have it as a fallback. */
    uint16_t *calls[N_PHASES];
    uint16_t n_calls[N_PHASES];
    /* By place: of the instance alone, where its mode is shadow; NULL: of none it is. */
    struct chain **trials;
    uint32_t wants;         /* phase bits: interest, with the messages that are looked back at, and
                        * those that say whether there is a body */
    uint32_t interest;      /* phase bits: what any of them is interested in    */
    bool must_see[N_LANES]; /* some plugin must see the body, if there is one */
    bool keeps_headers;     /* some plugin reads them in close() */
    enum body_mode needs[N_LANES]; /* the least mode that serves all: NONE, STREAMED, BUFFERED */
};

/* Must an instance see a direction's body? */
bool chain_must_see(const struct instance *in, enum lane lane);

/* Can an instance do what its needs ask of a direction's body, where the proxy is in this mode?
 * Where it depends on the message too (a STREAMED body may come in one chunk), it can. */
bool chain_need_met(const struct instance *in, enum lane lane, enum body_mode mode);

/* Does any of them need a body of either direction in a way that a proxy may not send it? */
static inline bool chain_needs_bodies(const struct chain *c)
{
    return mode_of(c->needs[LANE_REQUEST])->body == MODE_BODY_WHOLE ||
           mode_of(c->needs[LANE_RESPONSE])->body == MODE_BODY_WHOLE || c->must_see[LANE_REQUEST] ||
           c->must_see[LANE_RESPONSE];
}

/* It is for transactions for which these hold: takes them over. 0 or -ENOMEM. */
int chain_match(struct chain *c, struct conditions *match, struct arena *arena);

/* Lives in the arena; borrows the instances. 0, -ENOMEM, or -E2BIG where they
 * are more than 65535. */
int chain_init(struct chain *c, const char *name, struct instance *const *instances, size_t n,
               struct arena *arena);

#endif
