/* kit: plugins run through the real floors, without gRPC, by a proxy that a test can read.
 *
 *     struct kit *k = kit_new(&(struct kit_options){.ini = "[chain:web]\nplugins = up\n"
 *                                                          "[plugin:up]\nfile = upper.so\n"});
 *     struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED});
 *     kit_request(c, ":method: POST\n:path: /", "abc", NULL);
 *     kit_expect_body(c, LANE_REQUEST, "ABC");
 *     kit_end(c);
 *     kit_free(k);
 *
 * kit:  a configuration with its plugins loaded: all that a worker shares between streams.
 * call: one stream. Every message goes through real bytes: packed by protobuf-c, cut into pieces,
 *       fed to stream_message(), every answer unpacked by protobuf-c. The call keeps the message as
 *       the proxy has it after each answer, which is what the expectations look at.
 *
 * In every test the kit itself checks that each message gets one answer of its own kind (none if
 * the proxy observes, or no longer listens), that received bytes are released exactly once, and
 * that nothing follows the end of a stream. A violation ends the test.
 */
#ifndef EXTPROCD_TESTS_KIT_H
#define EXTPROCD_TESTS_KIT_H

#include "base/str.h"
#include "plugin/policy.h"
#include "session/proxy_rules.h"
#include "session/stream.h"

#include <stdint.h>

/* ---- a configuration ------------------------------------------------------------------------- */

/* A descriptor that is linked in, and the name of its section. */
struct kit_linked {
    const char *name;
    const struct extproc_plugin *plugin;
};
struct kit_options {
    const char *ini; /* text of an ini file; a file without a slash is one of the bundled plugins */
    /* In place of plugins in files, up to a NULL name: the chain is these, in this order; the ini
     * text has their sections, for those that have keys. */
    const struct kit_linked *linked;
    /* What the proxy allows and takes; limits of 0: its defaults. */
    struct proxy_settings proxy;
    size_t max_memory;                 /* of a transaction; 0: any */
    size_t max_answer;                 /* bytes of an answer; 0: any */
    enum policy_action overload;       /* where a plugin may not wait */
    unsigned pool_threads, pool_queue; /* 0: 4, 64 */
    /* Called in place of pool_settle(), which it calls. NULL: nothing has to be done for it. */
    void (*settle)(struct pool *pool);
    /* Says what is wrong, and does not return. NULL: prints it and aborts. */
    void (*fail)(const char *file, int line, const char *text);
};
struct kit *kit_new(const struct kit_options *options);
/* Every call has ended before. */
void kit_free(struct kit *k);

/* Of its plugins. */
struct waits *kit_waits_of(struct kit *k);
struct pool *kit_pool_of(struct kit *k);
/* The loop that its calls live in. Its clock stands at 0, and goes on only by what follows. */
struct loop *kit_loop(struct kit *k);
/* Runs it until it is idle: no errand, no timer. */
void kit_run(struct kit *k);
/* Until so many milliseconds: what is due by then is done, and the clock stands there. */
void kit_run_until(struct kit *k, uint64_t t_ms);

/* A plugin may block in a thread of the pool: from now on, or no longer, the loop goes on without
 * waiting for the pool, and what a call that has ended returns may come later. */
void kit_lets_block(struct kit *k, bool blocks);

/* Lines that were logged so far; level debug and up. */
const char *kit_log(struct kit *k);
/* A counter's value, of a plugin's section. */
uint64_t kit_counter(struct kit *k, const char *plugin, const char *name);
/* How often a plugin has failed in a phase for a reason. */
uint64_t kit_failures(struct kit *k, const char *plugin, const char *phase, const char *reason);

/* ---- one stream ------------------------------------------------------------------------------ */

/* How the proxy is set up. All zero: body modes NONE, sent in protocol_config. */
struct kit_how {
    enum body_mode request, response;
    bool unsaid;        /* it sends no protocol_config               */
    bool listener_says; /* the listener's keys say the modes instead */
    bool observing;     /* observability_mode                        */
    size_t split;       /* STREAMED bodies of kit_request(): cut after so many bytes; 0: none */
    bool empty_end;     /* ... and the end comes as an empty chunk of its own */
    size_t piece_len;   /* messages arrive in pieces of so many bytes; 0: in one */
    bool forget_bodies; /* bodies are counted only: for long ones   */
    bool events;        /* messages become events straight away: no stream, no bytes to decode */
};
struct kit_call *kit_call(struct kit *k, const struct kit_how *how);

