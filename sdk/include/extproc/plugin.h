/* extproc plugin SDK: the complete contract between a plugin and the host, which is the program
 * that loads it (extprocd).
 *
 * A plugin is one shared object that exports one constant, extproc_plugin_v1. It calls nothing of
 * the host but the inline functions below, which find the host's functions in a table that each
 * handle points to. So it has no undefined host symbol, and links with -Wl,-z,defs.
 *
 * The proxy (Envoy) stands between downstream clients and upstream servers. It sends each part of
 * a message (headers, body, trailers) to the host in a message of its own, and goes on with that
 * part when it has the host's answer, which carries what the plugins have edited. Which parts it
 * sends is a setting of the proxy (processing_mode, in Envoy's configuration):
 *
 *   headers, trailers   SEND, or SKIP: they pass, and no plugin sees or edits them
 *   body                NONE      it passes, and no plugin sees it
 *                       STREAMED  chunk by chunk as it arrives; the headers have gone on before
 *                       BUFFERED  complete, in one message; the headers wait for its answer
 *
 * One transaction (an HTTP request and its response), as a plugin sees it:
 *
 *   init(instance)                    once for each [plugin:NAME] section
 *     open(x)                         before the first phase this instance takes part in
 *       request_headers(x)  request_body(x)...   request_trailers(x)
 *       response_headers(x) response_body(x)...  response_trailers(x)
 *       resume(x, why, result)        after a callback that returned EXTPROC_ACTION_WAIT
 *     close(x, why)                   once after an open() that returned 0 or is NULL, always
 *   fini(instance)                    once after an init() that returned 0
 *
 *   A phase that the proxy does not send is not called. The two directions may interleave:
 *   response_headers can come before request_body, and also first of all. Never wait for a phase:
 *   close() is the end.
 *
 * Blocking.  Never block. One thread runs all transactions of a process: while a callback sleeps,
 *            waits for a lock or reads a socket, all other transactions wait too, and the proxy
 *            stops waiting after its message_timeout. With 50 ms in a callback, 40 of 40
 *            concurrent requests got a 5xx. What takes time belongs into init(), or into another
 *            thread: extproc_defer() makes this transaction wait for its result, and no other.
 * Processes. The service may run in several processes, and each loads the plugin by itself:
 *            init() runs once for each section in each of them, and again whenever the service is
 *            started or tested (extprocd -t: instance->testing) or loads a new configuration. Two
 *            generations of a configuration can live in one process at the same time, each with
 *            instances of its own: keep state in instance->self and not in globals.
 * Threads.   Callbacks of one transaction never overlap, but may run on different threads. `self`
 *            is shared between transactions, `ctx` is not. Any thread may call extproc_resume(),
 *            extproc_instance_log(), extproc_instance_log_str(), extproc_metric_add() and
 *            extproc_file_append(); all other functions only inside a callback, on the x or the
 *            instance that the callback was called with. Threads that a plugin has started must
 *            have ended when fini() returns.
 * Lifetime.  Every view (struct extproc_str) that the host returns is valid until the callback
 *            returns, or until the plugin edits the thing it came from. Every view that the
 *            plugin passes in is copied, unless stated otherwise. extproc_keep() copies for the
 *            transaction.
 * Errors.    Functions that return int return 0 or a negative errno value; each lists its values
 *            beside -ENOMEM, which every edit can return. A call that failed has changed nothing.
 *            extproc_continue() makes an action of the result, extproc_strerror() a text, and the
 *            host logs the reason when the callback fails. Handles are never NULL; any other NULL
 *            argument returns -EINVAL, or the value that means absent.
 * C.         The host is C: no exception and no longjmp() may leave a callback. exit() in a
 *            plugin ends the service.
 * File.      Compile with -fvisibility=hidden: a function that is exported is replaced by one of
 *            the same name in a library of the host. Replace a file that is in use with
 *            install(1) or mv(1): the process has it mapped, and one that is overwritten in place
 *            ends it.
 * Growth.    A plugin loads where the host's minor is at least the one that it asks for. The host
 *            fills every slot of the table that its minor has; what it cannot do in some place
 *            returns -EOPNOTSUPP, never a crash. A switch over an enum of this header needs a
 *            default: later minors add values.
 * Languages. The ABI is plain C: structs, enums of 32 bits, function pointers. No slot needs a
 *            variadic call: beside each one with a va_list is one that takes a text (log, fail,
 *            conf_refuse). EXTPROC_ABI and EXTPROC_STR() are initialisers for C and C++; what
 *            they consist of are plain integers (EXTPROC_MAGIC, EXTPROC_ABI_MAJOR,
 *            EXTPROC_ABI_TARGET) and sizeof.
 */
#ifndef EXTPROC_PLUGIN_H
#define EXTPROC_PLUGIN_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EXTPROC_MAGIC     0x45585031u
#define EXTPROC_ABI_MAJOR 1 /* changed: other symbol name, nothing loads */
#define EXTPROC_ABI_MINOR 0 /* added: host minor must be >= plugin minor */

/* The minor a plugin asks for. Define it lower than this header's to go on loading into older
 * hosts; what came later is then not declared. */
#ifndef EXTPROC_ABI_TARGET
#    define EXTPROC_ABI_TARGET EXTPROC_ABI_MINOR
#endif

#define EXTPROC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Does the host have this slot of the table? For a plugin that is built with EXTPROC_ABI_TARGET
 * lower than this header's minor, and uses a later function where it is there:
 *      if (EXTPROC_HAS(x, file_append)) ... */
#define EXTPROC_HAS(handle, slot)                                                                  \
    ((handle)->api->size >= offsetof(struct extproc_api, slot) + sizeof((handle)->api->slot))

/* Enums are 32 bits without a sign for every compiler and language, also with -fshort-enums. */
#if defined(__cplusplus) || defined(__clang__) || __GNUC__ >= 13
/* clang-format off */
#    define EXTPROC_ENUM(name) name : uint32_t
/* clang-format on */
#else
#    define EXTPROC_ENUM(name) __attribute__((mode(SI))) name
#endif
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* C before C23 has no underlying types */

/* ---- values ---------------------------------------------------------------------------------- */

/** Bytes the holder does not own. Not NUL-terminated. ptr NULL: absent. */
struct extproc_str {
    const char *ptr;
    size_t len;
};
#define EXTPROC_STR(literal)                                                                       \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    } /* an initialiser */
#ifdef __cplusplus
#    define EXTPROC_S(literal) (extproc_str EXTPROC_STR(literal))
#else
#    define EXTPROC_S(literal) ((struct extproc_str)EXTPROC_STR(literal))
#endif

/** A view of a C string. NULL: absent. */
static inline struct extproc_str extproc_str_of(const char *s)
{
    struct extproc_str view = {s, s ? strlen(s) : 0};
    return view;
}

/** For printf, and what has a format like it:
 *      extproc_log(x, EXTPROC_LEVEL_INFO, "%.*s", EXTPROC_ARG(s)); */
#define EXTPROC_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

/** Byte for byte equal. Absent equals absent only. */
static inline bool extproc_eq(struct extproc_str a, struct extproc_str b)
{
    if (!a.ptr || !b.ptr)
        return !a.ptr && !b.ptr;
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/** An ASCII letter in lower case; any other character unchanged. */
static inline char extproc_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/** As extproc_eq(), whatever the case of ASCII letters: for the names of headers. */
static inline bool extproc_eq_nocase(struct extproc_str a, struct extproc_str b)
{
    if (!a.ptr || !b.ptr || a.len != b.len)
        return !a.ptr && !b.ptr;
    for (size_t i = 0; i < a.len; i++) {
        if (extproc_lower(a.ptr[i]) != extproc_lower(b.ptr[i]))
            return false;
    }
    return true;
}

/** Does this Unicode character act on a terminal instead of being shown? True for controls (C0,
 *  DEL, and C1: U+009B begins a control sequence), line separators, and invisible format characters
 *  such as bidirectional overrides, which make a line look like another one. A plugin that writes
 *  lines of its own should write such a character as an escape. The host's log does that itself. */
static inline bool extproc_is_control(uint32_t c)
{
    static const uint32_t ranges[][2] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0x61c, 0x61c},   {0x180e, 0x180e}, {0x200b, 0x200f},
        {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (c >= ranges[i][0] && c <= ranges[i][1])
            return true;
    }
    return false;
}

/** The header maps of a transaction. */
enum EXTPROC_ENUM(extproc_map) {
    EXTPROC_MAP_REQUEST,
    EXTPROC_MAP_REQUEST_TRAILERS,
    EXTPROC_MAP_RESPONSE,
    EXTPROC_MAP_RESPONSE_TRAILERS,
    EXTPROC_MAP_IMMEDIATE_RESPONSE /* of extproc_respond(): only for extproc_check_edit() and */
                                   /* extproc_conf_edit()                                     */
};

