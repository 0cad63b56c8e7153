/* rules: what may be done where, as the proxy would have it.
 *
 * An edit that the proxy would ignore, or answer with a 500, is refused at the plugin's call. The
 * rules mirror Envoy's defaults (ext_proc mutation_rules, HeaderUtility, mutation_utils.cc); what is
 * allowed in which phase and body mode stands in one table, indexed [phase][mode].
 */
#ifndef EXTPROCD_HTTP_RULES_H
#define EXTPROCD_HTTP_RULES_H

#include "http/framing.h"
#include "http/headers.h"
#include "http/phase.h"

enum { RULES_MAX_EDITS = 100, RULES_MAX_ENTRIES = 100, RULES_MAX_BYTES = 60 * 1024 };

/* Bits of what a phase allows. */
enum {
    MAY_EDIT_HEADERS = 1,  /* the lane's headers are still held    */
    MAY_EDIT_TRAILERS = 2, /* the lane's trailers are here         */
    MAY_SET_BODY = 4,      /* the chunk, or the whole body in hand */
    MAY_REPLACE_BODY = 8,  /* CONTINUE_AND_REPLACE                 */
    MAY_RESPOND = 16,      /* an immediate response comes out clean */
    MAY_CLEAR_ROUTE = 32
};
unsigned rules_allow(enum phase phase, enum body_mode mode);

/* A token (RFC 9110 5.1), or ':' and a token. */
bool rules_name_valid(struct extproc_str name);
/* No NUL, CR, LF or other control character but tab (RFC 9110 5.5); bytes from 0x80 may be there. */
bool rules_value_valid(struct extproc_str value);

/* What rules_edit() has to know beside the edit itself. */
struct rules_context {
    bool response; /* a response's map: :status, not :path */
    bool trailers;
    bool replacing; /* the body was replaced in this headers phase: :method may change */
    struct request_kind request; /* a response's: what its :status may become depends on it */
    bool body_follows;           /* bytes of a body may come, or were set                   */
    bool owes_length; /* the host is going to set or remove content-length in this phase */
};
/* Whether such an edit can have an effect on any map: 0, -EINVAL (HTTP does not allow the name, or
 * the bytes of the value), -EPERM. value absent: not known yet. */
int rules_could_edit(const struct rules_context *context, enum extproc_edit op,
                     struct extproc_str name, struct extproc_str value);
/* 0, or what extproc_header_edit() documents: -EINVAL, -EPERM, -EPROTO, -ENOSPC. An edit that would do nothing
 * (IF_ABSENT where there is one, IF_PRESENT where there is none shown) is judged like any other, but
 * takes no room. */
int rules_edit(const struct headers *h, const struct rules_context *context, enum extproc_edit op,
               struct extproc_str name, struct extproc_str value);

/* Is there room for one more edit of the host's own: a set of this value or, where the value is absent
 * or only that fits, a remove? True with *ret_op. */
bool rules_host_edit(const struct headers *h, bool owes_length, struct extproc_str name,
                     struct extproc_str value, enum extproc_edit *ret_op);

/* A header of an answer of our own (ImmediateResponse.headers): 0, -EINVAL or -EPERM. value absent:
 * not known yet. */
int rules_answer_header(struct extproc_str name, struct extproc_str value);

#endif