/* From now on a message need not be answered immediately: a plugin may wait. kit_waits(): no answer
 * to the oldest message of this direction has come. kit_answered(): it has; and what is expected of
 * answers is of this one then. */
void kit_lets_wait(struct kit_call *c);
#define kit_waits(c, lane)    kit_check_waits(KIT_HERE(c), (lane))
#define kit_answered(c, lane) kit_check_answered(KIT_HERE(c), (lane))
/* The same, and no answer is read before kit_take_answers(): a proxy that does not read. */
void kit_reads_late(struct kit_call *c);
/* Answers that were not read yet. */
size_t kit_n_unread(const struct kit_call *c);
/* Reads every answer that has come, to whichever message. How many messages wait for one still? Is
 * the transaction over, since it was answered completely or the stream has ended? */
void kit_take_answers(struct kit_call *c);
size_t kit_n_waiting(const struct kit_call *c);
/* Must the proxy pause? */
bool kit_is_held(const struct kit_call *c);
bool kit_is_over(const struct kit_call *c);
void kit_check_waits(struct kit_call *c, enum lane lane);
void kit_check_answered(struct kit_call *c, enum lane lane);

/* The proxy will not send anything further. */
void kit_half_close(struct kit_call *c);
/* How it ends, each the last call: the proxy half-closes and the stream finishes; the proxy resets;
 * the service stops. */
void kit_end(struct kit_call *c);
void kit_reset(struct kit_call *c);
void kit_stop(struct kit_call *c);

/* ---- single messages ------------------------------------------------------------------------- */

#define KIT_HERE(c) kit_here((c), __FILE__, __LINE__)
struct kit_call *kit_here(struct kit_call *c, const char *file, int line);

/* Headers and trailers are lines "name: value", in order. end: nothing follows in this
 * direction. */
#define kit_headers(c, lane, headers, end)  kit_send_headers(KIT_HERE(c), (lane), (headers), (end))
#define kit_body(c, lane, text, end)        kit_body_bytes(c, lane, extproc_str_of(text), end)
#define kit_body_bytes(c, lane, bytes, end) kit_send_body(KIT_HERE(c), (lane), (bytes), (end))
#define kit_trailers(c, lane, trailers)     kit_send_trailers(KIT_HERE(c), (lane), (trailers))
/* A message with no member of the oneof. */
#define kit_nothing(c) kit_send_nothing(KIT_HERE(c))
/* Bytes that need not be a message; no answer is expected. */
#define kit_raw(c, bytes) kit_send_raw(KIT_HERE(c), (bytes))

/* A string to go with the next message. */
enum kit_place {
    KIT_ATTRIBUTES,     /* ProcessingRequest.attributes; ns NULL: Envoy's own   */
    KIT_OLD_ATTRIBUTES, /* HttpHeaders.attributes, as gateways before Gloo 1.17 */
    KIT_METADATA        /* metadata_context.filter_metadata                     */
};
void kit_with(struct kit_call *c, enum kit_place place, const char *ns, const char *key,
              const char *value);
/* From now on header values go into `value`, as agentgateway sends them, not into `raw_value`. */
void kit_use_plain_values(struct kit_call *c);

void kit_send_headers(struct kit_call *c, enum lane lane, const char *headers, bool end);
void kit_send_body(struct kit_call *c, enum lane lane, struct extproc_str bytes, bool end);
void kit_send_trailers(struct kit_call *c, enum lane lane, const char *trailers);
void kit_send_nothing(struct kit_call *c);
void kit_send_raw(struct kit_call *c, struct extproc_str bytes);

/* ---- complete messages, as the proxy would send them in its modes ---------------------------- */

/* Stops where the proxy would: after an immediate response, a replaced body, the stream's end.
 * body NULL: there is none; trailers NULL: none. */
