/* kit_private: what the parts of the kit know of each other. */
#ifndef EXTPROCD_TESTS_KIT_PRIVATE_H
#define EXTPROCD_TESTS_KIT_PRIVATE_H

#include "http/message/metadata.h"
#include "kit/kit.h"
#include "kit/pack.h"
#include "kit/pb.h"
#include "kit/proxy_model.h"

struct kit {
    void (*settle)(struct pool *pool);
    struct trials *trials;
    void (*fail)(const char *file, int line, const char *text);
    int log_fd;
    struct arena arena;       /* texts of the log, when asked for */
    struct proxy_rules proxy; /* what it allows */
    const struct rules *rules;
    struct plugin_env env;
    struct generation *generation;
    struct loop loop;
    uint64_t now_ms; /* of the loop's clock */
    struct session_env session_env;
    size_t max_answer;     /* bytes of one; 0: any */
    bool blocks;           /* see kit_lets_block() */
    struct kit_call *gone; /* calls that have ended, whose messages are held still */
    size_t longest_body;   /* of all complete messages so far */
    struct session_listener listener;
    struct coverage coverage; /* of the listener */
};

/* One direction of the message, as the proxy has it. */
struct kit_side {
    struct proxy_map headers, trailers;
    char *body;
    size_t body_len, body_cap;
    uint64_t n_body; /* its length, also where it is not kept */
    bool deaf;       /* the proxy has sent all of it          */
    bool passed;     /* its headers have gone on              */
};

/* An answer on its way to the proxy. */
struct kit_frame {
    struct kit_frame *next;
    size_t len;
    uint8_t bytes[];
};

/* A message that the host has. */
struct kit_given {
    struct kit_call *call;
    struct arena arena; /* what it was made in       */
    char **pieces;      /* its bytes; NULL: none */
    size_t n_pieces;
};

/* A message that was not answered immediately. */
struct kit_owed {
    struct kit_owed *next;
    struct kit_message message;
};

/* How a call's messages reach the host. The first and the last two run inside alloc_enter(). */
struct kit_driver {
    bool (*open)(struct kit_call *c, struct coverage *coverage); /* false: no memory */
    void (*message)(struct kit_call *c, const struct kit_message *m, struct kit_given *given);
    void (*half_close)(struct kit_call *c);
    void (*close)(struct kit_call *c, enum extproc_end why);
};
extern const struct kit_driver kit_bytes, kit_events;

struct kit_call {
    struct kit *kit;
    struct kit_call *next; /* of those that have gone */
    void (*free)(struct kit_call *c);
    struct kit_how how;
    const struct kit_driver *driver;
    const char *file; /* where the test stands */
    int line;
    bool open;
    struct stream *stream;       /* of kit_bytes  */
    struct kit_session *session; /* of kit_events */
    struct arena arena;          /* as long as the call */
    struct kit_side sides[N_LANES];
    struct metadata metadata; /* given by all answers so far */
    bool begun;               /* the first message went out */

    /* for the next message */
    struct kit_extra *extras;
    bool plain_values;

    /* the transport's side */
    unsigned n_messages, n_released; /* how many there were, and how many were given back */
    bool lets_wait, reads_late, held;
    struct kit_owed *owed, **owed_end;
    struct kit_frame *reserved, *sent, **sent_tail;
    bool finished;
    enum status status;
    char *why;

    size_t n_answers;
    bool immediate; /* the last answer is an immediate response */
    PbResponse *last;
};

/* It is not as it should be: the test ends. */
EXTPROC_PRINTF(2, 3)
_Noreturn void kit_fail(const struct kit_call *c, const char *fmt, ...);
/* The kit's own memory. */
void *kit_need(void *p);

/* The transport's functions that the host calls with a call as argument: see stream_out. */
const char *kit_peer(void *call);
size_t kit_max_answer(void *call);
uint8_t *kit_reserve(void *call, size_t len);
void kit_sent(void *call);
void kit_hold(void *call);
void kit_resume(void *call);
void kit_finish(void *call, enum status status, struct extproc_str message);
void kit_release(void *given);

/* The proxy's message, before and after an answer. */
void kit_model_message(struct kit_call *c, const struct kit_message *m);
void kit_model_answer(struct kit_call *c, const struct kit_message *m, const PbResponse *answer);
/* No answer is owed: it goes on as it was. */
void kit_model_pass(struct kit_call *c, const struct kit_message *m);

#endif
