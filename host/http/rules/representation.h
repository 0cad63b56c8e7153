/* representation: what the headers of a message say of the bytes of its body.
 *
 * Once other bytes take the place of those that were received, headers that describe the old ones
 * would be wrong: a client would decompress text, find a checksum that does not match, or join
 * parts of two versions into one file. One table lists these headers (RFC 9110, sections 8
 * and 14; RFC 9530).
 */
#ifndef EXTPROCD_HTTP_RULES_REPRESENTATION_H
#define EXTPROCD_HTTP_RULES_REPRESENTATION_H

#include "http/rules/rules.h"

/* PLAIN, ENCODED or PARTIAL: the headers are here. */
enum extproc_form representation_form(const struct headers *h, bool response);

/* The first header that would be wrong for other bytes than those received; absent: none. */
struct extproc_str representation_stale(const struct headers *h, bool response);

struct representation_change {
    const struct rules *rules; /* of the proxy */
    bool response;
    bool replaced;    /* by a body that is plain and complete; else it keeps its form         */
    bool bodiless;    /* a response to HEAD, a 304: what they describe is the body of another */
    bool owes_length; /* as in struct rules_context */
    uint32_t since;   /* a mark: edits after it describe the new bytes, and stay              */
};
/* Removes what is no longer true, or weakens it. 0, -ENOMEM or -ENOSPC (more edits than the proxy
 * takes), with nothing changed. */
int representation_change(struct headers *h, struct arena *arena,
                          const struct representation_change *change);

#endif
