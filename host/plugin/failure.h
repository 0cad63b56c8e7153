/* failure: why an instance is of no use to a transaction, and what follows from it. */
#ifndef EXTPROCD_PLUGIN_FAILURE_H
#define EXTPROCD_PLUGIN_FAILURE_H

#include "plugin/policy.h"

#include <extproc/plugin.h>

enum failure {
    FAILURE_OPEN,      /* open() returned an error                                            */
    FAILURE_CALLBACK,  /* a callback returned FAIL, or an invalid action                       */
    FAILURE_NEED,      /* the proxy does not send the body as the plugin needs it             */
    FAILURE_UNSEEN,    /* ... and it is one that the plugin must see                          */
    FAILURE_RESUME,    /* a callback after a wait returned FAIL, or the wait ended without it */
    FAILURE_TIMEOUT,   /* it took longer than `timeout`                                       */
    FAILURE_OVERLOAD,  /* there is no room for what waits                                     */
    FAILURE_MAX_BODY,  /* the body is larger than `max_body`                                  */
    FAILURE_MEMORY,    /* the transaction has used up its memory                              */
    FAILURE_CONDITION, /* whether it takes part cannot be decided                            */
    N_FAILURES
};

struct failure_effect {
    enum policy_action action;
    unsigned status;          /* of RESPOND */
    const char *key;          /* of the section, which decides it             */
    const char *details;      /* the last word of the response's details      */
    bool keeps_instance;      /* only this phase goes on without the instance */
    enum extproc_level level; /* of the line in the log */
};
struct failure_effect failure_effect(enum failure failure, const struct policy *policy);

/* The label of its counter. */
const char *failure_name(enum failure failure);

#endif