enum EXTPROC_ENUM(extproc_map_state) {
    EXTPROC_MAP_STATE_NOT_YET, /* may still come                                              */
    EXTPROC_MAP_STATE_NONE,    /* will not come, or was not kept                              */
    EXTPROC_MAP_STATE_OPEN,    /* here, and this callback may edit it                         */
    EXTPROC_MAP_STATE_GONE     /* here, read only: the proxy has passed it on, or this is not */
                               /* a callback that may edit it                                 */
};

/** Bits of a set of phases: for extproc_interest() and extproc_skip(). */
enum EXTPROC_ENUM(extproc_phase) {
    EXTPROC_PHASE_REQUEST_HEADERS = 1,
    EXTPROC_PHASE_REQUEST_BODY = 2,
    EXTPROC_PHASE_REQUEST_TRAILERS = 4,
    EXTPROC_PHASE_RESPONSE_HEADERS = 8,
    EXTPROC_PHASE_RESPONSE_BODY = 16,
    EXTPROC_PHASE_RESPONSE_TRAILERS = 32
};

/** What a callback returns. Any other value is logged and treated as EXTPROC_ACTION_FAIL. */
enum EXTPROC_ENUM(extproc_action) {
    EXTPROC_ACTION_CONTINUE, /* pass on to the next plugin                                */
    EXTPROC_ACTION_RESPOND,  /* extproc_respond() was called: stop the chain              */
    EXTPROC_ACTION_FAIL,     /* undo this callback's edits, do not call this plugin again
                                in this transaction; then what the operator says in its
                                section (on_error): the client gets a 500, or the message
                                goes on, or the stream ends with an error               */
    EXTPROC_ACTION_WAIT,     /* extproc_defer() was called: resume() goes on              */
    EXTPROC_ACTION_HOLD      /* in a body phase: see these bytes again, with the next ones */
};

/** Why resume() is called. */
enum EXTPROC_ENUM(extproc_wake) {
    EXTPROC_WAKE_RESULT, /* extproc_resume() has brought a result, or extproc_after() is over    */
    EXTPROC_WAKE_TIMEOUT /* there was none in time; what comes later goes to drop()              */
};

/** The action that belongs to the result of an edit: EXTPROC_ACTION_CONTINUE for 0, else
 *  EXTPROC_ACTION_FAIL:
 *      return extproc_continue(extproc_header_set(x, EXTPROC_MAP_RESPONSE, name, value));
 *  A body edit of a message that has no body (-ENODATA: a response to HEAD, a 204) is not a
 *  failure: the message goes on as it is, and the host counts it (bodiless_edits) and logs it at
 *  debug. */
static inline enum extproc_action extproc_continue(int r)
{
    return r == 0 || r == -ENODATA ? EXTPROC_ACTION_CONTINUE : EXTPROC_ACTION_FAIL;
}

/** What an error of a function of this header means, in words for a log line. Any thread. */
static inline const char *extproc_strerror(int r)
{
    switch (r) {
    case -EINVAL:
        return "invalid header name or value";
    case -EPERM:
        return "it would have no effect";
    case -EOPNOTSUPP:
        return "not possible in this phase";
    case -ENOSPC:
        return "more than the proxy takes";
    case -ENODATA:
        return "the message has no body";
    case -EPROTO:
        return "the status or the method does not fit the message's body";
    case -ENOMEM:
        return "out of memory";
    default:
        return strerror(-r);
    }
}

enum EXTPROC_ENUM(extproc_edit) {
    EXTPROC_EDIT_SET,        /* drop all values, leave this one */
    EXTPROC_EDIT_APPEND,     /* one more value                  */
    EXTPROC_EDIT_IF_ABSENT,  /* only when there is none         */
    EXTPROC_EDIT_IF_PRESENT, /* set, only when there is one     */
    EXTPROC_EDIT_REMOVE      /* drop all values                 */
};

/** How a body arrives at the callbacks. */
enum EXTPROC_ENUM(extproc_body_mode) {
    EXTPROC_BODY_MODE_NONE,       /* not at all: it passes unseen, or there is none        */
    EXTPROC_BODY_MODE_STREAMED,   /* chunk by chunk, and each is answered before the next  */
    EXTPROC_BODY_MODE_WHOLE,      /* complete, in one callback                             */
    EXTPROC_BODY_MODE_PARTIAL,    /* its beginning, in one callback; the rest passes unseen */
    EXTPROC_BODY_MODE_FULL_DUPLEX /* chunk by chunk, answered by any number of chunks      */
                                  /* This host does not serve the last two yet.            */
};

/** What the headers say about the bytes of a body. */
enum EXTPROC_ENUM(extproc_form) {
    EXTPROC_FORM_UNKNOWN, /* the proxy does not send these headers                          */
    EXTPROC_FORM_PLAIN,   /* complete, and what content-type says                           */
    EXTPROC_FORM_ENCODED, /* has a content-encoding, such as gzip                           */
    EXTPROC_FORM_PARTIAL  /* one range or several: a 206, or a request with a content-range */
};

/** How a plugin changes a body. */
enum EXTPROC_ENUM(extproc_change) {
    EXTPROC_CHANGE_EDIT,   /* its form stays: encoded bytes stay encoded, a range a range */
    EXTPROC_CHANGE_REPLACE /* another body takes its place, complete and plain            */
};

enum EXTPROC_ENUM(extproc_level) {
    EXTPROC_LEVEL_DEBUG,
    EXTPROC_LEVEL_INFO,
    EXTPROC_LEVEL_WARN,
    EXTPROC_LEVEL_ERROR
};

/** Why a transaction ended. With `transport = grpc` a connection that is lost while a response is
 *  expected counts as DONE: the gRPC core cannot distinguish it from the reset by which proxies end
 *  their streams. */
enum EXTPROC_ENUM(extproc_end) {
    EXTPROC_END_DONE,         /* complete, as far as the proxy sends it                    */
    EXTPROC_END_DISCONNECTED, /* truncated: the client left, the upstream reset, ...       */
    EXTPROC_END_FAILED,       /* an error in the host, a plugin or the proxy's protocol    */
    EXTPROC_END_DRAINED       /* the service stopped before the end                        */
};

enum EXTPROC_ENUM(extproc_kind) {
    EXTPROC_KIND_ABSENT,
    EXTPROC_KIND_NULL,
    EXTPROC_KIND_BOOL,
    EXTPROC_KIND_NUMBER, /* a double, as in google.protobuf.Value: above 2^53 digits are lost */
    EXTPROC_KIND_STRING,
    EXTPROC_KIND_LIST,
    EXTPROC_KIND_DICT
};

/** A node of an attribute or metadata tree. All zero: ABSENT. Its layout never changes. */
struct extproc_value {
    enum extproc_kind kind;
    union {
        bool boolean;
        double number;
        struct extproc_str string;
        const void *node; /* LIST, DICT: for extproc_value_at() and extproc_value_get() */
    } as;
};

/** Its layout never changes. */
struct extproc_header {
    struct extproc_str name, value;
};

/** A member of a DICT. Its layout never changes. */
struct extproc_field {
    struct extproc_str key;
    struct extproc_value value;
};

#define EXTPROC_NO_GRPC (-1)

/** An immediate response: it goes to the downstream client in place of what the upstream would send
 *  (envoy ImmediateResponse). Start from extproc_response_init(), which fills size and grpc_status.
 *  extproc_respond() copies everything except a body with a `release` function: those bytes must
 *  not change until the host calls release(release_arg). It does so exactly once, on the thread
 *  that handles the transaction, also where the response is refused or dropped.
 *
 *  size         sizeof(struct extproc_response)
 *  status       200..599
 *  body         any bytes; text/plain unless a header says otherwise; absent with a status that has
 *               no body (extproc_status_has_body())
 *  details      UTF-8, for the proxy's access log; absent: the name of the plugin's section
 *  headers      n_headers of them, at most 100, in this order. The first of a name overwrites the
 *               one that the proxy would send; more of the same name are appended
 *  grpc_status  what a gRPC client gets; EXTPROC_NO_GRPC: the proxy derives it from `status`
 *  release      NULL: the body is copied */
struct extproc_response {
    uint32_t size;
    uint32_t status;
    struct extproc_str body;
    struct extproc_str details;
    const struct extproc_header *headers;
    size_t n_headers;
    int32_t grpc_status;
    void (*release)(void *);
    void *release_arg;
};

/* ---- handles: the host allocates them; a later minor may add members at the end -------------- */

struct extproc_api;
struct extproc_metric { /* a counter or a histogram */
    const struct extproc_api *api;
};
struct extproc_file { /* a file that lines are appended to */
    const struct extproc_api *api;
};
struct extproc_template; /* a compiled text with %...% in it */
struct extproc_wait {    /* one callback that waits */
    const struct extproc_api *api;
};