#define kit_request(c, headers, body, trailers)                                                    \
    kit_send_message(KIT_HERE(c), LANE_REQUEST, (headers), (body), (trailers))
#define kit_response(c, headers, body, trailers)                                                   \
    kit_send_message(KIT_HERE(c), LANE_RESPONSE, (headers), (body), (trailers))
void kit_send_message(struct kit_call *c, enum lane lane, const char *headers, const char *body,
                      const char *trailers);

/* ---- what came of it ------------------------------------------------------------------------- */

/* A map as the proxy has it. The i-th value of a name; ptr NULL: i is past the last. */
struct extproc_str kit_header(struct kit_call *c, enum extproc_map map, const char *name, size_t i);
/* Exactly one value, this one. NULL: none. */
#define kit_expect_header(c, map, name, value) kit_check_header(KIT_HERE(c), (map), (name), (value))
/* The body as it goes on, all chunks so far. */
struct extproc_str kit_body_so_far(struct kit_call *c, enum lane lane);
uint64_t kit_body_len(struct kit_call *c, enum lane lane);
#define kit_expect_body(c, lane, bytes) kit_check_body(KIT_HERE(c), (lane), (bytes))
/* The last answer changes nothing. */
#define kit_expect_unchanged(c) kit_check_unchanged(KIT_HERE(c))
/* An immediate response was made. body, details NULL: any. */
#define kit_expect_immediate(c, status, body, details)                                             \
    kit_check_immediate(KIT_HERE(c), (status), (body), (details))
/* The stream has ended with this status (text: part of its message; NULL: any). */
#define kit_expect_failed(c, status, text) kit_check_failed(KIT_HERE(c), (status), (text))
/* No immediate response was made, and the stream has not failed. */
#define kit_expect_going(c) kit_check_going(KIT_HERE(c))
/* Dynamic metadata of all answers so far, as text: a string's bytes, true, 1.5, null, [a,b], {k:a}.
 * NULL: none. */
#define kit_expect_metadata(c, ns, key, value) kit_check_metadata(KIT_HERE(c), (ns), (key), (value))
/* Some line of the log so far has this in it, or none has. */
#define kit_expect_log(c, text)    kit_check_log(KIT_HERE(c), (text), true)
#define kit_expect_no_log(c, text) kit_check_log(KIT_HERE(c), (text), false)

size_t kit_n_answers(const struct kit_call *c);
/* The last answer, as protobuf-c has it; NULL: none yet. */
const struct Envoy__Service__ExtProc__V3__ProcessingResponse *kit_answer(const struct kit_call *c);

void kit_check_header(struct kit_call *c, enum extproc_map map, const char *name,
                      const char *value);
void kit_check_body(struct kit_call *c, enum lane lane, const char *bytes);
void kit_check_unchanged(struct kit_call *c);
void kit_check_immediate(struct kit_call *c, unsigned status, const char *body,
                         const char *details);
void kit_check_failed(struct kit_call *c, enum status status, const char *text);
void kit_check_going(struct kit_call *c);
void kit_check_metadata(struct kit_call *c, const char *ns, const char *key, const char *value);
void kit_check_log(struct kit_call *c, const char *text, bool wanted);

/* ---- a scenario in many ways ----------------------------------------------------------------- */

/* What happens in one transaction; it does not end the call. */
typedef void kit_scenario(struct kit_call *c, void *arg);

/* In both directions' modes NONE, STREAMED and BUFFERED, set by the proxy, by the listener, or not
 * at all; STREAMED with the bodies cut at every byte position, the end in the last chunk or in one
 * of its own; messages arriving in one piece, byte by byte, and as events. `modes`: 1 <<
 * BODY_MODE_x of those that make sense; 0: all three. */
void kit_every_way(struct kit *k, unsigned modes, kit_scenario *scenario, void *arg);
/* How the call at hand is set up. */
const struct kit_how *kit_how(const struct kit_call *c);

/* Runs it again and again, with the first, the second, ... allocation failing. After the failure
 * nothing is expected but that every message is answered or the stream ended, and that no memory is
 * lost. Does nothing where allocations cannot be counted (alloc.h). */
void kit_every_failure(struct kit *k, const struct kit_how *how, kit_scenario *scenario, void *arg);

#endif
