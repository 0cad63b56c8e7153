/* redirect - sends clients elsewhere: all of them, or those who ask for a path of a list.
 *
 *     [plugin:moved]
 *     file = redirect.so
 *     map = redirects.map             ; a file of lines: /old /new, or /old /new 301
 *     to = https://new.example%PATH%  ; a template: where all other requests go; without it, they
 *                                     ; pass
 *     status = 301                    ; or 302 (the default), 303, 307, 308
 *     query = keep                    ; the request's query is appended, unless the target has one;
 *                                     ; or drop: the target has none but its own
 *
 * In the file, empty lines and lines that begin with # are skipped. What is asked for is compared
 * as it is: first with its query, then without. The target is a path or a URL, in the characters
 * that a URL may have; a third word is the status of this line. The file is read again when it has
 * changed (lib/live_file.h), so that a list can be kept by others than those who run the service: a
 * mistake in it costs a line of the log, with its number.
 *
 * A client cannot make a target into another host: where a path of the request begins the target,
 * `//other.example` and `/\other.example` lead to the path of one slash.
 *
 * Teaches: an immediate response with a header; a table that is looked up while a thread may
 * replace it. */
#include "lib/live_table.h"

#include <extproc/text.h>

enum { MAP_MAX = 16 * 1024 * 1024 };

static const struct extproc_key keys[] = {
    {.name = "to", .help = "Where requests go, a template: a path or a URL."},
    {.name = "map",
     .type = EXTPROC_KEY_TYPE_PATH,
     .help = "File of at most 16m with lines: PATH TARGET, or PATH TARGET STATUS."},
    {.name = "status",
     .type = EXTPROC_KEY_TYPE_CHOICE,
     .fallback = "302",
     .choices = "301|302|303|307|308",
     .help = "HTTP status."},
    {.name = "query",
     .type = EXTPROC_KEY_TYPE_CHOICE,
     .fallback = "keep",
     .choices = "keep|drop",
     .help = "The request's query: append it to a target that has none, or drop it."},
    {.name = NULL},
};

/* In the order of the choices. */
static const uint32_t statuses[] = {301, 302, 303, 307, 308};
enum { N_STATUSES = sizeof statuses / sizeof statuses[0] };

struct redirect {
    struct extproc_template *to; /* NULL: not configured */
    bool may_be_host;            /* it begins with a slash or a template: see above */
    bool has_map;
    struct live_file map;
    uint32_t status;
    bool drops_query, cuts_query; /* cuts: that of a path in a template */
};

/* ---- the map --------------------------------------------------------------------------------- */

struct entry {
    struct extproc_str from, to;
    uint32_t status; /* 0: the section's */
};

static int compare(const void *a, const void *b)
{
    const struct extproc_str *x = &((const struct entry *)a)->from;
    const struct extproc_str *y = &((const struct entry *)b)->from;
    int order = memcmp(x->ptr, y->ptr, x->len < y->len ? x->len : y->len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* The characters that a URL may have (RFC 3986), so that they mean the same to all who read it. */
static bool is_target(struct extproc_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] >= 0x7f || strchr("\"<>\\^`{|}", s.ptr[i]))
            return false;
    }
    return s.len > 0;
}

static bool read_status(struct extproc_str word, uint32_t *ret)
{
    for (size_t i = 0; i < N_STATUSES && word.len == 3; i++) {
        uint32_t s = statuses[i];
        if (word.ptr[0] == '3' && word.ptr[1] == '0' && word.ptr[2] == (char)('0' + s % 10)) {
            *ret = s;
            return true;
        }
    }
    return word.len == 0;
}

/* NULL, or what is wrong. */
static const char *read_entry(char *text, struct extproc_str line, void *ret_entry)
{
    struct entry *ret = ret_entry;
    *ret = (struct entry){.from = live_file_word(&line)};
    ret->to = live_file_word(&line);
    struct extproc_str status = live_file_word(&line);
    if (ret->from.ptr[0] != '/')
        return "a path begins with /";
    if (!is_target(ret->to))
        return ret->to.len ? "invalid character in the target: expected a path or a URL"
                           : "missing target: expected PATH TARGET";
    if (extproc_eq(ret->from, ret->to))
        return "a path would redirect to itself";
    if (!read_status(status, &ret->status))
        return "invalid status: expected 301, 302, 303, 307 or 308";
    return live_file_word(&line).len ? "expected PATH TARGET STATUS" : NULL;
}

static void *map_parse(struct extproc_str text, size_t *ret_line, const char **ret_why)
{
    static const struct live_table_kind kind = {sizeof(struct entry), read_entry, compare,
                                                "a path occurs twice"};
    return live_table_parse(&kind, text, ret_line, ret_why);
}

static const struct live_file_kind map_kind = {MAP_MAX, map_parse, live_table_release};

static void refresh(struct extproc_instance *instance)
{
    struct redirect *self = instance->self;
    live_file_refresh(&self->map);
}

/* ---- requests -------------------------------------------------------------------------------- */