/** One configured instance: one [plugin:NAME] section of the ini file. */
struct extproc_instance {
    const struct extproc_api *api;
    void *self;   /* the plugin's, for init() to set                      */
    bool testing; /* extprocd -t: check everything, connect to nothing    */
};

/** One HTTP transaction as one plugin sees it. A plugin may write to `ctx`, and to nothing else.
 *
 *  ctx        the plugin's own, for any callback to set; NULL at first
 *  phase      the phase of this callback; 0 in open() and close()
 *  body_mode  how the body of this direction arrives
 *  end        the proxy says that this message is the last one of its direction: neither body nor
 *             trailers follow
 *  last       no byte of this direction's body comes after this callback. Where trailers follow,
 *             the last part of a body has `last` and not `end`:
 *               body callback, EXTPROC_BODY_MODE_WHOLE (also where a plugin has replaced the body):
 *                 always true
 *               body callback, EXTPROC_BODY_MODE_STREAMED (and FULL_DUPLEX, which this host does
 *                 not serve yet): the same as `end`. Where trailers follow, it is false in every
 *                 chunk, because the proxy does not say which chunk is the last: trailers callbacks
 *                 are the first to know
 *               headers callback: true where the message has no body
 *               trailers callback: always true
 *  observing  the proxy ignores all answers (envoy observability_mode): calls succeed as usual and
 *             have no effect; the proxy and the chain continue as if nothing had been decided */
struct extproc_txn {
    const struct extproc_api *api;
    struct extproc_instance *instance;
    void *self; /* instance->self */
    void *ctx;
    enum extproc_phase phase;
    enum extproc_body_mode body_mode;
    bool end;
    bool last;
    bool observing;
};

/** May an immediate response of this status have a body? 1xx, 204, 205 and 304 have none (RFC 9110,
 *  section 15). */
static inline bool extproc_status_has_body(unsigned status)
{
    return status >= 200 && status != 204 && status != 205 && status != 304;
}

/** In a callback of a phase: is the phase one of the response's? */
static inline bool extproc_is_response(const struct extproc_txn *x)
{
    return x->phase >= EXTPROC_PHASE_RESPONSE_HEADERS;
}

/* ---- descriptor ------------------------------------------------------------------------------ */

enum EXTPROC_ENUM(extproc_key_type) {
    EXTPROC_KEY_TYPE_STR,
    EXTPROC_KEY_TYPE_INT,
    EXTPROC_KEY_TYPE_BOOL,     /* yes no true false on off; extproc_conf_int(): 0 or 1   */
    EXTPROC_KEY_TYPE_DURATION, /* 150us 20ms 2s 5m 1h; extproc_conf_int(): microseconds  */
    EXTPROC_KEY_TYPE_SIZE,     /* 64k 4m 1g; extproc_conf_int(): bytes                   */
    EXTPROC_KEY_TYPE_CHOICE,   /* one of .choices; extproc_conf_int(): its place, from 0 */
    EXTPROC_KEY_TYPE_FLOAT,    /* 2 0.5 -1.25, no exponent; extproc_conf_float()         */
    EXTPROC_KEY_TYPE_PATH      /* relative to the folder of the ini file that has it;    */
                               /* extproc_conf(): the path to open                       */
};

/* Bits of extproc_key.flags. */
#define EXTPROC_KEY_REQUIRED 1u /* must be in the section; has no fallback */
#define EXTPROC_KEY_LIST     2u /* may be repeated; the order is kept      */
#define EXTPROC_KEY_SECRET   4u /* its values are not shown in any output  */

/** A key of the plugin's section. The host refuses unknown keys and invalid values before init().
 *  These names are reserved for the host, and a plugin that declares one does not load: file, mode,
 *  timeout, max_body, on_max_body, on_error, on_error_status, blocking, sha256, run, trusted,
 *  on_stream, strict, max_held, overload, and all that begin with `when.`, `unless.` or `host.`.
 *
 *  name      at most 48 bytes, without ':' and '='
 *  flags     EXTPROC_KEY_LIST, ...
 *  fallback  the value where the section has none, as the file would have it; NULL: absent
 *  choices   of a CHOICE: "one|two|three"
 *  help      one sentence
 *  min, max  of INT, FLOAT, DURATION and SIZE: the least and the greatest valid value, as the file
 *            would have them ("0", "64k", "150us"); NULL: no limit */
struct extproc_key {
    const char *name;
    enum extproc_key_type type;
    uint32_t flags;
    const char *fallback;
    const char *choices;
    const char *help;
    const char *min, *max;
};

/* Bits of extproc_plugin.needs. A plugin with an unknown bit does not load, nor does one with a bit
 * that means nothing for the callbacks that it has.
 *
 * EXTPROC_WHOLE_REQUEST_BODY, EXTPROC_WHOLE_RESPONSE_BODY
 *      The body callback gets the body complete, in one call, where there is a body. Where the
 *      proxy sends it in another way, the plugin is not called but fails, and the log names the
 *      setting of the proxy: in the body's phase, or, where the body mode is NONE, in the first
 *      message of the transaction that shows it, unless extproc_skip() has named the phase. A
 *      STREAMED body that arrives in one chunk is complete. A message without a body, and a
 *      tunnel, pass.
 * EXTPROC_MUST_SEE_REQUEST_BODY, EXTPROC_MUST_SEE_RESPONSE_BODY
 *      For plugins that inspect: no body passes this plugin unseen. Where the proxy's body mode is
 *      NONE, or the message opens a tunnel (CONNECT, an upgrade), the downstream client gets a 403,
 *      unless extproc_skip() has named the phase; where the response has begun, the stream is
 *      closed. A message without a body passes. With EXTPROC_WHOLE_..., both hold.
 * EXTPROC_HEADERS_WAIT
 *      The body callbacks edit headers. The proxy holds headers back only where its body mode is
 *      BUFFERED; elsewhere the plugin fails as for EXTPROC_WHOLE_....
 * EXTPROC_READS_REQUEST
 *      Response callbacks read the request headers, so the printed configuration
 *      (extprocd --print-envoy-config) lets the proxy send them.
 * EXTPROC_KEEPS_BODY
 *      No headers callback calls extproc_body_set(). Without this bit the printed configuration
 *      lets the proxy send request headers for a plugin that takes part in response headers,
 *      because whether a response has a body depends on the request's method.
 * EXTPROC_CLOSE_SEES_HEADERS
 *      In close() the headers of both messages are still there to read, as the last plugin of the
 *      chain left them: for access logs, which then need not copy anything in each phase. It costs
 *      one copy of the headers for each transaction. A map is NONE where its headers did not come,
 *      or where there was not enough memory. Trailers are not kept.
 * EXTPROC_HOLDS_BODY
 *      Body callbacks return EXTPROC_ACTION_HOLD: what they were called with is kept, and goes
 *      before the next part of the body in the next callback, as often as they like; edits of the
 *      callback that holds are undone, and the plugins after it see these bytes later. For what
 *      may lie across the border of two chunks; extproc_hold() keeps the end of a chunk only. Not
 *      where x->last is true: then nothing follows, and it is a failure. The section's max_body
 *      (1 MiB where it is not set) limits what is held; on_max_body says what follows from more. In
 *      STREAMED the proxy does not say which chunk is the last where trailers follow: if they come
 *      while bytes are held, the stream is closed with an error, since these bytes can no longer be
 *      sent. So the proxy is asked for the trailers (--print-envoy-config). */
#define EXTPROC_WHOLE_REQUEST_BODY     1u
#define EXTPROC_WHOLE_RESPONSE_BODY    2u
#define EXTPROC_MUST_SEE_REQUEST_BODY  4u
#define EXTPROC_MUST_SEE_RESPONSE_BODY 8u
#define EXTPROC_HEADERS_WAIT           16u
#define EXTPROC_READS_REQUEST          32u
#define EXTPROC_KEEPS_BODY             64u
#define EXTPROC_CLOSE_SEES_HEADERS     128u
#define EXTPROC_HOLDS_BODY             256u

struct extproc_abi {
    uint32_t magic;
    uint16_t major, minor;
    uint32_t plugin_size, key_size;
};
#define EXTPROC_ABI                                                                                \
    {                                                                                              \
        EXTPROC_MAGIC, EXTPROC_ABI_MAJOR, EXTPROC_ABI_TARGET, sizeof(struct extproc_plugin),       \
            sizeof(struct extproc_key)                                                             \
    }

typedef enum extproc_action extproc_on_fn(struct extproc_txn *x);

