/* rules: the edits that the proxy accepts, by phase and body mode.
 *
 * An edit that the proxy would ignore, or answer with a 500, is refused at the plugin's call. What
 * a proxy ignores and limits is data, which the owner of a session lends to it; what is allowed in
 * which phase and body mode is in one table, indexed [phase][mode].
 */
#ifndef EXTPROCD_HTTP_RULES_RULES_H
#define EXTPROCD_HTTP_RULES_RULES_H

#include "http/message/headers.h"
#include "http/mode.h"
#include "http/phase.h"
#include "http/rules/framing.h"

/* A header whose edits the proxy ignores. */
struct rules_name {
    struct extproc_str name;
    bool prefix;          /* and all that begin with it                                        */
    bool unless_replaced; /* but it takes them in a headers phase in which the body was replaced */
    const char *remedy;   /* what would make it take them                                      */
};

/* What a proxy says of a transaction beside its messages, by the names that it uses for it. One
 * that is absent: it does not say that. */
struct rules_hints {
    struct extproc_str id, method;      /* attributes of a request: its id, its method      */
    struct extproc_str details;         /* an attribute of a response: where it is from, ... */
    struct extproc_str upstream;        /* ... and what that says if an upstream made it     */
    struct extproc_str upstream_header; /* a header of those responses alone                 */
};

struct rules {
    const char *proxy; /* whose rules they are, for messages: "the proxy of [listener:main]" */
    const struct rules_name *names;
    size_t n_names;
    struct str_list joined; /* headers of which it keeps one entry: see headers_prepare() */
    struct rules_hints hints;
    uint32_t max_edits;            /* sets of an answer, and removes of an answer */
    size_t max_entries, max_bytes; /* of a map                                    */
    const char *limits_remedy;     /* what would raise them; NULL: nothing        */
    bool fits_length; /* it takes a new complete body only with a content-length that fits, which
                       * the host sees to */
    const char *body_mode[N_LANES]; /* what it calls the body mode; NULL: so */
    /* What to set the proxy to, so that it ...; NULL: it cannot */
    const char *sends_headers[N_LANES], *holds_headers[N_LANES];
    const char *sends_body[N_LANES], *sends_complete_body[N_LANES];
    const char *sends_trailers[N_LANES];
    /* How the details of a response begin that the host makes for a plugin that failed. */
    const char *details;
};

/* The rules of a proxy that accepts all that HTTP allows. */
extern const struct rules rules_of_http;

/* Bits of what a phase allows. */
enum {
    MAY_EDIT_HEADERS = 1,  /* the direction's headers are held     */
    MAY_EDIT_TRAILERS = 2, /* the direction's trailers are here    */
    MAY_SET_BODY = 4,      /* the chunk, or the complete body */
    MAY_REPLACE_BODY = 8,  /* a body goes out with the headers, and none of the old one comes */
    MAY_RESPOND = 16,      /* an immediate response comes out clean */
    MAY_CLEAR_ROUTE = 32   /* the route is chosen again, by the edited headers */
};
unsigned rules_allow(enum phase phase, enum body_mode mode);

/* A token (RFC 9110 5.1), or ':' and a token. */
bool rules_name_valid(struct extproc_str name);
/* No NUL, CR, LF or other control character but tab, no blank at either end (RFC 9110 5.5); bytes
 * from 0x80 may be there. */
bool rules_value_valid(struct extproc_str value);

/* What rules_edit() has to know beside the edit itself. */
struct rules_context {
    enum extproc_map map;
    bool replacing; /* the body was replaced in this headers phase */
    struct request_kind
        request;       /* what its :method may become depends on it, and a response's :status */
    bool body_follows; /* bytes of a body may come, or were set */
    bool owes_length;  /* the host is going to set or remove content-length in this phase */
};

/* Whether such an edit can have an effect on any map: 0, or the errors of rules_edit() that do not
 * depend on a message: -EINVAL, -EPERM, -EPROTO (a :method that only itself may become), -ENOSPC.
 * value absent: not known yet. */
int rules_could_edit(const struct rules *rules, const struct rules_context *context,
                     enum extproc_edit op, struct extproc_str name, struct extproc_str value);
/* 0 with the edit as headers_apply() takes it, or what extproc_header_edit() documents: -EINVAL,
 * -EPERM, -EPROTO, -ENOSPC. An edit that would do nothing (IF_ABSENT where there is one, IF_PRESENT
 * where there is none shown) is judged like any other, but takes no room. */
int rules_edit(const struct rules *rules, const struct headers *h,
               const struct rules_context *context, enum extproc_edit op, struct extproc_str name,
               struct extproc_str value, struct headers_edit *ret);

/* Why it was -EPERM. */
struct rules_refusal {
    const char *why; /* NULL: it was not */
    bool remedied;   /* not HTTP's own rule but the proxy's, and `why` says what would change it */
};
struct rules_refusal rules_refusal(const struct rules *rules, const struct rules_context *context,
                                   enum extproc_edit op, struct extproc_str name);

/* Is there room for one more edit of the host's own: a set of this value or, where the value is
 * absent or only that fits, a remove? True with the edit. */
bool rules_host_edit(const struct rules *rules, const struct headers *h, bool owes_length,
                     struct extproc_str name, struct extproc_str value, struct headers_edit *ret);

#endif
