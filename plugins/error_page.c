/* error_page - replaces the body of errors, for people and for programs.
 *
 *     [plugin:errors]
 *     file = error_page.so
 *     status = 404                    ; repeated; 5xx stands for 500 to 599
 *     status = 5xx
 *     html = pages/error.html         ; the file for each type of body: one of them, or more
 *     json = pages/error.json
 *     text = pages/error.txt
 *     templates = yes                 ; the files have %STATUS%, %REQ(x-request-id)% and the like in
 *                                     ; them, and a percent sign is written %%; default: no
 *
 * The status stays. Of the types that are there the client gets what its `accept` prefers;
 * without one that it accepts, the first in the order above. Headers that describe the old body are
 * removed, and `vary: accept` is added where there is a choice. Responses to HEAD get the headers
 * alone; gRPC's responses stay as they are.
 *
 * It sees the responses that come to this chain: those of the upstream and, as far as the proxy
 * shows them (Envoy from 1.37 on does), the proxy's own, such as 404 without a route or 503 without
 * an upstream. Immediate responses of plugins do not come here. Where responses should be replaced
 * after other plugins have read them, this plugin is the first of the chain.
 *
 * Teaches: replacing a body in the headers phase, whatever its mode; content negotiation. */
#include "lib/vary.h"

#include <extproc/text.h>

#include <stdio.h>

enum { FILE_MAX = 4 * 1024 * 1024, N_TYPES = 3, Q_ONE = 1000 };

static const struct type {
    const char *key;
    struct extproc_str name, sent;
} types[N_TYPES] = {
    {"html", EXTPROC_STR("text/html"), EXTPROC_STR("text/html; charset=utf-8")},
    {"json", EXTPROC_STR("application/json"), EXTPROC_STR("application/json")},
    {"text", EXTPROC_STR("text/plain"), EXTPROC_STR("text/plain; charset=utf-8")},
};

#define PAGE_KEY(key, text)                                                                        \
    {                                                                                              \
        .name = key, .type = EXTPROC_KEY_TYPE_PATH, .help = text                                   \
    }

static const struct extproc_key keys[] = {
    {.name = "status",
     .flags = EXTPROC_KEY_LIST | EXTPROC_KEY_REQUIRED,
     .help = "A status whose bodies are replaced, 400 to 599, or 4xx or 5xx."},
    PAGE_KEY("html", "File of at most 4m for clients that prefer text/html."),
    PAGE_KEY("json", "File of at most 4m for clients that prefer application/json."),
    PAGE_KEY("text", "File of at most 4m for clients that prefer text/plain."),
    {.name = "templates",
     .type = EXTPROC_KEY_TYPE_BOOL,
     .fallback = "no",
     .help = "The files are templates."},
    {.name = NULL},
};

struct page {
    bool here;
    struct extproc_str bytes;
    struct extproc_template *template; /* in place of bytes */
};

/* x->ctx, where the body is replaced once it is there. */
struct late {
    const struct page *page;
    bool begun;
};

struct error_page {
    struct page pages[N_TYPES];
    size_t n_pages;
    bool statuses[200]; /* from 400 on */
};

/* ---- what a client accepts (RFC 9110, section 12.5.1) ---------------------------------------- */

/* A quality in thousandths: `0.25` is 250. What is not one counts as 0. */
static unsigned quality(struct extproc_str s)
{
    unsigned q = 0, unit = Q_ONE;
    for (size_t i = 0; i < s.len && i < sizeof "1.000" - 1; i++) {
        if (i == 1 && s.ptr[i] == '.')
            continue;
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return 0;
        q += (unsigned)(s.ptr[i] - '0') * unit;
        unit /= 10;
    }
    return q > Q_ONE ? Q_ONE : q;
}

/* How closely a range of types describes a type: 0 not at all, 3 by its name. */
static unsigned closeness(struct extproc_str range, struct extproc_str type)
{
    struct extproc_str major = type, of;
    if (extproc_eq(range, EXTPROC_S("*/*")))
        return 1;
    if (extproc_eq_nocase(range, type))
        return 3;
    extproc_split(&major, '/', &of);
    bool all = range.len == of.len + 2 && range.ptr[of.len] == '/' && range.ptr[of.len + 1] == '*';
    return all && extproc_eq_nocase(extproc_first(range, of.len), of) ? 2 : 0;
}