/** What a plugin is. .abi, .name and one callback at least must be there.
 *
 *  abi    EXTPROC_ABI
 *  keys   the keys of its section, ended by one with a NULL name; NULL: it has none
 *  needs  EXTPROC_WHOLE_REQUEST_BODY, ...
 *  init   returns 0, or a negative errno value: then the service does not start
 *  open   returns 0, or a negative errno value: then the phase that was about to be called fails
 *  A callback that is NULL: the plugin does not take part in that phase. */
struct extproc_plugin {
    struct extproc_abi abi;
    const char *name, *version, *summary;
    const struct extproc_key *keys;
    uint64_t needs;
    int (*init)(struct extproc_instance *instance);
    void (*fini)(struct extproc_instance *instance);
    int (*open)(struct extproc_txn *x);
    void (*close)(struct extproc_txn *x, enum extproc_end why);
    extproc_on_fn *request_headers;
    extproc_on_fn *request_body;
    extproc_on_fn *request_trailers;
    extproc_on_fn *response_headers;
    extproc_on_fn *response_body;
    extproc_on_fn *response_trailers;
    enum extproc_action (*resume)(struct extproc_txn *x, enum extproc_wake why, void *result);
};

/** The one symbol a plugin exports; it defines it, the host looks it up. */
__attribute__((visibility("default"))) extern const struct extproc_plugin extproc_plugin_v1;

/* ---- the table: append only; grouped by the minor that added it ------------------------------ */

struct extproc_api {
    uint32_t size;
    uint16_t major, minor;
    /* the instance */
    size_t (*conf_count)(struct extproc_instance *, const char *key);
    struct extproc_str (*conf_str)(struct extproc_instance *, const char *key, size_t i);
    int64_t (*conf_int)(struct extproc_instance *, const char *key, size_t i);
    double (*conf_float)(struct extproc_instance *, const char *key, size_t i);
    struct extproc_template *(*conf_template)(struct extproc_instance *, const char *key, size_t i,
                                              struct extproc_str part); /* absent: the value */
    int (*conf_vrefuse)(struct extproc_instance *, const char *key, size_t i, const char *fmt,
                        va_list);
    int (*conf_refuse)(struct extproc_instance *, const char *key, size_t i,
                       struct extproc_str why);
    int (*check_edit)(struct extproc_instance *, enum extproc_map, enum extproc_edit,
                      struct extproc_str, struct extproc_str);
    int (*conf_edit)(struct extproc_instance *, const char *key, size_t i, enum extproc_map,
                     enum extproc_edit, struct extproc_str name, struct extproc_str value);
    int (*interest)(struct extproc_instance *, uint32_t phases);
    int (*fallback)(struct extproc_instance *, uint32_t phases, uint32_t effects);
    int (*want_attribute)(struct extproc_instance *, struct extproc_str name);
    int (*want_metadata)(struct extproc_instance *, struct extproc_str ns, uint32_t access);
    struct extproc_str (*read_file)(struct extproc_instance *, const char *key, size_t i,
                                    size_t max);
    struct extproc_file *(*file)(struct extproc_instance *, const char *key, size_t i);
    void *(*instance_alloc)(struct extproc_instance *, size_t);
    struct extproc_metric *(*metric)(struct extproc_instance *, bool histogram, const char *name,
                                     const char *help);
    /* the message */
    struct extproc_str (*header)(struct extproc_txn *, enum extproc_map, struct extproc_str,
                                 size_t);
    bool (*header_at)(struct extproc_txn *, enum extproc_map, size_t, struct extproc_header *);
    enum extproc_map_state (*map_state)(struct extproc_txn *, enum extproc_map);
    int (*edit)(struct extproc_txn *, enum extproc_map, enum extproc_edit, struct extproc_str,
                struct extproc_str);
    int (*remove_prefix)(struct extproc_txn *, enum extproc_map, struct extproc_str prefix);
    struct extproc_str (*body)(struct extproc_txn *);
    int (*body_set)(struct extproc_txn *, struct extproc_str, void (*)(void *), void *);
    enum extproc_form (*body_form)(struct extproc_txn *);
    int (*body_changes)(struct extproc_txn *, enum extproc_change);
    struct extproc_value (*attribute)(struct extproc_txn *, struct extproc_str);
    struct extproc_value (*metadata)(struct extproc_txn *, struct extproc_str ns);
    bool (*value_at)(struct extproc_txn *, struct extproc_value, size_t, struct extproc_field *);
    struct extproc_value (*value_get)(struct extproc_txn *, struct extproc_value,
                                      struct extproc_str key);
    struct extproc_value (*list)(struct extproc_txn *, const struct extproc_value *, size_t);
    struct extproc_value (*dict)(struct extproc_txn *, const struct extproc_field *, size_t);
    int (*metadata_set)(struct extproc_txn *, struct extproc_str ns, struct extproc_str key,
                        struct extproc_value);
    /* decisions */
    int (*clear_route)(struct extproc_txn *);
    int (*respond)(struct extproc_txn *, const struct extproc_response *);
    int (*skip)(struct extproc_txn *, uint32_t phases);
    void (*vfail)(struct extproc_txn *, const char *, va_list);
    void (*fail)(struct extproc_txn *, struct extproc_str key, struct extproc_str why);
    struct extproc_str (*why)(struct extproc_txn *);
    /* conveniences */
    void *(*alloc)(struct extproc_txn *, size_t);   /* for the transaction */
    void *(*scratch)(struct extproc_txn *, size_t); /* for the callback    */
    struct extproc_str (*vformat)(struct extproc_txn *, const char *, va_list);
    struct extproc_str (*expand)(struct extproc_txn *, const struct extproc_template *);
    void (*vlog)(struct extproc_instance *, struct extproc_txn *, enum extproc_level, const char *,
                 va_list);
    void (*log)(struct extproc_instance *, struct extproc_txn *, enum extproc_level,
                struct extproc_str key, struct extproc_str text);
    void (*metric_add)(struct extproc_metric *, uint64_t);
    int (*file_append)(struct extproc_file *, struct extproc_str line);
    /* waiting */
    struct extproc_wait *(*defer)(struct extproc_txn *, uint32_t timeout_ms,
                                  void (*drop)(struct extproc_instance *, void *result));
    void (*on_cancel)(struct extproc_wait *, void (*cancel)(void *arg), void *arg);
    void (*resume)(struct extproc_wait *, void *result);
    int (*after)(struct extproc_txn *, uint32_t ms);
    int (*work)(struct extproc_txn *, void (*fn)(void *arg), void *arg,
                void (*drop)(struct extproc_instance *, void *arg));
    int (*every)(struct extproc_instance *, uint32_t ms, void (*fn)(struct extproc_instance *));
    /* bodies across chunks */
    int (*hold)(struct extproc_txn *, size_t n);
};

/* ---- the instance: in init(), and later too unless it says otherwise ------------------------- */

/** The i-th value of a declared key, in file order. A NUL follows the text, outside len. Lives as
 *  long as the instance. Of a PATH: the path to open.
 *  ptr NULL: absent, or no such key. */
static inline struct extproc_str extproc_conf(struct extproc_instance *instance, const char *key,
                                              size_t i)
{
    return instance->api->conf_str(instance, key, i);
}

/** How many values the key has; 1 where its fallback is used, 0 where it is absent. */
static inline size_t extproc_conf_count(struct extproc_instance *instance, const char *key)
{
    return instance->api->conf_count(instance, key);
}

/** INT, BOOL, DURATION (microseconds), SIZE (bytes), CHOICE (place in .choices). 0: absent, or of
 *  another type. */
static inline int64_t extproc_conf_int(struct extproc_instance *instance, const char *key, size_t i)
{
    return instance->api->conf_int(instance, key, i);
}

/** FLOAT. 0: absent, or of another type. */
static inline double extproc_conf_float(struct extproc_instance *instance, const char *key,
                                        size_t i)
{
    return instance->api->conf_float(instance, key, i);
}

/** In init(): reports to the operator, with file, line, section and key, why the i-th value is
 *  invalid: "expected a colour such as red". Returns -EINVAL, which init() then returns too, after
 *  it has checked the other values; -EOPNOTSUPP outside init(). */
EXTPROC_PRINTF(4, 5)
static inline int extproc_conf_refuse(struct extproc_instance *instance, const char *key, size_t i,
                                      const char *fmt, ...)
{
    va_list ap;
    int r;
    va_start(ap, fmt);
    r = instance->api->conf_vrefuse(instance, key, i, fmt, ap);
    va_end(ap);
    return r;
}

/** extproc_conf_refuse() with a text in place of a format. */
static inline int extproc_conf_refuse_str(struct extproc_instance *instance, const char *key,
                                          size_t i, struct extproc_str why)
{
    return instance->api->conf_refuse(instance, key, i, why);
}