/* In scratch memory; ptr NULL: it is not in the list, or out of memory. */
static struct extproc_str look_up(struct extproc_txn *x, struct extproc_str path,
                                  uint32_t *ret_status)
{
    struct redirect *self = x->self;
    struct extproc_str none = {NULL, 0}, found = none;
    const struct entry key = {.from = path};
    const struct live_table *map = live_file_begin(&self->map);
    const struct entry *e = bsearch(&key, map->entries, map->n, sizeof *e, compare);
    if (e) {
        found = extproc_format(x, "%.*s", EXTPROC_ARG(e->to));
        if (e->status)
            *ret_status = e->status;
    }
    live_file_end(&self->map);
    return found;
}

/* What was expanded from the request must not name a host where the operator named none. */
static struct extproc_str keep_host(struct extproc_str target)
{
    size_t n = 0;
    while (n < target.len && (target.ptr[n] == '/' || target.ptr[n] == '\\'))
        n++;
    return n > 1 ? extproc_from(target, n - 1) : target;
}

/* Where all requests go. ptr NULL: out of memory. */
static struct extproc_str expand(struct extproc_txn *x)
{
    const struct redirect *self = x->self;
    struct extproc_str target = extproc_trim(extproc_expand(x, self->to));
    const char *mark = target.len && self->cuts_query ? memchr(target.ptr, '?', target.len) : NULL;
    if (mark)
        target.len = (size_t)(mark - target.ptr);
    return target.len && self->may_be_host ? keep_host(target) : target;
}

static struct extproc_str add_query(struct extproc_txn *x, struct extproc_str target,
                                    struct extproc_str query)
{
    const char *fragment = memchr(target.ptr, '#', target.len);
    size_t n = fragment ? (size_t)(fragment - target.ptr) : target.len;
    struct extproc_str before = extproc_first(target, n), after = extproc_from(target, n);
    if (memchr(before.ptr, '?', before.len))
        return target;
    return extproc_format(x, "%.*s%.*s%.*s", EXTPROC_ARG(before), EXTPROC_ARG(query),
                          EXTPROC_ARG(after));
}

static enum extproc_action send(struct extproc_txn *x, uint32_t status, struct extproc_str target)
{
    struct extproc_header location = {EXTPROC_S("location"), target};
    return extproc_reply(x, .status = status, .headers = &location, .n_headers = 1);
}

static enum extproc_action on_request(struct extproc_txn *x)
{
    const struct redirect *self = x->self;
    struct extproc_str path = extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S(":path"));
    const char *mark = path.len ? memchr(path.ptr, '?', path.len) : NULL;
    size_t n = mark ? (size_t)(mark - path.ptr) : path.len;
    struct extproc_str target = {NULL, 0}, query = extproc_from(path, n);
    uint32_t status = self->status;
    if (self->has_map && path.ptr)
        target = look_up(x, path, &status);
    if (target.ptr) /* it is for this query */
        return send(x, status, target);
    if (self->has_map && query.len)
        target = look_up(x, extproc_first(path, n), &status);
    if (!target.ptr && !self->to)
        return EXTPROC_ACTION_CONTINUE;
    if (!target.ptr)
        target = expand(x);
    if (target.ptr && query.len && !self->drops_query)
        target = add_query(x, target, query);
    return target.ptr ? send(x, status, target) : EXTPROC_ACTION_FAIL;
}

/* ---- configuration --------------------------------------------------------------------------- */

static int read_to(struct extproc_instance *instance, struct redirect *self)
{
    struct extproc_str text = extproc_conf(instance, "to", 0), host = EXTPROC_S("//");
    if (!text.ptr)
        return self->has_map
                   ? 0
                   : extproc_conf_refuse(instance, "to", 0, "missing: expected to, map, or both");
    self->may_be_host =
        !extproc_has_prefix(text, host) && (text.ptr[0] == '/' || text.ptr[0] == '%');
    self->cuts_query = self->drops_query && !memchr(text.ptr, '?', text.len);
    self->to = extproc_conf_template(instance, "to", 0);
    return self->to ? 0 : -EINVAL;
}

static void fini(struct extproc_instance *instance)
{
    struct redirect *self = instance->self;
    live_file_fini(&self->map);
}

static int init(struct extproc_instance *instance)
{
    struct redirect *self = extproc_instance_alloc(instance, sizeof *self);
    if (!self)
        return -ENOMEM;
    instance->self = self;
    self->status = statuses[extproc_conf_int(instance, "status", 0)];
    self->drops_query = extproc_conf_int(instance, "query", 0) == 1;
    self->has_map = extproc_conf_count(instance, "map") > 0;
    int map = self->has_map ? live_file_open(&self->map, instance, "map", &map_kind, refresh) : 0;
    int to = read_to(instance, self);
    if (map < 0 || to < 0) /* then fini() is not called */
        fini(instance);
    return map < 0 ? map : to;
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "redirect",
    .version = "1.0",
    .summary = "Sends clients elsewhere.",
    .keys = keys,
    .needs = EXTPROC_KEEPS_BODY,
    .init = init,
    .fini = fini,
    .request_headers = on_request,
};