/* One element: `text/html;level=1;q=0.5`. */
static void weigh(struct extproc_str element, struct extproc_str type, unsigned *closest,
                  unsigned *ret)
{
    struct extproc_str rest = element, part, name;
    unsigned q = Q_ONE;
    if (!extproc_split(&rest, ';', &part))
        return;
    unsigned close = closeness(extproc_trim(part), type);
    while (extproc_split(&rest, ';', &part)) {
        if (extproc_split(&part, '=', &name) &&
            extproc_eq_nocase(extproc_trim(name), EXTPROC_S("q")))
            q = part.ptr ? quality(extproc_trim(part)) : 0;
    }
    if (close > *closest) {
        *closest = close;
        *ret = q;
    }
}

/* How much the client wants this type. */
static unsigned wanted(struct extproc_txn *x, struct extproc_str type)
{
    struct extproc_str line, element, name = EXTPROC_S("accept");
    unsigned closest = 0, q = 0;
    for (size_t i = 0; (line = extproc_header_nth(x, EXTPROC_MAP_REQUEST, name, i)).ptr; i++) {
        while (extproc_split(&line, ',', &element))
            weigh(extproc_trim(element), type, &closest, &q);
    }
    return q;
}

/* The place of the page that the client gets. */
static size_t choose(struct extproc_txn *x)
{
    const struct error_page *self = x->self;
    size_t best = N_TYPES;
    unsigned most = 0;
    for (size_t i = 0; i < N_TYPES; i++) {
        unsigned q = self->pages[i].here ? wanted(x, types[i].name) : 0;
        if (self->pages[i].here && (best == N_TYPES || q > most)) {
            best = i;
            most = q;
        }
    }
    return best;
}

/* ---- responses ------------------------------------------------------------------------------- */

/* What the headers say of the old body, beside what extproc_body_set() removes itself. */
static int describe(struct extproc_txn *x, const struct type *type)
{
    static const struct extproc_str old[] = {
        EXTPROC_STR("etag"),
        EXTPROC_STR("last-modified"),
        EXTPROC_STR("content-language"),
        EXTPROC_STR("content-location"),
        EXTPROC_STR("content-disposition"),
    };
    const struct error_page *self = x->self;
    int r = 0;
    for (size_t i = 0; i < sizeof old / sizeof old[0] && r == 0; i++)
        r = extproc_header_remove(x, EXTPROC_MAP_RESPONSE, old[i]);
    if (r == 0)
        r = extproc_header_set(x, EXTPROC_MAP_RESPONSE, EXTPROC_S("content-type"), type->sent);
    if (r == 0 && self->n_pages > 1)
        r = vary_add(x, EXTPROC_S("accept"));
    return r;
}

static bool is_error(struct extproc_txn *x)
{
    const struct error_page *self = x->self;
    struct extproc_str s = extproc_header_get(x, EXTPROC_MAP_RESPONSE, EXTPROC_S(":status"));
    struct extproc_str type =
        extproc_header_get(x, EXTPROC_MAP_RESPONSE, EXTPROC_S("content-type"));
    size_t code = 0;
    for (size_t i = 0; i < s.len && i < 3; i++)
        code = code * 10 + (size_t)(s.ptr[i] - '0');
    return s.len == 3 && code >= 400 && code < 600 && self->statuses[code - 400] &&
           !extproc_has_prefix(type, EXTPROC_S("application/grpc"));
}

static struct extproc_str text_of(struct extproc_txn *x, const struct page *page)
{
    return page->template ? extproc_expand(x, page->template) : page->bytes;
}

/* The proxy has not shown the request, so this may be a response to HEAD: whether there is a body
 * is known once a byte of it is there. */
static enum extproc_action replace_later(struct extproc_txn *x, size_t i)
{
    if (x->end || x->body_mode == EXTPROC_BODY_MODE_NONE)
        return EXTPROC_ACTION_CONTINUE;
    struct late *late = extproc_alloc(x, sizeof *late);
    if (!late)
        return EXTPROC_ACTION_FAIL;
    late->page = &((const struct error_page *)x->self)->pages[i];
    x->ctx = late;
    return extproc_continue(describe(x, &types[i]));
}

