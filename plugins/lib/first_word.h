/* first_word: plugins that answer a request before the upstream sees it. */
#ifndef EXTPROC_LIB_FIRST_WORD_H
#define EXTPROC_LIB_FIRST_WORD_H

#include <extproc/plugin.h>

/* In init(): takes part in the request's headers or, where the proxy skips them, in what comes of
 * the request then. */
static inline int first_word_take_part(struct extproc_instance *instance)
{
    int r = extproc_interest(instance, EXTPROC_PHASE_REQUEST_HEADERS);
    if (r < 0)
        return r;
    return extproc_fallback(instance, EXTPROC_PHASE_REQUEST_BODY | EXTPROC_PHASE_REQUEST_TRAILERS,
                            EXTPROC_RESPONDS);
}

#endif
