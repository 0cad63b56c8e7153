/* extproc plugin SDK: the complete contract between a plugin and the host, which is the program
 * that loads it (extprocd).
 *
 * A plugin is one shared object that exports one constant, extproc_plugin_v1. It calls nothing of
 * the host but the inline functions below, which go through the table in the handle that they get.
 * So it has no undefined host symbol, and links with -Wl,-z,defs.
 *
 * One transaction (an HTTP request and its response), as a plugin sees it:
 *
 *   init(instance)                    once for each [plugin:NAME] section
 *     open(x)                         before the first phase this instance takes part in
 *       request_headers(x)  request_body(x)...   request_trailers(x)
 *       response_headers(x) response_body(x)...  response_trailers(x)
 *     close(x, why)                   once after an open() that returned 0 or is NULL, always
 *   fini(instance)                    once after an init() that returned 0
 *
 *   Phases that the proxy does not send, or that no plugin takes part in, do not come. The two
 *   directions may interleave: response_headers can come before request_body, and also first of
 *   all. Never wait for a phase: close() is the end.
 *
 * Blocking.  Never block. One thread runs all transactions of a process: while a callback sleeps,
 *            waits for a lock or reads a socket, all other transactions wait too, and the proxy
 *            stops waiting after its message_timeout. With 50 ms in a callback, 40 of 40
 *            concurrent requests got a 5xx. What takes time belongs into init(), or into a thread
 *            of the plugin's own whose results a callback only reads.
 * Processes. The service may run in several processes, and each loads the plugin by itself:
 *            init() runs once for each section in each of them, and again whenever the service is
 *            started or tested (extprocd -t: instance->testing) or loads a new configuration. Two
 *            generations of a configuration can live in one process at the same time, each with
 *            instances of its own: keep state in instance->self and not in globals.
 * Threads.   Callbacks of one transaction never overlap, but may run on different threads. `self`
 *            is shared between transactions, `ctx` is not. Any thread may call
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
 *      if (EXTPROC_HAS(x, some_slot)) ... */
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

/** For printf: extproc_log(x, EXTPROC_LEVEL_INFO, "%.*s", EXTPROC_ARG(s)); */
#define EXTPROC_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

/** Byte for byte equal. Absent equals absent only. */
static inline bool extproc_eq(struct extproc_str a, struct extproc_str b)
{
    if (!a.ptr || !b.ptr)
        return !a.ptr && !b.ptr;
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/** An ASCII letter in lower case; all else as it is. */
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

/** Does this character of Unicode act on a terminal instead of being seen? Controls (C0, DEL, and
 *  C1:
 * U+009B begins a control sequence), separators of lines, and invisible format characters such as
 * bidirectional overrides, which make a line read as another one. For plugins that write lines of
 * their own: write such a character as an escape. The host's log does that by itself. */
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
    EXTPROC_MAP_ANSWER /* of extproc_respond(): for extproc_check_edit() only */
};

enum EXTPROC_ENUM(extproc_map_state) {
    EXTPROC_MAP_STATE_NOT_YET, /* may still come                                             */
    EXTPROC_MAP_STATE_NONE,    /* will not come, or nothing of it was kept                   */
    EXTPROC_MAP_STATE_OPEN,    /* here, and this callback may edit it                        */
    EXTPROC_MAP_STATE_GONE     /* here, read only: passed on, or not this callback's to edit */
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

/** What a callback returns. Anything else counts as EXTPROC_ACTION_FAIL and is logged. */
enum EXTPROC_ENUM(extproc_action) {
    EXTPROC_ACTION_CONTINUE, /* pass on to the next plugin                                */
    EXTPROC_ACTION_RESPOND,  /* extproc_respond() was called: stop the chain              */
    EXTPROC_ACTION_FAIL      /* apply this plugin's on_error policy                       */
};

/** EXTPROC_ACTION_CONTINUE if it went well, EXTPROC_ACTION_FAIL if not:
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
    EXTPROC_BODY_MODE_NONE,       /* it passes by unseen, or there is none               */
    EXTPROC_BODY_MODE_STREAMED,   /* chunk by chunk, one answer each                     */
    EXTPROC_BODY_MODE_WHOLE,      /* all of it, once                                     */
    EXTPROC_BODY_MODE_PARTIAL,    /* the first part; the rest passes by unseen           */
    EXTPROC_BODY_MODE_FULL_DUPLEX /* chunk by chunk, any number of answers               */
};

/** What headers say of the bytes of a body. */
enum EXTPROC_ENUM(extproc_form) {
    EXTPROC_FORM_UNKNOWN, /* the headers are not here: the proxy skips them              */
    EXTPROC_FORM_PLAIN,   /* complete, and as content-type says                          */
    EXTPROC_FORM_ENCODED, /* content-encoding: gzip, say                                 */
    EXTPROC_FORM_PARTIAL  /* one part or several: a 206, a request with content-range    */
};

