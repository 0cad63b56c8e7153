/* representation: the table of headers that describe bytes, and what becomes of each.
 *
 * What stays, because it is still true or because only the author of the new bytes can know better:
 * content-type and content-language, vary, Want-* (a wish, not a description), and last-modified
 * beside an entity tag, since revalidation goes on to work. Without an entity tag a client may
 * resume a download by the date (RFC 9110, section 13.1.5), and would join old bytes to new ones.
 *
 * A 206 whose body is replaced becomes a 200: its content-range would be wrong, and a 206 without
 * one is not HTTP. To a request for a range a 200 is always a right response.
 */
#include "http/rules/representation.h"

#include "base/str.h"
#include "http/rules/framing.h"

#include <errno.h>
#include <string.h>

enum { STATUS_PARTIAL = 206 };

/* When a header is removed. */
enum {
    WHEN_CHANGED = 1,  /* whatever was done to the bytes             */
    WHEN_REPLACED = 2, /* all of them are others                     */
    WHEN_BODILESS = 4, /* no bytes come, and it is said how many would */
    OF_RESPONSE = 8    /* it means this in responses alone           */
};

static const struct {
    struct extproc_str name;
    unsigned when;
} removed[] = {
    {EXTPROC_STR("content-md5"), WHEN_CHANGED},
    {EXTPROC_STR("digest"), WHEN_CHANGED},
    {EXTPROC_STR("content-digest"), WHEN_CHANGED},
    {EXTPROC_STR("repr-digest"), WHEN_CHANGED},
    {EXTPROC_STR("unencoded-digest"), WHEN_CHANGED},
    {EXTPROC_STR("accept-ranges"), WHEN_CHANGED | OF_RESPONSE},
    {EXTPROC_STR("content-encoding"), WHEN_REPLACED},
    {EXTPROC_STR("content-range"), WHEN_REPLACED},
    {EXTPROC_STR("content-length"), WHEN_BODILESS},
};

/* ---- what is said ---------------------------------------------------------------------------- */

static bool is_encoded(const struct headers *h)
{
    struct extproc_str coding;
    for (size_t i = 0; (coding = headers_get(h, EXTPROC_S("content-encoding"), i)).ptr; i++) {
        if (coding.len > 0 && !extproc_eq_nocase(coding, EXTPROC_S("identity")))
            return true;
    }
    return false;
}

static bool is_partial(const struct headers *h, bool response)
{
    if (response)
        return framing_status(headers_get(h, EXTPROC_S(":status"), 0)) == STATUS_PARTIAL;
    return headers_get(h, EXTPROC_S("content-range"), 0).ptr;
}

enum extproc_form representation_form(const struct headers *h, bool response)
{
    if (is_partial(h, response))
        return EXTPROC_FORM_PARTIAL;
    return is_encoded(h) ? EXTPROC_FORM_ENCODED : EXTPROC_FORM_PLAIN;
}

static bool strong(struct extproc_str tag)
{
    return tag.ptr && !extproc_has_prefix(tag, EXTPROC_S("W/"));
}

struct extproc_str representation_stale(const struct headers *h, bool response)
{
    struct extproc_str etag = headers_get(h, EXTPROC_S("etag"), 0),
                       date = EXTPROC_S("last-modified");
    for (size_t i = 0; i < sizeof removed / sizeof *removed; i++) {
        if ((removed[i].when & WHEN_CHANGED) && (response || !(removed[i].when & OF_RESPONSE)) &&
            headers_get(h, removed[i].name, 0).ptr)
            return removed[i].name;
    }
    if (response && strong(etag))
        return EXTPROC_S("etag");
    return response && !etag.ptr && headers_get(h, date, 0).ptr ? date : STR_ABSENT;
}

/* ---- what becomes of it ---------------------------------------------------------------------- */

struct work {
    struct headers *headers;
    struct arena *arena;
    const struct representation_change *change;
};

/* It is there, and describes the old bytes. */
static bool is_stale(const struct work *w, struct extproc_str name)
{
    return headers_get(w->headers, name, 0).ptr &&
           !headers_touched(w->headers, w->change->since, name);
}

/* value absent: removes the header. */
static int change(const struct work *w, struct extproc_str name, struct extproc_str value)
{
    struct headers_edit edit;
    if (!rules_host_edit(w->change->rules, w->headers, w->change->owes_length, name, value, &edit))
        return -ENOSPC;
    return headers_apply(w->headers, w->arena, &edit);
}

static int remove_stale(const struct work *w, struct extproc_str name)
{
    return is_stale(w, name) ? change(w, name, STR_ABSENT) : 0;
}

static int remove_all(const struct work *w)
{
    const struct representation_change *change = w->change;
    unsigned now = WHEN_CHANGED | (change->replaced ? WHEN_REPLACED : 0) |
                   (change->bodiless ? WHEN_BODILESS : 0);
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof removed / sizeof *removed; i++) {
        if ((removed[i].when & now) && (change->response || !(removed[i].when & OF_RESPONSE)))
            r = remove_stale(w, removed[i].name);
    }
    return r;
}

/* An entity tag still distinguishes versions, but no longer identifies the exact bytes of each. */
static int weaken_etag(const struct work *w)
{
    struct extproc_str name = EXTPROC_S("etag"), tag = headers_get(w->headers, name, 0);
    if (!is_stale(w, name) || !strong(tag))
        return 0;
    if (!extproc_has_prefix(tag, EXTPROC_S("\"")) ||
        headers_get(w->headers, name, 1).ptr) /* it never was one */
        return change(w, name, STR_ABSENT);
    char *weak = arena_alloc(w->arena, tag.len + 2);
    if (!weak)
        return -ENOMEM;
    memcpy(weak, "W/", 2);
    memcpy(weak + 2, tag.ptr, tag.len);
    return change(w, name, (struct extproc_str){weak, tag.len + 2});
}

static int remove_date(const struct work *w)
{
    if (headers_get(w->headers, EXTPROC_S("etag"), 0).ptr)
        return 0;
    return remove_stale(w, EXTPROC_S("last-modified"));
}

static int complete(const struct work *w)
{
    struct extproc_str type = headers_get(w->headers, EXTPROC_S("content-type"), 0);
    struct extproc_str status = EXTPROC_S(":status");
    if (!w->change->replaced || !is_partial(w->headers, true))
        return 0;
    if (extproc_has_prefix(type, EXTPROC_S("multipart/byteranges"))) {
        int r = remove_stale(w, EXTPROC_S("content-type"));
        if (r < 0)
            return r;
    }
    return is_stale(w, status) ? change(w, status, EXTPROC_S("200")) : 0;
}

int representation_change(struct headers *h, struct arena *arena,
                          const struct representation_change *change)
{
    struct work w = {h, arena, change};
    uint32_t mark = headers_mark(h);
    int r = remove_all(&w);
    if (r == 0 && change->response)
        r = weaken_etag(&w);
    if (r == 0 && change->response)
        r = remove_date(&w);
    if (r == 0 && change->response)
        r = complete(&w);
    if (r < 0)
        headers_rewind(h, mark);
    return r;
}