/** In init(): compiles the i-th value, a text with %REQ(name)% and the like (plugins/README.md),
 *  for extproc_expand(). Lives as long as the instance. NULL: it is absent or invalid, which was
 *  reported to the operator; init() then returns -EINVAL. */
static inline struct extproc_template *extproc_conf_template(struct extproc_instance *instance,
                                                             const char *key, size_t i)
{
    struct extproc_str all = {NULL, 0};
    return instance->api->conf_template(instance, key, i, all);
}

/** extproc_conf_template() of a text that is part of the i-th value, such as what follows a
 *  colon. */
static inline struct extproc_template *extproc_conf_template_part(struct extproc_instance *instance,
                                                                  const char *key, size_t i,
                                                                  struct extproc_str part)
{
    return instance->api->conf_template(instance, key, i, part);
}

/** Checks an edit before its phase has come: 0 if extproc_header_edit() can make it in some phase
 *  of some message; with EXTPROC_MAP_IMMEDIATE_RESPONSE (whatever the edit), if extproc_respond()
 *  accepts this header. An absent value is one that is not known yet; then only the rest is
 *  checked.
 *  -EINVAL       no such map or edit; an invalid name or value, as for extproc_header_edit()
 *  -EPERM        it would have no effect in any phase
 *  -EPROTO       a `:method` that becomes HEAD or CONNECT
 *  -ENOSPC       longer than all headers of a message may be */
static inline int extproc_check_edit(struct extproc_instance *instance, enum extproc_map map,
                                     enum extproc_edit op, struct extproc_str name,
                                     struct extproc_str value)
{
    return instance->api->check_edit(instance, map, op, name, value);
}

/** In init(): checks like extproc_check_edit() an edit that a key's i-th value asks for. If the
 *  proxies of all listeners would ignore it, that is reported at the key as an error, with the
 *  setting that would allow it; if the proxies of some would, as a warning. The value may be the
 *  text of a template: what its %REQ(name)% and the like will be is not known yet, so only the text
 *  between them is checked. Returns 0, or what extproc_conf_refuse() returns. */
static inline int extproc_conf_edit(struct extproc_instance *instance, const char *key, size_t i,
                                    enum extproc_map map, enum extproc_edit op,
                                    struct extproc_str name, struct extproc_str value)
{
    return instance->api->conf_edit(instance, key, i, map, op, name, value);
}

/** In init(): narrows the phases of this instance to those its configuration needs, so that the
 *  proxy need not send the others. Without a call: every phase that has a callback.
 *  -EINVAL       a bit without a callback
 *  -EOPNOTSUPP   outside init() */
static inline int extproc_interest(struct extproc_instance *instance, uint32_t phases)
{
    return instance->api->interest(instance, phases);
}

/** In init(): declares that this instance reads an attribute, such as "source.address", with
 *  extproc_attribute(). A proxy sends only the attributes that its configuration names; `extprocd
 *  --print-envoy-config` prints those that were declared here, or that a template reads.
 *  -EINVAL       empty, or not UTF-8
 *  -EOPNOTSUPP   outside init() */
static inline int extproc_want_attribute(struct extproc_instance *instance, struct extproc_str name)
{
    return instance->api->want_attribute(instance, name);
}

/* Bits of extproc_want_metadata(). */
#define EXTPROC_METADATA_READ  1u
#define EXTPROC_METADATA_WRITE 2u

/** In init(): declares that this instance uses a namespace of the proxy's dynamic metadata, with
 *  extproc_metadata() (EXTPROC_METADATA_READ), extproc_metadata_set() (EXTPROC_METADATA_WRITE) or
 *  both. It is printed as extproc_want_attribute() says (envoy ExternalProcessor,
 *  metadata_options).
 *  -EINVAL       an empty namespace, one that is not UTF-8, no bit or an unknown one
 *  -EOPNOTSUPP   outside init() */
static inline int extproc_want_metadata(struct extproc_instance *instance, struct extproc_str ns,
                                        uint32_t access)
{
    return instance->api->want_metadata(instance, ns, access);
}

/* What a plugin does in a fallback phase: bits of extproc_fallback(). */
#define EXTPROC_FALLBACK_RESPONDS  1u /* extproc_respond()  */
#define EXTPROC_FALLBACK_SETS_BODY 2u /* extproc_body_set() */

/** In init(): names phases in which this instance can still do what it does in a headers phase, for
 *  a proxy that skips the headers (SKIP). `effects` has the bits of what it does there. It is
 *  called in these phases only where the proxy has skipped the headers of that direction, and only
 *  where all of `effects` is possible. --print-envoy-config does not ask the proxy for these
 *  phases. Where headers are skipped and no fallback is possible either, the host logs a warning,
 *  once for each plugin and listener.
 *  -EINVAL       a phase without a callback, a headers phase, or one that the instance takes part
 *                in anyway (call extproc_interest() first); an unknown bit of `effects`
 *  -EOPNOTSUPP   outside init() */
static inline int extproc_fallback(struct extproc_instance *instance, uint32_t phases,
                                   uint32_t effects)
{
    return instance->api->fallback(instance, phases, effects);
}

/** In init(): zeroed memory that lives as long as the instance, aligned for anything. The host
 *  frees it, after fini() or where init() failed. NULL: out of memory, or outside init(). */
static inline void *extproc_instance_alloc(struct extproc_instance *instance, size_t size)
{
    return instance->api->instance_alloc(instance, size);
}

/** In init(): a number that only grows. `name` is [a-z][a-z0-9_]*; the same name returns the same
 *  counter. NULL: outside init(), another name, or out of memory; extproc_metric_add() accepts NULL
 *  and does nothing. */
static inline struct extproc_metric *extproc_counter(struct extproc_instance *instance,
                                                     const char *name, const char *help)
{
    return instance->api->metric(instance, false, name, help);
}

/** In init(): a distribution of integers (milliseconds, bytes, ...); otherwise as
 *  extproc_counter(). */
static inline struct extproc_metric *extproc_histogram(struct extproc_instance *instance,
                                                       const char *name, const char *help)
{
    return instance->api->metric(instance, true, name, help);
}

/* ---- files ----------------------------------------------------------------------------------- */

/** In init(): the content of the file that a key's i-th value names, at most `max` bytes; it lives
 *  as long as the instance, and a NUL follows it, outside len. Only a regular file is read, so that
 *  init() never waits for a FIFO or a device. An empty file has len 0 and a ptr.
 *  ptr NULL: outside init(), or it cannot be read, which was reported to the operator with file,
 *  line and path; init() then returns -EINVAL. */
static inline struct extproc_str extproc_read_file(struct extproc_instance *instance,
                                                   const char *key, size_t i, size_t max)
{
    return instance->api->read_file(instance, key, i, max);
}

/** In init(): opens the file that a key's i-th value names, for extproc_file_append(): a path (a
 *  regular file, created with 0640, a FIFO or a character device), or `stdout` or `stderr` for
 *  those of the service. The key's type is STR, because `stdout` is not a path. The host opens the
 *  file again after a rotation (signal USR1), and closes it after fini() or where init() failed.
 *  Where instance->testing is true the file is only checked, and none is created.
 *  NULL: outside init(), or it cannot be opened, which was reported to the operator; init() then
 *  returns -EINVAL. */
static inline struct extproc_file *extproc_file_open(struct extproc_instance *instance,
                                                     const char *key, size_t i)
{
    return instance->api->file(instance, key, i);
}

/** Any thread, until fini() returns. Appends a line; the host adds the newline. Never waits: the
 *  line is copied into a queue of 4 MiB per file, from which a thread of the host writes complete
 *  lines in order, many in one write. A full disk, a reader that stalls or a rotation tears no
 *  line; lines that do not fit into the queue are dropped, counted (file_lines_dropped) and
 *  reported in the service's log. What a plugin itself prints, with printf() and the like, does not
 *  go through this queue, and can make the service wait.
 *  -EINVAL       file is NULL, or the line is absent
 *  -ENOSPC       the line was dropped: the queue is full */
static inline int extproc_file_append(struct extproc_file *file, struct extproc_str line)
{
    return file ? file->api->file_append(file, line) : -EINVAL;
}

/* ---- headers and trailers -------------------------------------------------------------------- */

/** The first value of a header, as the plugins before this one left it. Upper and lower case of a
 *  name are the same; `host` finds `:authority` where there is no host. An empty value has len 0
 *  and a ptr.
 *  ptr NULL: absent, or the map is not here (extproc_header_state()). */
static inline struct extproc_str extproc_header_get(struct extproc_txn *x, enum extproc_map map,
                                                    struct extproc_str name)
{
    return x->api->header(x, map, name, 0);
}

/** The i-th value, from 0, of a header that may have several. ptr NULL: there are not so many. */
static inline struct extproc_str extproc_header_nth(struct extproc_txn *x, enum extproc_map map,
                                                    struct extproc_str name, size_t i)
{
    return x->api->header(x, map, name, i);
}

