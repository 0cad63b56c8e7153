/* listener: one [listener:NAME] section, typed.
 *
 * Valid keys are read even if others are invalid, so that all mistakes are reported together.
 */
#include "process/listen/listener.h"

#include "base/config/exposed.h"
#include "base/rows.h"
#include "base/str.h"

#include <grp.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MODES "auto|NONE|STREAMED|BUFFERED|BUFFERED_PARTIAL|FULL_DUPLEX_STREAMED|GRPC"
ROWS(BODY_MODES, N_BODY_MODES, 6);

const struct extproc_key listener_keys[] = {
    {.name = "address",
     .flags = EXTPROC_KEY_REQUIRED,
     .help = "127.0.0.1:50051, [::1]:50051 or unix:/run/extprocd/extprocd.sock."},
    {.name = "socket_mode", .fallback = "0660", .help = "Permissions of a unix socket, octal."},
    {.name = "socket_group", .help = "Group of a unix socket."},
    {.name = "tls_cert",
     .help = "PEM file: the certificate, and the intermediate certificates up to its CA."},
    {.name = "tls_key", .help = "PEM file: the key of the certificate."},
    {.name = "tls_client_ca",
     .help = "PEM file: CA certificates; every client must present a certificate signed by one of "
             "them."},
    {.name = "tls_client_names",
     .flags = EXTPROC_KEY_LIST,
     .help = "DNS names or URIs, separated by commas; a client's certificate must have one of "
             "them."},
    {.name = "request_body_mode",
     .type = EXTPROC_KEY_TYPE_CHOICE,
     .fallback = "auto",
     .choices = BODY_MODES,
     .help = "The proxy's mode, for proxies that do not send it (no protocol_config)."},
    {.name = "response_body_mode",
     .type = EXTPROC_KEY_TYPE_CHOICE,
     .fallback = "auto",
     .choices = BODY_MODES,
     .help = "The proxy's mode, for proxies that do not send it (no protocol_config)."},
    {.name = "mutation_rules",
     .flags = EXTPROC_KEY_LIST,
     .help = "What the proxy's mutation_rules allow beyond its default, separated by commas: "
             "all_routing (host, :authority, :scheme, :method) and envoy (x-envoy-*)."},
    {.name = "proxy_max_headers",
     .type = EXTPROC_KEY_TYPE_INT,
     .fallback = "100",
     .min = "1",
     .max = "2147483647",
     .help =
         "Headers that the proxy takes in a message (its max_headers_count), and in an answer."},
    {.name = "proxy_max_header_bytes",
     .type = EXTPROC_KEY_TYPE_SIZE,
     .fallback = "60k",
     .min = "1k",
     .max = "8m",
     .help = "Size of all headers of a message that the proxy takes (its max_request_headers_kb)."},
    {.name = "max_message",
     .type = EXTPROC_KEY_TYPE_SIZE,
     .fallback = "16m",
     .min = "1k",
     .max = "2147483647",
     .help = "Size of a message; a BUFFERED body is one message."},
    {.name = "max_header_list",
     .type = EXTPROC_KEY_TYPE_SIZE,
     .fallback = "64k",
     .min = "1k",
     .max = "2147483647",
     .help = "Size of the metadata of a stream."},
    {.name = "max_streams",
     .type = EXTPROC_KEY_TYPE_INT,
     .fallback = "1024",
     .min = "1",
     .max = "2147483647",
     .help = "Open streams of a connection."},
    {.name = "max_connections",
     .type = EXTPROC_KEY_TYPE_INT,
     .fallback = "4096",
     .min = "1",
     .max = "2147483647",
     .help = "Open connections; when it is reached, the longest idle one is closed for a new one."},
    {.name = "idle_timeout",
     .type = EXTPROC_KEY_TYPE_DURATION,
     .fallback = "1h",
     .help = "Time without a stream after which a connection is closed; 0s: never."},
    {.name = "max_connection_age",
     .type = EXTPROC_KEY_TYPE_DURATION,
     .fallback = "0s",
     .help = "Age at which a connection is drained; 0s: never."},
    {.name = "max_connection_age_grace",
     .type = EXTPROC_KEY_TYPE_DURATION,
     .fallback = "0s",
     .help = "Time after max_connection_age for open streams to finish; 0s: any time."},
    {.name = "handshake_timeout",
     .type = EXTPROC_KEY_TYPE_DURATION,
     .fallback = "10s",
     .min = "1ms",
     .max = "2147483647ms",
     .help = "Time for a new connection to complete TLS and the HTTP/2 preface."},
    {.name = "first_message_timeout",
     .type = EXTPROC_KEY_TYPE_DURATION,
     .fallback = "10s",
     .min = "1ms",
     .max = "2147483647ms",
     .help = "Time for the first message of a stream; and the longest silence inside a frame, "
             "header block or message."},
    {.name = "write_timeout",
     .type = EXTPROC_KEY_TYPE_DURATION,
     .fallback = "30s",
     .min = "1ms",
     .max = "2147483647ms",
     .help =
         "Longest time without progress in sending the queued answers of a stream or connection."},
    {.name = "max_queued",
     .type = EXTPROC_KEY_TYPE_SIZE,
     .fallback = "128m",
     .min = "1m",
     .help = "Bytes of queued answers of a connection."},
    {.name = "stream_window",
     .type = EXTPROC_KEY_TYPE_SIZE,
     .fallback = "1m",
     .min = "65535",
     .max = "2147483647",
     .help = "HTTP/2 flow-control window of a stream: bytes that the proxy may send ahead."},
    {.name = "max_continuations",
     .type = EXTPROC_KEY_TYPE_INT,
     .fallback = "8",
     .min = "1",
     .max = "1024",
     .help = "CONTINUATION frames of a header block."},
    {.name = "max_resets",
     .fallback = "4096 in 8s",
     .help = "Rate of streams of a connection that are reset before they are answered."},
    {.name = "max_idle_frames",
     .fallback = "1024 in 16s",
     .help = "Rate of frames of a connection without content: PING, SETTINGS, PRIORITY, empty or "
             "padded DATA, unknown types, WINDOW_UPDATE beyond what was sent."},
    {.name = NULL},
};