/** How a plugin changes a body. */
enum EXTPROC_ENUM(extproc_change) {
    EXTPROC_CHANGE_EDIT,   /* it keeps its form: an encoded body stays encoded, a part a part */
    EXTPROC_CHANGE_REPLACE /* another body takes its place, complete and plain                */
};

enum EXTPROC_ENUM(extproc_level) {
    EXTPROC_LEVEL_DEBUG,
    EXTPROC_LEVEL_INFO,
    EXTPROC_LEVEL_WARN,
    EXTPROC_LEVEL_ERROR
};

/** Why a transaction ends. With `transport = grpc` a connection that is lost while a response is
 *  awaited is DONE: the gRPC core cannot distinguish it from the reset by which proxies end
 *  streams. */
enum EXTPROC_ENUM(extproc_end) {
    EXTPROC_END_DONE,         /* complete, as far as the proxy sends it in its modes   */
    EXTPROC_END_DISCONNECTED, /* cut in a direction: client gone, upstream reset, ...  */
    EXTPROC_END_FAILED,       /* an error here or a protocol violation                 */
    EXTPROC_END_DRAINED       /* the service stops                                     */
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

/** A node of an attribute or metadata tree. All zero: absent. Layout frozen. */
struct extproc_value {
    enum extproc_kind kind;
    union {
        bool boolean;
        double number;
        struct extproc_str string;
        const void *node; /* LIST, DICT: for extproc_value_at() and extproc_value_get() */
    } as;
};

/** Layout frozen. */
struct extproc_header {
    struct extproc_str name, value;
};

/** Layout frozen. */
struct extproc_field {
    struct extproc_str key;
    struct extproc_value value;
};

#define EXTPROC_NO_GRPC (-1)

/** An immediate response: it goes to the downstream client in place of what the upstream would send
 *  (envoy ImmediateResponse). Start from extproc_response_init(), which fills size and grpc_status.
 *  extproc_respond() copies everything, but a body with `release`: its bytes stay as they are until
 *  the host calls release(release_arg), exactly once, on the thread that handles the transaction,
 *  also where the response is refused or dropped. Of the headers of one name the first overwrites
 *  the proxy's own, the others are appended to it. */
struct extproc_response {
    uint32_t size;                        /* sizeof(struct extproc_response)                   */
    uint32_t status;                      /* 200..599                                          */
    struct extproc_str body;              /* any bytes; text/plain unless a header says other;
                                             none with a status that has no body               */
    struct extproc_str details;           /* UTF-8, for the access log; absent: section's name */
    const struct extproc_header *headers; /* in this order                                     */
    size_t n_headers;                     /* at most 100                                       */
    int32_t grpc_status; /* what a gRPC client gets; EXTPROC_NO_GRPC: from `status`            */
    void (*release)(void *); /* not NULL: the body is not copied                  */
    void *release_arg;
};

/* ---- handles: the host allocates them, and may let them grow at the end ---------------------- */

struct extproc_api;
struct extproc_metric { /* a counter or a histogram */
    const struct extproc_api *api;
};
struct extproc_file { /* a file that lines are appended to */
    const struct extproc_api *api;
};
struct extproc_template; /* a compiled text with %...% in it */

/** One configured instance: one [plugin:NAME] section of the ini file. */
struct extproc_instance {
    const struct extproc_api *api;
    void *self;   /* the plugin's, for init() to set                      */
    bool testing; /* extprocd -t: look at everything, connect to nothing */
};

/** One HTTP transaction as one plugin sees it. Read only, but for ctx. Where `observing` is true,
 *  what callbacks decide is accepted and has no effect: the proxy goes on as if nothing had been
 *  decided, and so does the chain.
 *
 *  `end` is what the proxy says: this message is the last one of its direction. `last` is what is
 *  known of the body: no byte of it comes after this callback. Where trailers follow, the last part
 *  of a body has `last` and not `end`:
 *      a complete body (EXTPROC_BODY_MODE_WHOLE, also one that a plugin has replaced): always true
 *      chunks (EXTPROC_BODY_MODE_STREAMED): true with `end`. Where trailers follow it is never
 *      true, since
 *          the proxy does not say which chunk is the last: the trailers callback is the first to
 *          know
 *      in a headers callback: true where the message has no body
 *      in a trailers callback: always true */
struct extproc_txn {
    const struct extproc_api *api;
    struct extproc_instance *instance;
    void *self;               /* instance->self                                            */
    void *ctx;                /* the plugin's, for any callback to set; NULL at first  */
    enum extproc_phase phase; /* of this callback; 0 in open() and close()             */
    enum extproc_body_mode body_mode; /* how this direction's body arrives                     */
    bool end;       /* nothing follows in this direction, neither body nor trailers */
    bool last;      /* no byte of this direction's body follows; see below          */
    bool observing; /* the proxy does not listen to answers                  */
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
    EXTPROC_KEY_TYPE_PATH      /* relative to the ini file that has it; extproc_conf():
                                  as it is to be opened                                  */
};
#define EXTPROC_KEY_REQUIRED 1u /* no fallback, and must be there                   */
#define EXTPROC_KEY_LIST     2u /* may be repeated; the order is kept               */
#define EXTPROC_KEY_SECRET   4u /* masked in dumps and logs                         */

/** A config key. The host refuses unknown keys and invalid values before init(). These names are
 *  reserved for the host, and a plugin that declares one does not load: file, mode, timeout,
 *  max_body, on_max_body, on_error, on_error_status, blocking, sha256, run, trusted, on_stream,
 *  strict, max_held, overload, and all that begin with `when.`, `unless.` or `host.`. */
struct extproc_key {
    const char *name; /* at most 48 bytes, without ':' and '='                  */
    enum extproc_key_type type;
    uint32_t flags;
    const char *fallback;  /* as it would stand in the file; NULL: absent unless given */
    const char *choices;   /* CHOICE: "one|two|three"                            */
    const char *help;      /* one sentence                                       */
    const char *min, *max; /* numbers: as they would stand in the file ("0", "64k", "150us"), and
                              are part of the range; NULL: no limit */
};

/* Bits of extproc_plugin.needs. An unknown bit is refused when the plugin is loaded.
 *
 * EXTPROC_WHOLE_REQUEST_BODY, EXTPROC_WHOLE_RESPONSE_BODY: the body callback gets the body
 *      complete, once, where there is a body. Where the proxy sends it otherwise, the plugin
 *      fails without being called, and the log names the setting: in the first message of the
 *      transaction that shows it where the body mode is NONE, unless extproc_skip() has named
 *      the phase, else in the body's phase. A STREAMED body that arrives in one chunk is
 *      complete. A message without a body, and a tunnel, pass.
 * EXTPROC_MUST_SEE_REQUEST_BODY, EXTPROC_MUST_SEE_RESPONSE_BODY: for plugins that inspect. No
 *      body passes this plugin unseen: where the proxy's body mode is NONE, or the message
 *      opens a tunnel (CONNECT, an upgrade), the downstream client gets a 403, unless
 *      extproc_skip() has named the phase; where the response has begun, the stream is
 *      closed. A message without a body passes. Needs the callback of that body. With
 *      EXTPROC_WHOLE_..., both hold.
 * EXTPROC_HEADERS_WAIT: the body callbacks edit headers. The proxy holds them only where its
 *      body mode is BUFFERED; elsewhere the plugin fails as above.
 * EXTPROC_READS_REQUEST: response callbacks read the request headers, so the proxy is asked
 *      for them.
 * EXTPROC_KEEPS_BODY: no headers callback calls extproc_body_set(). Whether a response has a
 *      body depends on the request's method, so the proxy is asked for the request headers
 *      too (--print-envoy-config), unless the plugin takes part in headers alone and says
 *      this.
 * EXTPROC_CLOSE_SEES_HEADERS: in close() the headers of both messages are still there, to
 *      read, as the last plugin left them: for access logs, which then need not copy anything
 *      in each phase. Costs one copy of the headers for each transaction. A map is NONE where
 *      its headers did not come, or where there was not enough memory. Trailers are not kept. */
#define EXTPROC_WHOLE_REQUEST_BODY     1u
#define EXTPROC_WHOLE_RESPONSE_BODY    2u
#define EXTPROC_MUST_SEE_REQUEST_BODY  4u
#define EXTPROC_MUST_SEE_RESPONSE_BODY 8u
#define EXTPROC_HEADERS_WAIT           16u
#define EXTPROC_READS_REQUEST          32u
#define EXTPROC_KEEPS_BODY             64u
#define EXTPROC_CLOSE_SEES_HEADERS     128u

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

/** What a plugin is. Only .abi and .name must be there. */
struct extproc_plugin {
    struct extproc_abi abi; /* EXTPROC_ABI                                   */
    const char *name, *version, *summary;
    const struct extproc_key *keys; /* ends with a NULL name; NULL: no keys          */
    uint64_t needs;                 /* EXTPROC_WHOLE_REQUEST_BODY, ...               */
    int (*init)(
        struct extproc_instance *instance); /* 0 or -errno: refuse to start                  */
    void (*fini)(struct extproc_instance *instance);
    int (*open)(struct extproc_txn *x); /* 0 or -errno: as if the phase had failed       */
    void (*close)(struct extproc_txn *x, enum extproc_end why);
    extproc_on_fn *request_headers; /* NULL: not interested */
    extproc_on_fn *request_body;
    extproc_on_fn *request_trailers;
    extproc_on_fn *response_headers;
    extproc_on_fn *response_body;
    extproc_on_fn *response_trailers;
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
    int (*fallback)(struct extproc_instance *, uint32_t phases, uint32_t deeds);
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
};

/* ---- the instance: in init(), and later too unless it says otherwise ------------------------- */

/** The i-th value of a declared key, in file order. A NUL follows the text, outside len.
 *  Lives as long as the instance. Of a PATH: as it is to be opened.
 *  ptr NULL: absent, or no such key. */
static inline struct extproc_str extproc_conf(struct extproc_instance *instance, const char *key,
                                              size_t i)
{
    return instance->api->conf_str(instance, key, i);
}

/** How often the key is given; 1 where its fallback stands in, 0 where it is absent. */
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
 *  invalid: "expected a colour such as red". Returns -EINVAL, for init() to return (after it has
 *  looked at the other
 *  values too); -EOPNOTSUPP outside init(). */
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

/** The same with a text that is there already. */
static inline int extproc_conf_refuse_str(struct extproc_instance *instance, const char *key,
                                          size_t i, struct extproc_str why)
{
    return instance->api->conf_refuse(instance, key, i, why);
}

/** In init(): compiles the i-th value, a text with %REQ(name)% and the like, for extproc_expand().
 *  Lives as long as the instance. NULL: it is absent or invalid, which was reported; init() returns
 *  -EINVAL. */
static inline struct extproc_template *extproc_conf_template(struct extproc_instance *instance,
                                                             const char *key, size_t i)
{
    struct extproc_str all = {NULL, 0};
    return instance->api->conf_template(instance, key, i, all);
}

/** The same for a text that is part of the i-th value, such as what follows a colon. */
static inline struct extproc_template *extproc_conf_template_part(struct extproc_instance *instance,
                                                                  const char *key, size_t i,
                                                                  struct extproc_str part)
{
    return instance->api->conf_template(instance, key, i, part);
}

/** Could extproc_header_edit() take this edit in some phase? EXTPROC_MAP_ANSWER: extproc_respond()
 *  this header? For what is known before its phase has come. Of the value only the characters are
 *  judged, so a template's text will do; absent: not known.
 *  -EINVAL       no such map or edit; the name, or a character of the value, is invalid
 *  -EPERM        it would have no effect anywhere */
static inline int extproc_check_edit(struct extproc_instance *instance, enum extproc_map map,
                                     enum extproc_edit op, struct extproc_str name,
                                     struct extproc_str value)
{
    return instance->api->check_edit(instance, map, op, name, value);
}

/** In init(): the same of an edit that a key's i-th value asks for. What no proxy of this service
 *  takes is reported at the key as an error, with what would allow it; what only some of its
 *  listeners' proxies take, as a warning. 0, or what extproc_conf_refuse() returns. */
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

/** In init(): this instance reads an attribute, by the name that the proxy knows it by
 *  ("source.address"), with extproc_attribute(). A proxy sends only the attributes that its
 *  configuration names; `extprocd --print-envoy-config` prints those that were asked for here, or
 *  in a template.
 *  -EINVAL       empty, or not UTF-8
 *  -EOPNOTSUPP   outside init() */
static inline int extproc_want_attribute(struct extproc_instance *instance, struct extproc_str name)
{
    return instance->api->want_attribute(instance, name);
}

/* Bits of extproc_want_metadata(). */
#define EXTPROC_READ  1u
#define EXTPROC_WRITE 2u

/** In init(): the same for a namespace of the proxy's dynamic metadata: EXTPROC_READ for
 *  extproc_metadata(), EXTPROC_WRITE for extproc_metadata_set(), or both (envoy ExternalProcessor,
 *  metadata_options).
 *  -EINVAL       an empty namespace, one that is not UTF-8, no bit or an unknown one
 *  -EOPNOTSUPP   outside init() */
static inline int extproc_want_metadata(struct extproc_instance *instance, struct extproc_str ns,
                                        uint32_t access)
{
    return instance->api->want_metadata(instance, ns, access);
}

/* What a plugin does in a fallback phase: bits for extproc_fallback(). */
#define EXTPROC_RESPONDS  1u /* extproc_respond()  */
#define EXTPROC_SETS_BODY 2u /* extproc_body_set() */

/** In init(): phases in which this instance can still do what it does in a headers phase of its
 *  interest. It is called in them only where the proxy has skipped the headers of that direction
 *  (request_header_mode or response_header_mode SKIP), and only where all that `deeds` names is
 *  possible. The proxy is not asked for them (--print-envoy-config). Where headers are skipped and
 *  no fallback is possible either, the host logs a warning, once for each plugin and listener.
 *  -EINVAL       a bit without a callback, a headers phase, or a phase of its interest (call
 *                extproc_interest() first); an unknown deed
 *  -EOPNOTSUPP   outside init() */
static inline int extproc_fallback(struct extproc_instance *instance, uint32_t phases,
                                   uint32_t deeds)
{
    return instance->api->fallback(instance, phases, deeds);
}

/** In init(): zeroed memory that lives as long as the instance, aligned for anything. The host
 *  frees it, after fini() or where init() failed. NULL: out of memory, or outside init(). */
static inline void *extproc_instance_alloc(struct extproc_instance *instance, size_t size)
{
    return instance->api->instance_alloc(instance, size);
}

/** In init(): a number that only grows. `name` is [a-z][a-z0-9_]*, the same name returns the same
 *  counter. NULL: outside init(), not such a name, or out of memory; extproc_metric_add() takes
 *  NULL. */
static inline struct extproc_metric *extproc_counter(struct extproc_instance *instance,
                                                     const char *name, const char *help)
{
    return instance->api->metric(instance, false, name, help);
}

/** In init(): a distribution of integers (milliseconds, bytes, ...). As extproc_counter(). */
static inline struct extproc_metric *extproc_histogram(struct extproc_instance *instance,
                                                       const char *name, const char *help)
{
    return instance->api->metric(instance, true, name, help);
}

/* ---- files ----------------------------------------------------------------------------------- */

/** In init(): the content of the file that a key's i-th value names, at most `max` bytes; it lives
 *  as long as the instance, and a NUL follows it, outside len. Only a regular file is read, so that
 *  init() never waits for a FIFO or a device. An empty file has len 0 and a ptr.
 *  ptr NULL: outside init(), or it cannot be read, which was reported with file, line and
 *  path; init() returns -EINVAL. */
static inline struct extproc_str extproc_read_file(struct extproc_instance *instance,
                                                   const char *key, size_t i, size_t max)
{
    return instance->api->read_file(instance, key, i, max);
}

/** In init(): opens the file that a key's i-th value names, for extproc_file_append(): a path (a
 *  regular file, created with 0640, a FIFO or a character device), or `stdout` or `stderr` for
 *  those of the service. The host opens it again after a rotation (signal USR1), and closes it
 *  after fini() or where init() failed. Where instance->testing is true it is only looked at, and
 *  nothing is created. NULL: outside init(), or it cannot be opened, which was reported;
 *  init() returns -EINVAL. The key's type is STR: `stdout` is not a path. */
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

/** The first value of a header, as the plugins before this one left it. Names match whatever their
 *  case; `host` finds `:authority` where there is no host. An empty value has len 0 and a ptr.
 *  ptr NULL: absent, or the map is not here. */
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

/** The i-th entry of a map, from 0, for loops. Places stay during a callback, so a loop that
 *  removes or sets headers skips none: the place of an entry that was removed in this callback has
 *  an empty name (len
 *  0) and an empty value. A set keeps the place of the first value, an append adds a place at the
 *  end. The next callback, of this plugin or another, sees the map without such gaps. Names are
 *  lower case. False: no such entry, or the map is not here; *ret is unchanged. */
static inline bool extproc_header_at(struct extproc_txn *x, enum extproc_map map, size_t i,
                                     struct extproc_header *ret)
{
    return x->api->header_at(x, map, i, ret);
}

/** Where a map stands. Headers are OPEN in their own phase and, where the proxy holds the message
 *  back until it has the answer (its body mode is BUFFERED), in the body phase; trailers in their
 *  own. In later phases, and in open(), a map is GONE. In close() every map is NONE (what is needed
 *  there goes into ctx); for plugins with EXTPROC_CLOSE_SEES_HEADERS the headers are GONE there. */
static inline enum extproc_map_state extproc_header_state(struct extproc_txn *x,
                                                          enum extproc_map map)
{
    return x->api->map_state(x, map);
}

/** Edits a header map. Compose freely: the next plugin sees the map edited, the proxy gets the sum.
 *  IF_ABSENT and IF_PRESENT look at what the proxy shows; with its forward_rules it may hide some.
 *  -EINVAL       no such map or edit; an invalid name or value (RFC 9110, section 5):
 *                blanks at an end of a value, a `:path` with `#` or a byte above 0x7f
 *  -EOPNOTSUPP   the map is not OPEN here: see extproc_header_state()
 *  -EPERM        it would have no effect, and the log says why: content-length (the host keeps it
 *                right), transfer-encoding, what belongs to one connection, a pseudo header's
 *                removal or second value; and what the proxy does not allow. By default these are
 *                host, :authority and :scheme, x-envoy-*, and :method unless the body has been
 *                replaced in this headers phase. `host` and `:authority` are one header
 *  -EPROTO       a `:status` that has no body (204, 205, 304) where a body may follow, or the other
 *                way round where content-length says that one does; a `:method` that becomes HEAD
 *                or CONNECT, or was one of them
 *  -ENOSPC       more than the proxy takes: by default 100 edits, 100 headers or 60 KiB */
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

/** Removes every header whose name begins with the prefix, whatever its case. All
 *  of them or, with an error, none. Only headers that the proxy shows are known: with its
 *  forward_rules it may hide some. Errors are those of extproc_header_edit(), of the first header
 *  that cannot be removed;
 *  -EINVAL also for an empty prefix. */
static inline int extproc_header_remove_prefix(struct extproc_txn *x, enum extproc_map map,
                                               struct extproc_str prefix)
{
    return x->api->remove_prefix(x, map, prefix);
}

/* ---- the body -------------------------------------------------------------------------------- */

/** In a body phase: the body, or the chunk, in hand, as the plugins before this one left it. Asking
 *  may copy (once, for all plugins), so do not ask in vain.
 *  ptr NULL: not in a body phase, or out of memory. An empty chunk has len 0 and a ptr. */
static inline struct extproc_str extproc_body(struct extproc_txn *x)
{
    return x->api->body(x);
}

/** Sends other bytes in place of what is in hand; any length, 0 clears it. They may be part of what
 *  extproc_body() returned.
 *  In a headers phase: replaces the complete body, whatever the body mode is, also where there was
 *  none. The next plugins get the new one in their body callbacks, immediately and complete; no
 *  plugin sees the old one (envoy CommonResponse, CONTINUE_AND_REPLACE). Its trailers pass unseen.
 *  In BUFFERED a request that has a content-length goes on once its old body has been received,
 *  because only then the proxy takes a new length.
 *  Some messages can have no body, whatever their headers say (RFC 9112, section 6.3): a response
 *  to HEAD, a 204, a 304, a tunnel (CONNECT, an upgrade that was accepted, the request of both).
 *  Body callbacks are not called for them. Where the proxy does not show the request's method, or
 *  for a 205, a response has a body once a byte of it has come: then it can be changed in body
 *  phases only.
 *  -EINVAL       ptr is NULL
 *  -ENODATA      in a headers phase: the message can have no body. extproc_continue() goes on.
 *  -EOPNOTSUPP   neither a headers nor a body phase, or a body mode in which the proxy takes none
 *  -ENOSPC       longer than an answer may be (max_queued of the listener), or content-length has
 *                to be set or removed then, and 100 sets and 100 removes were made */
static inline int extproc_body_set(struct extproc_txn *x, struct extproc_str bytes)
{
    return x->api->body_set(x, bytes, NULL, NULL);
}

/** The same without a copy: the bytes stay as they are until the host calls release(arg), exactly
 *  once, from any thread: when the phase is over, or immediately where this function fails. release
 *  NULL: they are copied. */
static inline int extproc_body_give(struct extproc_txn *x, struct extproc_str bytes,
                                    void (*release)(void *), void *arg)
{
    return x->api->body_set(x, bytes, release, arg);
}

/** What the headers of this phase's direction say of the body, as the plugins before this one left
 *  them. Text can be added to a body, or searched for in it, only where it is PLAIN. */
static inline enum extproc_form extproc_body_form(struct extproc_txn *x)
{
    return x->api->body_form(x);
}

/** In a headers phase: this plugin is going to change the body, in body callbacks that come after
 *  the headers have gone. What describes the old bytes is then removed: content-md5, digest,
 *  content-digest, repr-digest, accept-ranges, last-modified without an etag; a strong etag becomes
 *  a weak one. With EXTPROC_CHANGE_REPLACE also content-encoding and content-range, and a 206
 *  becomes a
 *  200. The same happens to a response to HEAD and to a 304, whose headers describe the body of
 *  another response; they lose content-length too. What this callback has edited before stays.
 *
 *  extproc_body_set() does all that by itself wherever it can: in a headers phase as for
 *  EXTPROC_CHANGE_REPLACE, and in a body phase as for EXTPROC_CHANGE_EDIT where headers are OPEN
 *  (body mode BUFFERED). So this call changes nothing where extproc_body_set() is going to do it,
 *  and nothing where the body cannot change: it is not sent to body callbacks, or there is none.
 *  Trailers lose their digests wherever the proxy sends them.
 *  -EINVAL       not such a change
 *  -EOPNOTSUPP   not in a headers phase
 *  -ENOSPC       more edits than the proxy takes */
static inline int extproc_body_changes(struct extproc_txn *x, enum extproc_change change)
{
    return x->api->body_changes(x, change);
}

/* ---- attributes and metadata ----------------------------------------------------------------- */

/** An attribute of the transaction, by its name ("source.address", ...), where the proxy's
 *  request_attributes or response_attributes have it (see extproc_want_attribute()); this
 *  direction's first, then the other's. The proxy sends them once, in a direction's first message,
 *  and the host keeps them for the phases after it. ABSENT in close(). */
static inline struct extproc_value extproc_attribute(struct extproc_txn *x, struct extproc_str name)
{
    return x->api->attribute(x, name);
}

/** The dynamic metadata of a namespace: a DICT, or ABSENT. What the proxy sent with this message
 *  (forwarding_namespaces), or where it sent none, before; over that, key by key, what plugins have
 *  set in this phase and earlier ones, be it sent back or not. ABSENT in close(). */
static inline struct extproc_value extproc_metadata(struct extproc_txn *x, struct extproc_str ns)
{
    return x->api->metadata(x, ns);
}

/** The i-th member, from 0, of a LIST (the key is absent) or of a DICT.
 *  False: no such member, neither list nor dict, or one that the host did not make, or not for this
 *  transaction; *ret is unchanged. */
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
/** Borrows the bytes: they must stay until the value has been passed to the host. */
static inline struct extproc_value extproc_string(struct extproc_str s)
{
    struct extproc_value v = extproc_null();
    v.kind = EXTPROC_KIND_STRING;
    v.as.string = s;
    return v;
}

/** A LIST of copies of these, until the callback returns. ABSENT: out of memory, an ABSENT member,
 *  a string that is not UTF-8, or nested more than 30 deep. */
static inline struct extproc_value extproc_list(struct extproc_txn *x,
                                                const struct extproc_value *items, size_t n)
{
    return x->api->list(x, items, n);
}

/** A DICT of copies of these; a key given twice has its last value. As extproc_list(); a key must
 *  be there, and be UTF-8. */
static inline struct extproc_value extproc_dict(struct extproc_txn *x,
                                                const struct extproc_field *fields, size_t n)
{
    return x->api->dict(x, fields, n);
}

/** Sends the proxy dynamic metadata: one key of a namespace in its receiving_namespaces; it drops
 *  other namespaces silently. Keys of several plugins are merged; of the same key the last one
 *  stays. It goes with the answer to this phase, also with one of extproc_respond(), and later
 *  callbacks see it in extproc_metadata().
 *  -EINVAL       an empty namespace or key, an ABSENT value, not UTF-8, nested more than 30 deep
 *  -EOPNOTSUPP   open() or close() */
static inline int extproc_metadata_set(struct extproc_txn *x, struct extproc_str ns,
                                       struct extproc_str key, struct extproc_value value)
{
    return x->api->metadata_set(x, ns, key, value);
}

/* ---- decisions ------------------------------------------------------------------------------- */

/** The proxy looks for the route again. It does so only for a plugin that edits a header in the
 *  same callback, as it would alone (envoy CommonResponse.clear_route_cache).
 *  -EOPNOTSUPP   not in request_headers, nor in request_body where headers are OPEN */
static inline int extproc_clear_route(struct extproc_txn *x)
{
    return x->api->clear_route(x);
}

/** Size and grpc_status filled in, the rest zero. */
static inline struct extproc_response extproc_response_init(void)
{
    struct extproc_response r;
    memset(&r, 0, sizeof r);
    r.size = (uint32_t)sizeof r;
    r.grpc_status = EXTPROC_NO_GRPC;
    return r;
}

/** Sends an immediate response; the callback returns what this returns. The next plugins do not
 *  run, what plugins edited in this phase is dropped, metadata stays, and no phase follows. Of
 *  several calls the last that was accepted counts; where the callback returns another action,
 *  none.
 *  EXTPROC_ACTION_FAIL, with a reason for the log: not in a phase; size or status is invalid; a
 *  body
 *  with a status that has none (extproc_status_has_body(); a 2xx to CONNECT); a header is invalid,
 *  or one that the proxy would ignore (as for extproc_header_edit()); details are not UTF-8; the
 *  body is longer than an answer may be (max_queued of the listener); or the response has already
 *  begun: in response_body where the body is STREAMED or the headers were skipped, in
 *  response_trailers, and in a request phase once the response's headers have passed and the proxy
 *  does not hold them back. */
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
 *  What is not named is zero, and a grpc_status of 0 is EXTPROC_NO_GRPC: for gRPC's OK
 *  call extproc_respond(). */
#    define extproc_reply(x, ...) extproc_reply_with((x), (struct extproc_response){__VA_ARGS__})
#endif

/** For the rest of this transaction the plugin does not take part in these phases (bits of enum
 *  extproc_phase). Also in open(). close() still comes.
 *  -EINVAL       not phases */
static inline int extproc_skip(struct extproc_txn *x, uint32_t phases)
{
    return x->api->skip(x, phases);
}

/** The callback fails, and this is why: `return extproc_fail(x, "no key %.*s", EXTPROC_ARG(id));`.
 *  The host logs it once the callback has returned EXTPROC_ACTION_FAIL (or open() an error), in one
 *  line that names plugin, phase and transaction; text from ${...} of the section is not shown.
 *  Without it the line names the last function with an x that was refused in this callback:
 *      request_headers failed: extproc_header_set("x hello"): invalid header name: contains a
 *      space */
EXTPROC_PRINTF(2, 3)
static inline enum extproc_action extproc_fail(struct extproc_txn *x, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    x->api->vfail(x, fmt, ap);
    va_end(ap);
    return EXTPROC_ACTION_FAIL;
}

/** The same with a text that is there already; key as for extproc_log_str(). */
static inline enum extproc_action extproc_fail_str(struct extproc_txn *x, struct extproc_str key,
                                                   struct extproc_str why)
{
    x->api->fail(x, key, why);
    return EXTPROC_ACTION_FAIL;
}

/** The last call with this x that was refused in this callback, and why, in words for a log line:
 *  `extproc_header_set("host"): the proxy would ignore it (...)`. For what goes on nevertheless. It
 *  has len
 *  0 and a ptr where no call was refused, and lives until the next call is refused. */
static inline struct extproc_str extproc_why(struct extproc_txn *x)
{
    return x->api->why(x);
}

/* ---- conveniences ---------------------------------------------------------------------------- */

/** Zeroed memory that lives as long as the transaction, aligned for anything. Never freed before:
 *  not for every chunk of a long body. NULL: out of memory. */
static inline void *extproc_alloc(struct extproc_txn *x, size_t size)
{
    return x->api->alloc(x, size);
}

/** A copy that lives as long as the transaction, for x->ctx. A NUL follows it, outside len. Absent
 *  stays absent; ptr NULL also: out of memory. */
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

/** Memory until this callback returns, not zeroed, aligned for anything: for chunks of a long body.
 *  NULL: out of memory. */
static inline void *extproc_scratch(struct extproc_txn *x, size_t size)
{
    return x->api->scratch(x, size);
}

/** printf into scratch memory. A NUL follows the text, outside len. ptr NULL: out of
 * memory. */
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

/** What a template says of this transaction; it stays as long as scratch memory. ptr NULL: out of
 * memory. */
static inline struct extproc_str extproc_expand(struct extproc_txn *x,
                                                const struct extproc_template *t)
{
    return x->api->expand(x, t);
}

/** A line in the service's log, with the section's name, the phase and x-request-id (or an id of
 *  the host's own). What repeats is limited: of the same text (numbers and ids aside) ten lines
 *  pass in ten seconds, of the same fmt a hundred, and the next one that passes, or the last line
 *  of the service, says how many did not. */
EXTPROC_PRINTF(3, 4)
static inline void extproc_log(struct extproc_txn *x, enum extproc_level level, const char *fmt,
                               ...)
{
    va_list ap;
    va_start(ap, fmt);
    x->api->vlog(x->instance, x, level, fmt, ap);
    va_end(ap);
}

/** The same with a text that is there already, any bytes. Lines with the same key (any text that
 *  names this kind of line) count as the same for the limit of repeated lines; key absent: lines
 *  with the same text do. */
static inline void extproc_log_str(struct extproc_txn *x, enum extproc_level level,
                                   struct extproc_str key, struct extproc_str text)
{
    x->api->log(x->instance, x, level, key, text);
}

/** The same without a transaction. Any thread. */
static inline void extproc_instance_log_str(struct extproc_instance *instance,
                                            enum extproc_level level, struct extproc_str key,
                                            struct extproc_str text)
{
    instance->api->log(instance, NULL, level, key, text);
}

/** The same without a transaction. Any thread. */
EXTPROC_PRINTF(3, 4)
static inline void extproc_instance_log(struct extproc_instance *instance, enum extproc_level level,
                                        const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    instance->api->vlog(instance, NULL, level, fmt, ap);
    va_end(ap);
}

/** Any thread. Adds to a counter, or records in a histogram. NULL does nothing. */
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