/** The i-th entry of a map, from 0, for loops. Indexes are stable during a callback, so a loop that
 *  removes or sets headers misses none: an entry that was removed in this callback has an empty
 *  name (len 0) and an empty value. A set keeps the index of the first value, an append adds an
 *  entry at the end. The next callback, of this plugin or another, sees the map without such gaps.
 *  Names are lower case.
 *  False: no such entry, or the map is not here; *ret is unchanged. */
static inline bool extproc_header_at(struct extproc_txn *x, enum extproc_map map, size_t i,
                                     struct extproc_header *ret)
{
    return x->api->header_at(x, map, i, ret);
}

/** Whether a map is here, and whether it can be edited. Headers are OPEN in their own phase and,
 *  where the proxy holds them back (body mode BUFFERED), in the body phase; trailers in their own
 *  phase. In later phases, and in open(), a map is GONE. In close() every map is NONE, so what is
 *  needed there must be kept in ctx; for a plugin with EXTPROC_CLOSE_SEES_HEADERS the headers are
 *  GONE there. */
static inline enum extproc_map_state extproc_header_state(struct extproc_txn *x,
                                                          enum extproc_map map)
{
    return x->api->map_state(x, map);
}

/** Edits a header map. The next plugin sees the edited map, and the proxy gets the edits of all
 *  plugins as one. IF_ABSENT and IF_PRESENT can judge only headers that the proxy sends: its
 *  forward_rules may withhold some.
 *  -EINVAL       no such map or edit; an invalid name or value (RFC 9110, section 5):
 *                blanks at an end of a value, a `:path` with `#` or a byte above 0x7f
 *  -EOPNOTSUPP   the map is not OPEN here: see extproc_header_state()
 *  -EPERM        it would have no effect, and the log says why: content-length (the host keeps it
 *                correct), transfer-encoding, headers that belong to one connection, removal or a
 *                second value of a pseudo header; and what the proxy does not allow. By default it
 *                does not allow host, :authority, :scheme and x-envoy-*, nor :method unless the
 *                body has been replaced in this headers phase. `host` and `:authority` are one
 *                header
 *  -EPROTO       a `:status` that has no body (204, 205, 304) where a body may follow, or one that
 *                has a body in place of such a status where content-length announces one; a
 *                `:method` that becomes HEAD or CONNECT, or was one of them
 *  -ENOSPC       more than the proxy accepts: by default 100 edits, 100 headers or 60 KiB */
static inline int extproc_header_edit(struct extproc_txn *x, enum extproc_map map,
                                      enum extproc_edit op, struct extproc_str name,
                                      struct extproc_str value)
{
    return x->api->edit(x, map, op, name, value);
}

/** extproc_header_edit(): drops all values of the name, leaves this one. */
static inline int extproc_header_set(struct extproc_txn *x, enum extproc_map map,
                                     struct extproc_str name, struct extproc_str value)
{
    return x->api->edit(x, map, EXTPROC_EDIT_SET, name, value);
}

/** extproc_header_edit(): one more value. */
static inline int extproc_header_append(struct extproc_txn *x, enum extproc_map map,
                                        struct extproc_str name, struct extproc_str value)
{
    return x->api->edit(x, map, EXTPROC_EDIT_APPEND, name, value);
}

/** extproc_header_edit(): drops all values of the name. Removing what is not there is no error. */
static inline int extproc_header_remove(struct extproc_txn *x, enum extproc_map map,
                                        struct extproc_str name)
{
    struct extproc_str none = {NULL, 0};
    return x->api->edit(x, map, EXTPROC_EDIT_REMOVE, name, none);
}

/** Removes every header whose name begins with the prefix, in upper or lower case: all of them or,
 *  with an error, none. Only headers that the proxy sends are known; its forward_rules may withhold
 *  some. The errors are those of extproc_header_edit() for the first header that cannot be removed,
 *  and -EINVAL for an empty prefix. */
static inline int extproc_header_remove_prefix(struct extproc_txn *x, enum extproc_map map,
                                               struct extproc_str prefix)
{
    return x->api->remove_prefix(x, map, prefix);
}

/* ---- the body -------------------------------------------------------------------------------- */

/** In a body phase: the body or chunk of this callback, as the plugins before this one left it. The
 *  first call for a message may copy it (once, for all plugins), so call this only where needed. An
 *  empty chunk has len 0 and a ptr.
 *  ptr NULL: not in a body phase, or out of memory. */
static inline struct extproc_str extproc_body(struct extproc_txn *x)
{
    return x->api->body(x);
}

/** In a body phase: sends these bytes in place of the body or chunk of this callback; any length,
 *  and 0 clears it. They may be a part of what extproc_body() returned.
 *
 *  In a headers phase: replaces the complete body, in every body mode, also where there was none.
 *  The next plugins get the new body complete in their body callbacks, which are called
 *  immediately; no plugin sees the old one, and its trailers pass unseen (envoy CommonResponse,
 *  CONTINUE_AND_REPLACE). Where the body mode is BUFFERED, a request with a content-length is sent
 *  on once its old body has been received, because only then the proxy accepts a new length.
 *
 *  Some messages can have no body, whatever their headers say (RFC 9112, section 6.3): a response
 *  to HEAD, a 204, a 304, a tunnel (CONNECT, an upgrade that was accepted, and the requests of
 *  both). Body callbacks are not called for them. A 205, and a response whose request's method the
 *  proxy does not send, has a body once a byte of it has come: it can be changed in body phases
 *  only.
 *  -EINVAL       ptr is NULL
 *  -ENODATA      in a headers phase: the message can have no body; extproc_continue() continues
 *  -EOPNOTSUPP   neither a headers nor a body phase, or a body mode in which the proxy accepts none
 *  -ENOSPC       longer than an answer may be (max_queued of the listener), or it needs a change of
 *                content-length where 100 headers have been set and 100 removed */
static inline int extproc_body_set(struct extproc_txn *x, struct extproc_str bytes)
{
    return x->api->body_set(x, bytes, NULL, NULL);
}

/** extproc_body_set() without a copy: the bytes must not change until the host calls release(arg).
 *  It does so exactly once, from any thread: when the phase is over, or immediately where this
 *  function fails. release NULL: the bytes are copied. */
static inline int extproc_body_set_nocopy(struct extproc_txn *x, struct extproc_str bytes,
                                          void (*release)(void *), void *arg)
{
    return x->api->body_set(x, bytes, release, arg);
}

/** In a body phase: holds the last n bytes of the body or chunk of this callback, as the callback
 *  leaves it. What comes before them goes on, with all edits, and they go before the next part of
 *  the body in the next callback of this plugin. Return what this returns, after the last
 *  extproc_body_set(); the plugin needs EXTPROC_HOLDS_BODY, which says what limits it. n 0: nothing
 *  is held. Example: plugins/body.c.
 *  EXTPROC_ACTION_FAIL, with a reason for the log:
 *      - not in a body phase, or no byte of the body follows (x->last)
 *      - the body of this callback is shorter than n */
static inline enum extproc_action extproc_hold(struct extproc_txn *x, size_t n)
{
    return x->api->hold(x, n) == 0 ? EXTPROC_ACTION_HOLD : EXTPROC_ACTION_FAIL;
}

/** What the headers of this direction say about its body, as the plugins before this one left them.
 *  Only a PLAIN body can be searched for text, or have text added to it. */
static inline enum extproc_form extproc_body_form(struct extproc_txn *x)
{
    return x->api->body_form(x);
}

/** In a headers phase: declares that this plugin is going to change the body in body callbacks,
 *  which come after the headers have gone on. Headers that describe the old bytes are then removed:
 *  content-md5, digest, content-digest, repr-digest, accept-ranges, and last-modified unless there
 *  is an etag; a strong etag becomes a weak one. With EXTPROC_CHANGE_REPLACE content-encoding and
 *  content-range are removed too, and a 206 becomes a 200. The same happens to a response to HEAD
 *  and to a 304, whose headers describe the body of another response; they lose content-length too.
 *  What this callback itself has edited before stays. Trailers lose their digests where the proxy
 *  sends them.
 *
 *  This call does nothing where extproc_body_set() will do the same by itself, which it does
 *  wherever headers can still be edited: in a headers phase as for EXTPROC_CHANGE_REPLACE, in a
 *  body phase whose headers are OPEN (body mode BUFFERED) as for EXTPROC_CHANGE_EDIT. It also does
 *  nothing where the body cannot change: the proxy does not send it, or there is none.
 *  -EINVAL       no such change
 *  -EOPNOTSUPP   not in a headers phase
 *  -ENOSPC       more edits than the proxy accepts */