static enum extproc_action on_response(struct extproc_txn *x)
{
    const struct error_page *self = x->self;
    if (!is_error(x))
        return EXTPROC_ACTION_CONTINUE;
    size_t i = choose(x);
    struct extproc_str body = text_of(x, &self->pages[i]);
    bool shown = extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S(":method")).ptr;
    int r = body.ptr ? extproc_body_set(x, body) : -ENOMEM;
    if (r == -ENODATA && !shown)
        return replace_later(x, i);
    if (r < 0 && r != -ENODATA) /* a response to HEAD has the headers of the one to GET */
        return EXTPROC_ACTION_FAIL;
    return extproc_continue(describe(x, &types[i]));
}

static enum extproc_action on_body(struct extproc_txn *x)
{
    struct late *late = x->ctx;
    if (!late)
        return EXTPROC_ACTION_CONTINUE;
    struct extproc_str body = late->begun ? EXTPROC_S("") : text_of(x, late->page);
    late->begun = true;
    return body.ptr ? extproc_continue(extproc_body_set(x, body)) : EXTPROC_ACTION_FAIL;
}

/* ---- configuration --------------------------------------------------------------------------- */

static int read_page(struct extproc_instance *instance, const char *key, struct page *page)
{
    if (!extproc_conf_count(instance, key))
        return 0;
    page->here = true;
    page->bytes = extproc_read_file(instance, key, 0, FILE_MAX);
    if (!page->bytes.ptr)
        return -EINVAL;
    if (!extproc_conf_int(instance, "templates", 0))
        return 0;
    page->template = extproc_conf_template_part(instance, key, 0, page->bytes);
    return page->template ? 0 : -EINVAL;
}

static int read_status(struct extproc_instance *instance, size_t i, bool statuses[200])
{
    struct extproc_str s = extproc_conf(instance, "status", i);
    bool all = s.len == 3 && s.ptr[1] == 'x' && s.ptr[2] == 'x';
    bool one =
        s.len == 3 && s.ptr[1] >= '0' && s.ptr[1] <= '9' && s.ptr[2] >= '0' && s.ptr[2] <= '9';
    if (!(all || one) || (s.ptr[0] != '4' && s.ptr[0] != '5'))
        return extproc_conf_refuse(instance, "status", i,
                                   "expected a status from 400 to 599, 4xx or 5xx");
    size_t from = (size_t)(s.ptr[0] - '4') * 100;
    if (all)
        memset(statuses + from, true, 100);
    else
        statuses[from + (size_t)(s.ptr[1] - '0') * 10 + (size_t)(s.ptr[2] - '0')] = true;
    return 0;
}

/* By its method a response is known that the proxy makes before it has shown the request. */
static int take_part(struct extproc_instance *instance)
{
    int r = extproc_interest(instance, EXTPROC_PHASE_RESPONSE_HEADERS);
    if (r == 0)
        r = extproc_fallback(instance, EXTPROC_PHASE_RESPONSE_BODY, EXTPROC_SETS_BODY);
    return r < 0 ? r : extproc_want_attribute(instance, EXTPROC_S("request.method"));
}

static int init(struct extproc_instance *instance)
{
    struct error_page *self = extproc_instance_alloc(instance, sizeof *self);
    int r = 0;
    if (!self)
        return -ENOMEM;
    instance->self = self;
    for (size_t i = 0; i < extproc_conf_count(instance, "status"); i++)
        r = read_status(instance, i, self->statuses) < 0 ? -EINVAL : r;
    for (size_t i = 0; i < N_TYPES; i++) {
        int read = read_page(instance, types[i].key, &self->pages[i]);
        r = r ? r : read;
        self->n_pages += self->pages[i].here;
    }
    if (self->n_pages == 0)
        return extproc_conf_refuse(instance, "html", 0, "missing: expected html, json or text");
    return r < 0 ? r : take_part(instance);
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "error_page",
    .version = "1.0",
    .summary = "Replaces the body of errors.",
    .keys = keys,
    .needs = EXTPROC_READS_REQUEST,
    .init = init,
    .response_headers = on_response,
    .response_body = on_body,
};
