/* verdict: the result of one event. */
#ifndef EXTPROCD_HTTP_VERDICT_H
#define EXTPROCD_HTTP_VERDICT_H

#include "http/message/body.h"
#include "http/message/headers.h"
#include "http/message/metadata.h"
#include "http/phase.h"

enum verdict_kind {
    VERDICT_CONTINUE,
    VERDICT_REPLACE, /* headers phases: with this body, or with the message's own where there is
                      * none; no further messages of this direction are sent */
    VERDICT_RESPOND, /* an immediate response; ends the transaction                  */
    VERDICT_CLOSE    /* a failure after the response began: end with an error, say why */
};

/* Copied from the plugin's struct extproc_response. */
struct answer {
    unsigned status;
    struct extproc_str body, details;
    const struct extproc_header *headers;
    size_t n_headers;
    int grpc_status; /* EXTPROC_NO_GRPC */
};

/* Borrows everything from the turn it came out of. */
struct verdict {
    enum verdict_kind kind;
    enum phase phase;              /* the event's: which answer is owed             */
    const struct headers *headers; /* its cells are the edits; NULL: none           */
    const struct body *body;       /* the new bytes if body->changed; NULL: as it was */
    bool clear_route;
    const struct metadata *metadata;
    const struct answer *answer; /* VERDICT_RESPOND */
    struct extproc_str why;      /* VERDICT_CLOSE: names plugin and phase */
};

#endif
