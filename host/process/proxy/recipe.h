/* recipe: what the proxy must be set to so that a configuration works, whatever syntax it is
 * written in. */
#ifndef EXTPROCD_PROCESS_PROXY_RECIPE_H
#define EXTPROCD_PROCESS_PROXY_RECIPE_H

#include "process/setup/setup.h"

struct recipe_names {
    const struct extproc_str *items;
    size_t n;
};

struct recipe {
    bool headers[N_LANES], trailers[N_LANES];
    enum body_mode body[N_LANES];
    struct recipe_names attributes[N_LANES]; /* sent with the first message of the direction */
    struct recipe_names metadata, metadata_write;
    struct recipe_names stream_metadata; /* that its streams are to begin with */
    const struct listener *listener;
    bool header_limits;   /* they are not the proxy's own defaults            */
    uint32_t max_headers; /* of a message                                     */
    uint32_t max_header_kb;
    const char *tls_name, *tls_kind; /* in its certificate; NULL: none */
    size_t buffer_limit;             /* bytes of a complete body; 0: no body is complete */
    uint32_t connections, streams;   /* what one proxy may open                          */
    unsigned health_ms;              /* between two health checks                        */
    unsigned message_s;              /* that the proxy waits for an answer               */
};

/* So many failed health checks in a row make an instance unhealthy. */
enum { RECIPE_HEALTH_FAILURES = 2 };

/* With the least processing mode that serves the configured plugins, because a message
 * that is not sent costs nothing. Names live in the arena. 0 or -ENOMEM. */
int recipe_make(const struct setup *s, struct arena *arena, struct recipe *ret);

/* SEND or SKIP. */
const char *recipe_send(bool wanted);

#endif
