/* session: one transaction: two directions, what may come next, the answers that are owed.
 *
 * Events in, verdicts out: no bytes, no protobuf. What may come next and what is owed for it are
 * tables (http/direction.h); an event is answered with none, one or more verdicts. An event that is
 * invalid in its state ends the session with an error that names both.
 */
#ifndef EXTPROCD_SESSION_SESSION_H
#define EXTPROCD_SESSION_SESSION_H

#include "base/arena.h"
#include "base/log/log.h"
#include "base/loop/loop.h"
#include "base/loop/message.h"
#include "base/status.h"
#include "http/verdict.h"
#include "plugin/run/txn.h"
#include "session/coverage.h"

enum { N_ENDS = EXTPROC_END_DRAINED + 1 };

/* What all sessions of a loop share; stays as long as they do. */
struct session_env {
    struct log *log;
    struct loop *loop; /* whose memory messages take */
    /* See stream_env_counts(); NULL: nothing counts. */
    struct metric *streams_open, *streams_closed[N_ENDS];
};

/* Where a session's results go. Called from within session_event(), or when a plugin
 * that waited has gone on. */
struct session_out {
    /* An answer is owed, and this is it. The verdict lives until the call returns. */
    void (*verdict)(void *arg, const struct verdict *verdict, struct arena *arena);
    /* The session has failed: no event may follow, only session_end(). */
    void (*fail)(void *arg, enum status status, struct extproc_str why);
    /* A direction waits no longer: its next event may come. Not from within session_event(). */
    void (*ready)(void *arg);
    /* A value of the metadata that its stream began with; the function NULL: there is none. */
    struct extproc_str (*field)(void *arg, const char *name);
    /* After a session_end() that returned false: it has ended now. */
    void (*ended)(void *arg);
};

struct session {
    const struct session_env *env;
    struct coverage *coverage;
    const struct session_out *out;
    void *out_arg;
    struct txn txn;
    bool begun;       /* an event of the message itself was seen */
    bool half_closed; /* the proxy will not send anything further */
    bool lost;        /* its connection has gone                  */
    bool failed;
};

/* The generation's reference is the session's from here on. coverage: of the listener; it stays as
 * long as its sessions. */
void session_init(struct session *s, const struct session_env *env, struct generation *g,
                  struct coverage *coverage, struct arena *arena, const struct session_out *out,
                  void *out_arg);
/* Does a plugin of either direction wait, or block? */
static inline bool session_is_free(const struct session *s)
{
    return !s->txn.lanes[LANE_REQUEST].waiting && !s->txn.lanes[LANE_RESPONSE].waiting;
}
/* Has the next event of this direction (N_LANES: of neither) to wait for that? */
static inline bool session_waits(const struct session *s, enum lane lane)
{
    return s->txn.lent || (lane != N_LANES && s->txn.lanes[lane].waiting);
}
/* Memory for one of its messages. NULL: there is none. */
struct arena_lease *session_memory(struct session *s);
/* One event, of a direction that does not wait. It lives in the lease's arena, which becomes the
 * turn's memory, and refers to bytes of the message (all zero: the message has no owner). The
 * session takes ownership of both, and returns them when the turn is over: now, or when a plugin
 * that waits has been answered. */
void session_event(struct session *s, struct event *event, struct arena_lease *memory,
                   const struct message *bytes);
/* The proxy will not send anything further. */
void session_half_close(struct session *s);
/* What carries it has failed: no event may follow, only session_end(). */
static inline void session_broke(struct session *s)
{
    s->failed = true;
}
/* Its connection is lost, so the proxy has not chosen this end. */
void session_lost(struct session *s);
/* What the end of the stream means for the transaction. Proxies end complete transactions by a
 * reset, and aborted ones by a half-close and a reset, so neither that nor the status that was sent
 * distinguishes them: DONE or DISCONNECTED depends on what has come. */
enum extproc_end session_outcome(const struct session *s, enum extproc_end seen);
/* The first direction that is not complete, or waits for a plugin; N_LANES: none. */
enum lane session_incomplete(const struct session *s);
/* The transaction is over. Exactly once. False: a callback in the pool still runs, and what belongs
 * to the session has to stay until out->ended(). */
bool session_end(struct session *s, enum extproc_end why);

#endif