const struct config_entry *listener_entry(const struct listener *l, const char *key)
{
    const struct keys_slot *slot = keys_find(&l->keys, key);
    return slot && slot->n_values ? slot->values[0].entry : NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

void listener_say_invalid(const struct listener *l, const char *key, struct arena *arena,
                          struct config_errors *errors, const char *expected)
{
    const struct config_entry *entry = listener_entry(l, key);
    config_say(errors, CONFIG_ERROR, l->section, entry, "invalid value %s: expected %s",
               config_quote(arena, entry, keys_text(&l->keys, key)), expected);
}

static void read_address(struct listener *l, struct arena *arena, struct config_errors *errors)
{
    const char *text = keys_text(&l->keys, "address").ptr, *why;
    if (text && !address_parse(text, &l->address, &why))
        listener_say_invalid(l, "address", arena, errors, why);
}

static void read_socket(struct listener *l, struct arena *arena, struct config_errors *errors)
{
    struct extproc_str mode = keys_text(&l->keys, "socket_mode");
    const char *group = keys_text(&l->keys, "socket_group").ptr;
    unsigned long bits = mode.ptr ? strtoul(mode.ptr, NULL, 8) : 0;
    if (mode.ptr &&
        (!mode.len || mode.len > 4 || strspn(mode.ptr, "01234567") != mode.len || bits > 0777))
        listener_say_invalid(l, "socket_mode", arena, errors, "octal permissions such as 0660");
    l->socket_mode = (mode_t)bits;
    l->socket_group = (gid_t)-1;
    if (group) {
        const struct group *g = getgrnam(group);
        if (g)
            l->socket_group = g->gr_gid;
        else
            listener_say_invalid(l, "socket_group", arena, errors, "a group of this machine");
    }
}

static enum body_mode read_mode(const struct listener *l, const char *key)
{
    int64_t choice = keys_number(&l->keys, key); /* auto, then the modes in the proto's order */
    return choice == 0 ? BODY_MODE_UNKNOWN : (enum body_mode)(choice - 1);
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* Those that only transports with TRANSPORT_OWN_LIMITS have; or else for a price, and on demand:
 * the gRPC core's own timer takes half a kilobyte and a twentieth of the instructions of each
 * call. */
static const struct own_limit {
    const char *key;
    bool on_demand;
} own_limits[] = {
    {"max_connections", false},   {"handshake_timeout", false}, {"first_message_timeout", false},
    {"write_timeout", false},     {"max_queued", false},        {"stream_window", false},
    {"max_continuations", false}, {"max_resets", false},        {"max_idle_frames", false},
    {"idle_timeout", true},
};

static const struct own_limit *find_own_limit(const char *key)
{
    for (size_t i = 0; i < sizeof own_limits / sizeof *own_limits; i++)
        if (strcmp(own_limits[i].key, key) == 0)
            return &own_limits[i];
    return NULL;
}

/* For a transport without them: they are not part of the configuration in effect, which -T
 * prints. */
static void drop_own_limits(struct listener *l, const struct transport_ops *transport,
                            struct config_errors *errors)
{
    for (size_t i = 0; i < l->keys.n_slots; i++) {
        struct keys_slot *slot = &l->keys.slots[i];
        const struct own_limit *limit = find_own_limit(slot->key->name);
        bool said = slot->n_values && slot->values[0].entry;
        if (!limit || (limit->on_demand && said))
            continue;
        if (said)
            config_say(errors, CONFIG_WARNING, l->section, slot->values[0].entry,
                       "has no effect: transport = %s has no such limit", transport->name);
        slot->n_values = 0;
    }
}

/* "N in DURATION". */
static bool parse_rate(struct extproc_str text, struct arena *arena, struct budget_rate *ret)
{
    static const struct extproc_key count = {
        .type = EXTPROC_KEY_TYPE_INT, .min = "1", .max = "2147483647"};
    static const struct extproc_key period = {
        .type = EXTPROC_KEY_TYPE_DURATION, .min = "1ms", .max = "2147483647ms"};
    const char *in = strstr(text.ptr, " in "), *why;
    int64_t n, period_us;
    if (!in)
        return false;
    struct extproc_str first = {text.ptr, (size_t)(in - text.ptr)};
    if (!keys_parse(&count, first, arena, &n, &why) ||
        !keys_parse(&period, extproc_str_of(in + strlen(" in ")), arena, &period_us, &why))
        return false;
    *ret = (struct budget_rate){(uint32_t)n, (uint32_t)(period_us / 1000)};
    return true;
}

static void read_rate(struct listener *l, const char *key, struct arena *arena,
                      struct config_errors *errors, struct budget_rate *ret)
{
    struct extproc_str text = keys_text(&l->keys, key);
    if (text.ptr && !parse_rate(text, arena, ret))
        listener_say_invalid(l, key, arena, errors, "COUNT in DURATION, such as 1000 in 10s");
}

static struct extproc_str shown_value(const struct listener *l, const char *key)
{
    return config_shown(listener_entry(l, key), keys_text(&l->keys, key));
}

/* At the key that the operator has written. */
static void check_max_queued(const struct listener *l, struct config_errors *errors)
{
    const struct config_entry *queued = listener_entry(l, "max_queued");
    const struct config_entry *message = listener_entry(l, "max_message");
    if (l->transport.limits.max_queued &&
        l->transport.limits.max_queued < l->transport.limits.max_message)
        config_say(
            errors, CONFIG_ERROR, l->section, queued ? queued : message,
            "max_queued (%.*s%s) must be at least max_message (%.*s%s), because one answer may "
            "be as large as a message",
            EXTPROC_ARG(shown_value(l, "max_queued")), queued ? "" : ", its default",
            EXTPROC_ARG(shown_value(l, "max_message")), message ? "" : ", its default");
}

static void read_limits(struct listener *l, struct arena *arena, struct config_errors *errors)
{
    const struct keys *keys = &l->keys;
    l->transport.limits = (struct transport_limits){
        .max_message = (size_t)keys_number(keys, "max_message"),
        .max_header_list = (size_t)keys_number(keys, "max_header_list"),
        .max_streams = (uint32_t)keys_number(keys, "max_streams"),
        .max_connections = (uint32_t)keys_number(keys, "max_connections"),
        .idle_ms = (uint64_t)keys_ms(keys, "idle_timeout"),
        .age_ms = (uint64_t)keys_ms(keys, "max_connection_age"),
        .grace_ms = (uint64_t)keys_ms(keys, "max_connection_age_grace"),
        .first_message_ms = (uint64_t)keys_ms(keys, "first_message_timeout"),
        .handshake_ms = (uint64_t)keys_ms(keys, "handshake_timeout"),
        .write_ms = (uint64_t)keys_ms(keys, "write_timeout"),
        .max_queued = (size_t)keys_number(keys, "max_queued"),
        .stream_window = (size_t)keys_number(keys, "stream_window"),
        .max_continuations = (uint32_t)keys_number(keys, "max_continuations"),
    };
    read_rate(l, "max_resets", arena, errors, &l->transport.limits.resets);
    read_rate(l, "max_idle_frames", arena, errors, &l->transport.limits.idles);
    if (l->transport.limits.grace_ms && !l->transport.limits.age_ms)
        config_say(errors, CONFIG_WARNING, l->section,
                   listener_entry(l, "max_connection_age_grace"),
                   "has no effect without max_connection_age");
    check_max_queued(l, errors);
}

/* ---- TLS ------------------------------------------------------------------------------------- */

/* NULL: out of memory. */
static const char **read_names(const struct keys_slot *slot, struct arena *arena, size_t *ret_n)
{
    size_t most = 0, n = 0;
    for (size_t i = 0; i < slot->n_values; i++)
        most += slot->values[i].text.len;
    const char **names = arena_alloc(arena, (most + 1) * sizeof *names);
    for (size_t i = 0; names && i < slot->n_values; i++) {
        struct extproc_str list = slot->values[i].text, name;
        while (extproc_split(&list, ',', &name)) {
            name = extproc_trim(name);
            if (name.len && !(names[n++] = arena_format(arena, "%.*s", EXTPROC_ARG(name)).ptr))
                return NULL;
        }
    }
    *ret_n = n;
    return names;
}

/* As in the transport: a URI with such segments matches nothing that ends with a "*". */
static bool has_dot_segment(struct extproc_str uri)
{
    return memmem(uri.ptr, uri.len, "/./", 3) || memmem(uri.ptr, uri.len, "/../", 4);
}

/* What is wrong with a name; NULL: nothing. A "*" is a wildcard only at the end; in the middle of a
 * host it would match hosts of other owners. */
static const char *client_name_wrong(struct extproc_str name)
{
    const char *star = memchr(name.ptr, '*', name.len);
    const char *host = memmem(name.ptr, name.len, "://", 3), *end = name.ptr + name.len;
    if (!star)
        return NULL;
    if (name.len == 1)
        return "remove the key to accept any certificate signed by tls_client_ca";
    if (star + 1 < end)
        return "a * is allowed at the end only";
    if (host && !memchr(host + 3, '/', (size_t)(end - host) - 3))
        return "a * is allowed in the path of a URI, not in its host";
    if (host && has_dot_segment(name))
        return "a path with dot segments before a * matches no certificate";
    return NULL;
}

static void check_client_names(const struct listener *l, const struct keys_value *value,
                               struct arena *arena, struct config_errors *errors)
{
    struct extproc_str list = value->text, name;
    while (extproc_split(&list, ',', &name)) {
        name = arena_copy(arena, extproc_trim(name));
        const char *wrong = name.len ? client_name_wrong(name) : NULL;
        if (wrong)
            config_say(errors, CONFIG_ERROR, l->section, value->entry, "invalid name %s: %s",
                       config_quote(arena, value->entry, name), wrong);
    }
}

static void read_client_names(struct listener *l, struct arena *arena, struct config_errors *errors)
{
    const struct keys_slot *slot = keys_find(&l->keys, "tls_client_names");
    if (!slot || slot->n_values == 0)
        return;
    l->transport.tls.client_names = read_names(slot, arena, &l->transport.tls.n_client_names);
    if (!l->transport.tls.client_names)
        config_say(errors, CONFIG_ERROR, l->section, NULL, "out of memory");
    else if (l->transport.tls.n_client_names == 0)
        config_say(errors, CONFIG_ERROR, l->section, listener_entry(l, "tls_client_names"),
                   "empty list: remove the key to accept any certificate signed by tls_client_ca");
    for (size_t i = 0; i < slot->n_values; i++)
        check_client_names(l, &slot->values[i], arena, errors);
    if (!l->transport.tls.client_ca && l->transport.tls.n_client_names > 0)
        config_say(errors, CONFIG_ERROR, l->section, listener_entry(l, "tls_client_names"),
                   "tls_client_ca is missing: without it clients need not present a certificate");
}

static bool is_hidden(const struct listener *l, const char *key)
{
    const struct config_entry *entry = listener_entry(l, key);
    return entry && entry->hidden;
}

static const char *read_path(const struct listener *l, const char *key, struct arena *arena)
{
    const char *path = keys_text(&l->keys, key).ptr;
    return path ? config_path(arena, listener_entry(l, key), path) : NULL;
}

static void read_tls(struct listener *l, struct arena *arena, struct config_errors *errors)
{
    struct transport_tls *tls = &l->transport.tls;
    *tls = (struct transport_tls){
        .cert = read_path(l, "tls_cert", arena),
        .key = read_path(l, "tls_key", arena),
        .client_ca = read_path(l, "tls_client_ca", arena),
        .hidden =
            is_hidden(l, "tls_cert") || is_hidden(l, "tls_key") || is_hidden(l, "tls_client_ca"),
    };
    if (tls->cert && !tls->key)
        config_say(errors, CONFIG_ERROR, l->section, listener_entry(l, "tls_cert"),
                   "tls_key is missing: the file with the private key of this certificate");
    if (tls->key && !tls->cert)
        config_say(errors, CONFIG_ERROR, l->section, listener_entry(l, "tls_key"),
                   "tls_cert is missing: the file with the certificate of this key");
    if (tls->client_ca && !tls->cert)
        config_say(
            errors, CONFIG_ERROR, l->section, listener_entry(l, "tls_client_ca"),
            "tls_cert and tls_key are missing: without TLS no client presents a certificate");
    read_client_names(l, arena, errors);
}

/* Who else may change them, or read the key. */
static void check_exposed(const struct listener *l, struct arena *arena,
                          struct config_errors *errors)
{
    static const char *const names[] = {"tls_cert", "tls_key", "tls_client_ca"};
    const char *const files[] = {l->transport.tls.cert, l->transport.tls.key,
                                 l->transport.tls.client_ca};
    const char *key = l->transport.tls.key;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (files[i])
            exposed_warn(files[i], arena, l->section, listener_entry(l, names[i]), errors);
    }
    if (exposed_to_readers(key)) {
        struct extproc_str shown = config_shown(listener_entry(l, "tls_key"), extproc_str_of(key));
        config_say(errors, CONFIG_WARNING, l->section, listener_entry(l, "tls_key"),
                   "%.*s is readable by all users (chmod o-r %.*s)", EXTPROC_ARG(shown),
                   EXTPROC_ARG(shown));
    }
}

/* Can the transport use the files? */
static void check_tls(const struct listener *l, const struct transport_ops *transport,
                      struct arena *arena, struct config_errors *errors)
{
    const struct transport_tls *tls = &l->transport.tls;
    const char *file = NULL, *why = transport->check_tls(tls, arena, &file);
    const char *key = file == tls->client_ca ? "tls_client_ca"
                      : file == tls->key     ? "tls_key"
                                             : "tls_cert";
    if (why)
        config_say(errors, CONFIG_ERROR, l->section, listener_entry(l, key), "%.*s: %s",
                   EXTPROC_ARG(config_shown(listener_entry(l, key), extproc_str_of(file))), why);
}

static void check_transport_tls(const struct listener *l, const struct transport_ops *transport,
                                struct arena *arena, struct config_errors *errors)
{
    if (l->transport.tls.cert && !(transport->features & TRANSPORT_TLS))
        config_say(errors, CONFIG_ERROR, l->section, listener_entry(l, "tls_cert"),
                   "TLS needs transport = h2, and transport is %s", transport->name);
    else if (l->transport.tls.cert && l->transport.tls.key) {
        check_exposed(l, arena, errors);
        check_tls(l, transport, arena, errors);
    }
}

/* ---- the section ----------------------------------------------------------------------------- */

void listener_read(struct config_section *s, const struct transport_ops *transport,
                   struct arena *arena, struct config_errors *errors, struct listener *ret)
{
    const struct keys_table table = {listener_keys, sizeof listener_keys[0]};
    ret->session.name = ret->transport.name = s->name;
    ret->session.rules = &ret->proxy.rules;
    ret->transport.fd = -1;
    ret->section = s;
    keys_check(s, table, arena, errors, &ret->keys);
    keys_unknown(s, &table, 1, errors);
    read_address(ret, arena, errors);
    read_socket(ret, arena, errors);
    ret->session.modes[LANE_REQUEST] = read_mode(ret, "request_body_mode");
    ret->session.modes[LANE_RESPONSE] = read_mode(ret, "response_body_mode");
    if (transport && !(transport->features & TRANSPORT_OWN_LIMITS))
        drop_own_limits(ret, transport, errors);
    listener_read_proxy(ret, arena, errors);
    read_limits(ret, arena, errors);
    read_tls(ret, arena, errors);
    if (transport)
        check_transport_tls(ret, transport, arena, errors);
}