static inline int extproc_body_changes(struct extproc_txn *x, enum extproc_change change)
{
    return x->api->body_changes(x, change);
}

/* ---- attributes and metadata ----------------------------------------------------------------- */

/** An attribute of the transaction, by its name, such as "source.address". The proxy sends those
 *  that its request_attributes and response_attributes name (see extproc_want_attribute()), once,
 *  in the first message of a direction; the host keeps them for later phases. An attribute that
 *  both directions have is this direction's. ABSENT: the proxy has not sent it; and in close(). */
static inline struct extproc_value extproc_attribute(struct extproc_txn *x, struct extproc_str name)
{
    return x->api->attribute(x, name);
}

/** The dynamic metadata of a namespace: a DICT, or ABSENT. It is what the proxy sent with this
 *  message or, where it sent none, with an earlier one (forwarding_namespaces), and over that, key
 *  by key, what plugins have set in this phase and in earlier ones. ABSENT in close(). */
static inline struct extproc_value extproc_metadata(struct extproc_txn *x, struct extproc_str ns)
{
    return x->api->metadata(x, ns);
}

/** The i-th member, from 0, of a LIST (the key is absent) or of a DICT.
 *  False: no such member; neither LIST nor DICT; or a value that the host did not make for this
 *  transaction. *ret is unchanged then. */
static inline bool extproc_value_at(struct extproc_txn *x, struct extproc_value v, size_t i,
                                    struct extproc_field *ret)
{
    return x->api->value_at(x, v, i, ret);
}

/** The member of a DICT with this key, or ABSENT. */
static inline struct extproc_value extproc_value_get(struct extproc_txn *x, struct extproc_value v,
                                                     struct extproc_str key)
{
    return x->api->value_get(x, v, key);
}

static inline struct extproc_value extproc_null(void)
{
    struct extproc_value v;
    memset(&v, 0, sizeof v);
    v.kind = EXTPROC_KIND_NULL;
    return v;
}
static inline struct extproc_value extproc_bool(bool b)
{
    struct extproc_value v = extproc_null();
    v.kind = EXTPROC_KIND_BOOL;
    v.as.boolean = b;
    return v;
}
static inline struct extproc_value extproc_number(double n)
{
    struct extproc_value v = extproc_null();
    v.kind = EXTPROC_KIND_NUMBER;
    v.as.number = n;
    return v;
}
/** The bytes are not copied here: they must not change until the value has been passed to the
 *  host. */
static inline struct extproc_value extproc_string(struct extproc_str s)
{
    struct extproc_value v = extproc_null();
    v.kind = EXTPROC_KIND_STRING;
    v.as.string = s;
    return v;
}

/** A LIST of copies of these, which lives until the callback returns. ABSENT: out of memory, an
 *  ABSENT member, a string that is not UTF-8, or nested more than 30 deep. */
static inline struct extproc_value extproc_list(struct extproc_txn *x,
                                                const struct extproc_value *items, size_t n)
{
    return x->api->list(x, items, n);
}

/** A DICT of copies of these; of a key that occurs twice the last value counts. Otherwise as
 *  extproc_list(). ABSENT also where a key is absent or not UTF-8. */
static inline struct extproc_value extproc_dict(struct extproc_txn *x,
                                                const struct extproc_field *fields, size_t n)
{
    return x->api->dict(x, fields, n);
}

/** Sends the proxy one key of dynamic metadata. The proxy drops it silently unless the namespace is
 *  one of its receiving_namespaces (see extproc_want_metadata()). Keys of several plugins are
 *  merged; of the same key the last value counts. It is sent with the answer to this phase, also
 *  with an immediate response, and later callbacks see it in extproc_metadata().
 *  -EINVAL       an empty namespace or key, an ABSENT value, not UTF-8, nested more than 30 deep
 *  -EOPNOTSUPP   open() or close() */
static inline int extproc_metadata_set(struct extproc_txn *x, struct extproc_str ns,
                                       struct extproc_str key, struct extproc_value value)
{
    return x->api->metadata_set(x, ns, key, value);
}

/* ---- decisions ------------------------------------------------------------------------------- */

/** The proxy selects the route again, by the edited headers (envoy
 *  CommonResponse.clear_route_cache). It has an effect only where the plugin also edits a header in
 *  the same callback, because the proxy ignores it otherwise.
 *  -EOPNOTSUPP   not in request_headers, nor in request_body where headers are OPEN */
static inline int extproc_clear_route(struct extproc_txn *x)
{
    return x->api->clear_route(x);
}

/** `size` and `grpc_status` are set, the rest is zero. */
static inline struct extproc_response extproc_response_init(void)
{
    struct extproc_response r;
    memset(&r, 0, sizeof r);
    r.size = (uint32_t)sizeof r;
    r.grpc_status = EXTPROC_NO_GRPC;
    return r;
}

/** Sends an immediate response; the callback returns what this returns. The next plugins are not
 *  called, what plugins edited in this phase is dropped (metadata is kept), and no phase follows.
 *  If this is called more than once, the last call that was accepted counts; if the callback then
 *  returns another action, none does.
 *  EXTPROC_ACTION_FAIL, with a reason for the log:
 *      - not in a phase; `size` or `status` is invalid
 *      - a body with a status that has none (extproc_status_has_body(); a 2xx to CONNECT), or one
 *        that is longer than an answer may be (max_queued of the listener)
 *      - a header is invalid, or the proxy would ignore it (as for extproc_header_edit())
 *      - details are not UTF-8
 *      - the response has already begun: in response_body where the body is STREAMED or the headers
 *        were skipped, in response_trailers, and in a request phase once the response's headers
 *        have passed and the proxy does not hold them back */
static inline enum extproc_action extproc_respond(struct extproc_txn *x,
                                                  const struct extproc_response *r)
{
    return x->api->respond(x, r) == 0 ? EXTPROC_ACTION_RESPOND : EXTPROC_ACTION_FAIL;
}

#ifndef __cplusplus
static inline enum extproc_action extproc_reply_with(struct extproc_txn *x,
                                                     struct extproc_response r)
{
    r.size = (uint32_t)sizeof r;
    if (r.grpc_status == 0)
        r.grpc_status = EXTPROC_NO_GRPC;
    return extproc_respond(x, &r);
}
/** extproc_respond() in one line of C, with fields of struct extproc_response by name:
 *      return extproc_reply(x, .status = 403, .body = EXTPROC_S("no\n"));
 *  What is not named is zero, and a grpc_status of 0 means EXTPROC_NO_GRPC: for gRPC's OK, call
 *  extproc_respond(). */
#    define extproc_reply(x, ...) extproc_reply_with((x), (struct extproc_response){__VA_ARGS__})
#endif

/** For the rest of this transaction the plugin is not called in these phases (bits of enum
 *  extproc_phase). Also allowed in open(). close() is still called.
 *  -EINVAL       a bit that is not a phase */
static inline int extproc_skip(struct extproc_txn *x, uint32_t phases)
{
    return x->api->skip(x, phases);
}

/** The callback fails for this reason:
 *      return extproc_fail(x, "no key %.*s", EXTPROC_ARG(id));
 *  The host logs it once the callback has returned EXTPROC_ACTION_FAIL (or open() an error), in one
 *  line that names plugin, phase and transaction; text from ${...} of the section is not shown.
 *  Without this call the line names the last call with this x that was refused in the callback:
 *   request_headers failed: extproc_header_set("x hello"): invalid header name: contains a space */
EXTPROC_PRINTF(2, 3)
static inline enum extproc_action extproc_fail(struct extproc_txn *x, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    x->api->vfail(x, fmt, ap);
    va_end(ap);
    return EXTPROC_ACTION_FAIL;
}

/** extproc_fail() with a text in place of a format; `key` as for extproc_log_str(). */
static inline enum extproc_action extproc_fail_str(struct extproc_txn *x, struct extproc_str key,
                                                   struct extproc_str why)
{
    x->api->fail(x, key, why);
    return EXTPROC_ACTION_FAIL;
}

/** The last call with this x that was refused in this callback, and why, in words for a log line:
 *  `extproc_header_set("host"): the proxy would ignore it (...)`. For a callback that continues in
 *  spite of it. It has len 0 and a ptr where no call was refused, and lives until the next call is
 *  refused. */
static inline struct extproc_str extproc_why(struct extproc_txn *x)
{
    return x->api->why(x);
}

/* ---- waiting --------------------------------------------------------------------------------- */

