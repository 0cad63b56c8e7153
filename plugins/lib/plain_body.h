/* plain_body: bodies that can be edited as text, for plugins that change part of one. An encoded
 * body (gzip) is not text, and what surrounds a partial one (a 206) is unknown: a change to such a
 * body would corrupt it. */
#ifndef EXTPROC_LIB_PLAIN_BODY_H
#define EXTPROC_LIB_PLAIN_BODY_H

#include "lib/direction.h"

#include <extproc/plugin.h>

#define PLAIN_BODY_KEY                                                                             \
    {                                                                                              \
        .name = "encoded", .type = EXTPROC_KEY_TYPE_CHOICE, .fallback = "leave",                   \
        .choices = "leave|fail",                                                                   \
        .help = "A body that is encoded (content-encoding) or partial (206): leave it unchanged, " \
                "with a line in the log, or fail the transaction."                                 \
    }

static inline bool plain_body_fails(struct extproc_instance *instance)
{
    return extproc_conf_int(instance, "encoded", 0) == 1;
}

/* Why a body cannot be edited; NULL: it can. */
static inline const char *plain_body_why_not(struct extproc_txn *x)
{
    switch (extproc_body_form(x)) {
    case EXTPROC_FORM_PLAIN:
        return NULL;
    case EXTPROC_FORM_ENCODED:
        return "it is encoded (content-encoding)";
    case EXTPROC_FORM_PARTIAL:
        return "it is partial (content-range)";
    default:
        return "it may be encoded: the proxy does not send the headers";
    }
}

static inline uint32_t plain_body_phase(const struct extproc_txn *x)
{
    return extproc_is_response(x) ? EXTPROC_PHASE_RESPONSE_BODY : EXTPROC_PHASE_REQUEST_BODY;
}

/* The body passes unchanged, or the plugin fails. */
static inline enum extproc_action plain_body_refuse(struct extproc_txn *x, bool fails,
                                                    const char *why)
{
    extproc_log(x, fails ? EXTPROC_LEVEL_ERROR : EXTPROC_LEVEL_INFO, "%s body not changed: %s",
                direction_names[extproc_is_response(x)], why);
    if (fails)
        return EXTPROC_ACTION_FAIL;
    return extproc_continue(extproc_skip(x, plain_body_phase(x)));
}

/* The headers phase of a plugin that edits a body in body phases. */
static inline enum extproc_action plain_body_headers(struct extproc_txn *x, bool fails)
{
    const char *why = plain_body_why_not(x);
    if (!why)
        return extproc_continue(extproc_body_changes(x, EXTPROC_CHANGE_EDIT));
    if (x->end || x->body_mode == EXTPROC_BODY_MODE_NONE)
        return EXTPROC_ACTION_CONTINUE;
    return plain_body_refuse(x, fails, why);
}

#endif
