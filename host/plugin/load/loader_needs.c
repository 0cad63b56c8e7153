/* loader_needs: .needs of a descriptor beside its callbacks.
 *
 * A bit that says nothing about any callback of the plugin, or that contradicts another one, would
 * load in silence and then not do what its author wanted: so it is refused.
 */
#include "plugin/load/loader_private.h"

#include <inttypes.h>
#include <stdbool.h>

enum {
    REQUEST_BODY = EXTPROC_PHASE_REQUEST_BODY,
    RESPONSE_BODY = EXTPROC_PHASE_RESPONSE_BODY,
    RESPONSE = EXTPROC_PHASE_RESPONSE_HEADERS | RESPONSE_BODY | EXTPROC_PHASE_RESPONSE_TRAILERS,
    HAS_CLOSE = 1u << 16
};

/* KEEPS_BODY needs none: it is true of a plugin without headers callbacks, too. */
static const struct need {
    uint64_t bit;
    const char *name;
    uint32_t callbacks; /* one of these must be there; 0: no callback */
    const char *set;
} known[] = {
    {EXTPROC_WHOLE_REQUEST_BODY, "EXTPROC_WHOLE_REQUEST_BODY", REQUEST_BODY, ".request_body"},
    {EXTPROC_WHOLE_RESPONSE_BODY, "EXTPROC_WHOLE_RESPONSE_BODY", RESPONSE_BODY, ".response_body"},
    {EXTPROC_MUST_SEE_REQUEST_BODY, "EXTPROC_MUST_SEE_REQUEST_BODY", REQUEST_BODY, ".request_body"},
    {EXTPROC_MUST_SEE_RESPONSE_BODY, "EXTPROC_MUST_SEE_RESPONSE_BODY", RESPONSE_BODY,
     ".response_body"},
    {EXTPROC_HEADERS_WAIT, "EXTPROC_HEADERS_WAIT", REQUEST_BODY | RESPONSE_BODY,
     ".request_body or .response_body"},
    {EXTPROC_READS_REQUEST, "EXTPROC_READS_REQUEST", RESPONSE,
     ".response_headers, .response_body or .response_trailers"},
    {EXTPROC_KEEPS_BODY, "EXTPROC_KEEPS_BODY", 0, NULL},
    {EXTPROC_CLOSE_SEES_HEADERS, "EXTPROC_CLOSE_SEES_HEADERS", HAS_CLOSE, ".close"},
    {EXTPROC_HOLDS_BODY, "EXTPROC_HOLDS_BODY", REQUEST_BODY | RESPONSE_BODY,
     ".request_body or .response_body"},
};

static uint32_t callbacks_of(const struct extproc_plugin *p)
{
    return (p->request_headers ? EXTPROC_PHASE_REQUEST_HEADERS : 0) |
           (p->request_body ? EXTPROC_PHASE_REQUEST_BODY : 0) |
           (p->request_trailers ? EXTPROC_PHASE_REQUEST_TRAILERS : 0) |
           (p->response_headers ? EXTPROC_PHASE_RESPONSE_HEADERS : 0) |
           (p->response_body ? EXTPROC_PHASE_RESPONSE_BODY : 0) |
           (p->response_trailers ? EXTPROC_PHASE_RESPONSE_TRAILERS : 0) |
           (p->close ? HAS_CLOSE : 0u);
}

/* Nothing follows a complete body, and headers wait for complete bodies only. */
static bool holds_nothing(uint64_t needs, uint32_t callbacks)
{
    if (needs & EXTPROC_WHOLE_REQUEST_BODY)
        callbacks &= ~(uint32_t)REQUEST_BODY;
    if (needs & EXTPROC_WHOLE_RESPONSE_BODY)
        callbacks &= ~(uint32_t)RESPONSE_BODY;
    return (needs & EXTPROC_HOLDS_BODY) &&
           ((needs & EXTPROC_HEADERS_WAIT) || !(callbacks & (REQUEST_BODY | RESPONSE_BODY)));
}

int attempt_check_needs(struct attempt *a, const struct extproc_plugin *plugin)
{
    uint32_t callbacks = callbacks_of(plugin);
    uint64_t unknown = plugin->needs;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        unknown &= ~known[i].bit;
    if (unknown)
        return attempt_refuse(a, "unknown bits 0x%" PRIx64 " in .needs (set only bits of the SDK)",
                              unknown);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const struct need *n = &known[i];
        if ((plugin->needs & n->bit) && n->callbacks && !(callbacks & n->callbacks))
            return attempt_refuse(a, "%s in .needs has no effect without its callback (set %s)",
                                  n->name, n->set);
    }
    if (holds_nothing(plugin->needs, callbacks))
        return attempt_refuse(a, "EXTPROC_HOLDS_BODY in .needs has no effect beside "
                                 "EXTPROC_WHOLE_... and EXTPROC_HEADERS_WAIT: nothing follows a "
                                 "complete body (remove one of them)");
    return 0;
}