/** Makes this transaction's direction wait for a result that another thread brings: return
 *  EXTPROC_ACTION_WAIT after it. The other direction, other transactions and health checks go on
 *  meanwhile; messages of this direction wait unread. When the result is there, resume() of the
 *  descriptor is called with it, in the same phase (x->phase), and returns what the callback would
 *  have returned, EXTPROC_ACTION_WAIT after a new extproc_defer() included. What the callback has
 *  edited so far stays; views and scratch memory stay valid until resume() returns, x->ctx as
 *  always.
 *
 *  The plugin must pass the wait to extproc_resume() exactly once, whatever happens meanwhile; the
 *  host frees it then. If the transaction no longer waits (the time is over, it has ended, the
 *  service stops, or the callback returned another action), the result is passed to
 *  drop(instance, result) and not to resume(), exactly once: on the thread that runs the
 *  transactions or, when the service has stopped that thread, on the one that calls
 *  extproc_resume(). drop NULL: nothing is done with the result. The instance stays until every
 *  wait has been resumed, except at the end of the process.
 *
 *  timeout_ms: the longest wait; 0, or a longer time than the section's `timeout` leaves for this
 *  phase: as long as that leaves. Afterwards resume() is called with EXTPROC_WAKE_TIMEOUT and NULL.
 *
 *  While a direction waits, the client may send ahead as much as the stream's window allows, which
 *  both directions share (stream_window): a plugin that lets a long body wait can hold up the other
 *  direction's messages too.
 *
 *  NULL: out of memory; in open(), close() or from another thread; the callback has called it
 *  before; the descriptor has no resume(); the section's timeout is over; or (extproc_why() says
 *  which) the host cannot wait. */
static inline struct extproc_wait *extproc_defer(struct extproc_txn *x, uint32_t timeout_ms,
                                                 void (*drop)(struct extproc_instance *instance,
                                                              void *result))
{
    return x->api->defer(x, timeout_ms, drop);
}

/** In the callback that has called extproc_defer(): if the transaction stops waiting before
 *  extproc_resume() was called, cancel(arg) is called, once, on the thread that runs the
 *  transactions. It must not block. The wait must still be passed to extproc_resume(); `arg` must
 *  stay valid, as what the result consists of, until resume() or drop() gets that. */
static inline void extproc_on_cancel(struct extproc_wait *wait, void (*cancel)(void *arg),
                                     void *arg)
{
    wait->api->on_cancel(wait, cancel, arg);
}

/** Ends a wait with its result, which is the host's from then on, as the wait is. Any thread, also
 *  before the callback that called extproc_defer() has returned. A second call for the same wait is
 *  reported in the log and does nothing, unless 2,000 further waits were made in between; its
 *  result is not dropped. */
static inline void extproc_resume(struct extproc_wait *wait, void *result)
{
    wait->api->resume(wait, result);
}

/** Makes this transaction's direction wait for `ms` milliseconds; then the host calls resume() with
 *  EXTPROC_WAKE_RESULT and NULL. Return EXTPROC_ACTION_WAIT after it.
 *  -EOPNOTSUPP   as for extproc_defer()
 *  -EBUSY        the callback has deferred already */
static inline int extproc_after(struct extproc_txn *x, uint32_t ms)
{
    return x->api->after(x, ms);
}

/** Runs fn(arg), which may block, in one of the service's own threads (pool_threads); when it has
 *  returned, resume() is called with arg as the result. Return EXTPROC_ACTION_WAIT after it. The
 *  transaction waits as with extproc_defer(), for as long as the section's `timeout` allows, and
 *  `drop` is called as there; if the transaction ends before a thread has begun, arg is dropped and
 *  fn is not called. fn gets no x: it may call what any thread may call. Example: plugins/gate.c.
 *  -EINVAL       fn is NULL
 *  -EAGAIN       the threads are busy, and 1024 calls wait already: arg stays the caller's
 *  -EOPNOTSUPP   as for extproc_defer()
 *  -EBUSY        the callback has deferred already */
static inline int extproc_work(struct extproc_txn *x, void (*fn)(void *arg), void *arg,
                               void (*drop)(struct extproc_instance *instance, void *arg))
{
    return x->api->work(x, fn, arg, drop);
}

/** In init(): calls fn(instance) repeatedly until fini(), the first time after `ms` milliseconds,
 *  and each time `ms` milliseconds after it has returned, in one of the service's own threads, so
 *  that it may block: to read keys or lists again, for example. Callbacks may read at the same time
 *  what it changes in instance->self. With extprocd -t it is not called.
 *  -EINVAL       ms is 0, or fn is NULL
 *  -EOPNOTSUPP   not in init() */
static inline int extproc_every(struct extproc_instance *instance, uint32_t ms,
                                void (*fn)(struct extproc_instance *instance))
{
    return instance->api->every(instance, ms, fn);
}

/** The action that belongs to the result of extproc_after() or extproc_work(): EXTPROC_ACTION_WAIT
 *  for 0, else EXTPROC_ACTION_FAIL. */
static inline enum extproc_action extproc_waiting(int r)
{
    return r == 0 ? EXTPROC_ACTION_WAIT : EXTPROC_ACTION_FAIL;
}

/* ---- conveniences ---------------------------------------------------------------------------- */

/** Zeroed memory that lives as long as the transaction, aligned for anything. Nothing frees it
 *  earlier, so do not allocate for every chunk of a long body. NULL: out of memory. */
static inline void *extproc_alloc(struct extproc_txn *x, size_t size)
{
    return x->api->alloc(x, size);
}

/** A copy that lives as long as the transaction, for x->ctx. A NUL follows it, outside len.
 *  ptr NULL: absent, or out of memory. */
static inline struct extproc_str extproc_keep(struct extproc_txn *x, struct extproc_str s)
{
    struct extproc_str copy = {NULL, 0};
    char *bytes = s.ptr ? (char *)extproc_alloc(x, s.len + 1) : NULL;
    if (bytes) {
        if (s.len)
            memcpy(bytes, s.ptr, s.len);
        copy.ptr = bytes;
        copy.len = s.len;
    }
    return copy;
}

/** Memory that lives until this callback returns, not zeroed, aligned for anything: for chunks of a
 *  long body. NULL: out of memory. */
static inline void *extproc_scratch(struct extproc_txn *x, size_t size)
{
    return x->api->scratch(x, size);
}

/** printf into extproc_scratch() memory. A NUL follows the text, outside len. ptr NULL: out of
 *  memory. */
EXTPROC_PRINTF(2, 3)
static inline struct extproc_str extproc_format(struct extproc_txn *x, const char *fmt, ...)
{
    va_list ap;
    struct extproc_str s;
    va_start(ap, fmt);
    s = x->api->vformat(x, fmt, ap);
    va_end(ap);
    return s;
}

/** The text of a template for this transaction; it lives until this callback returns. ptr NULL: out
 *  of memory. */
static inline struct extproc_str extproc_expand(struct extproc_txn *x,
                                                const struct extproc_template *t)
{
    return x->api->expand(x, t);
}

/** Writes a line to the service's log, with the section's name, the phase and the transaction
 *  (x-request-id, or an id that the host made). Repeated lines are limited: in ten seconds ten
 *  lines with the same text (numbers and ids aside) are written, and a hundred with the same fmt.
 *  The next one that is written, or a line when the service stops, says how many were
 *  suppressed. */
EXTPROC_PRINTF(3, 4)
static inline void extproc_log(struct extproc_txn *x, enum extproc_level level, const char *fmt,
                               ...)
{
    va_list ap;
    va_start(ap, fmt);
    x->api->vlog(x->instance, x, level, fmt, ap);
    va_end(ap);
}

/** extproc_log() with a text in place of a format; it may have any bytes. For the limit of repeated
 *  lines, those with the same `key` (any text that names this kind of line) count as the same; key
 *  absent: those with the same text. */
static inline void extproc_log_str(struct extproc_txn *x, enum extproc_level level,
                                   struct extproc_str key, struct extproc_str text)
{
    x->api->log(x->instance, x, level, key, text);
}

/** extproc_log_str() without a transaction. Any thread. */
static inline void extproc_instance_log_str(struct extproc_instance *instance,
                                            enum extproc_level level, struct extproc_str key,
                                            struct extproc_str text)
{
    instance->api->log(instance, NULL, level, key, text);
}

/** extproc_log() without a transaction. Any thread. */
EXTPROC_PRINTF(3, 4)
static inline void extproc_instance_log(struct extproc_instance *instance, enum extproc_level level,
                                        const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    instance->api->vlog(instance, NULL, level, fmt, ap);
    va_end(ap);
}

/** Adds n to a counter, or records n in a histogram. Any thread. m NULL: does nothing. */
static inline void extproc_metric_add(struct extproc_metric *m, uint64_t n)
{
    if (m)
        m->api->metric_add(m, n);
}

#pragma GCC diagnostic pop
#ifdef __cplusplus
}
#endif

/* This header is complete by itself. */
#if !defined EXTPROC_NEW_NAMES && defined __has_include
#    if __has_include(<extproc/old_names.h>)
#        include <extproc/old_names.h>
#    endif
#endif
#endif
