/* policy: what the operator decides about an instance, whatever its plugin is: what its failure
 * means, how long it may take, how large a body it is called with.
 *
 * Read from the keys of its [plugin:NAME] section. The host applies it, and the plugin never sees
 * it.
 */
#ifndef EXTPROCD_PLUGIN_POLICY_H
#define EXTPROCD_PLUGIN_POLICY_H

#include "base/keys/keys.h"

/* What becomes of a message for which an instance is of no use. In the order of the keys'
 * choices. */
enum policy_action {
    POLICY_RESPOND,  /* the client gets an immediate response */
    POLICY_CONTINUE, /* it goes on without the instance       */
    POLICY_CLOSE,    /* the stream ends with an error, which the proxy handles by its own setting */
    N_POLICY_ACTIONS
};

/* Whether it counts. In the order of the key's choices. */
enum policy_mode {
    POLICY_MODE_ENFORCE,
    POLICY_MODE_SHADOW, /* it runs beside the transaction, and nothing that it does counts */
    POLICY_MODE_OFF,    /* it is loaded and checked, as by -t, and takes part in nothing */
    N_POLICY_MODES
};

struct policy {
    enum policy_mode mode;
    enum policy_action on_error, on_max_body;
    enum policy_action overload; /* the key of [extprocd]: the same for all */
    unsigned on_error_status;
    uint64_t timeout_ms; /* of a callback, with what it waits for; 0: none         */
    bool blocking;       /* its callbacks run in the pool                          */
    size_t max_body;     /* bytes of a complete body; 0: as large as a message may be */
};

/* keys: of the section, with their defaults. */
void policy_read(const struct keys *keys, struct policy *ret);
/* Warns about keys that have no effect, and about bodies that pass without the inspection that the
 * plugin promises (must_see). */
void policy_look(const struct policy *policy, const struct keys *keys,
                 const struct config_section *section, bool must_see, struct config_errors *errors);

/* As a key's value. */
const char *policy_action_name(enum policy_action action);

#endif
