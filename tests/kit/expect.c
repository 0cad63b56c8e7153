/* expect: what a test asks about a call. Once an allocation was made to fail nothing is
 * expected. */
#include "base/str.h"
#include "kit/alloc.h"
#include "kit/kit_private.h"
#include "kit/lines.h"

#include <string.h>

static const struct proxy_map *map_of(const struct kit_call *c, enum extproc_map map)
{
    switch (map) {
    case EXTPROC_MAP_REQUEST:
        return &c->sides[LANE_REQUEST].headers;
    case EXTPROC_MAP_REQUEST_TRAILERS:
        return &c->sides[LANE_REQUEST].trailers;
    case EXTPROC_MAP_RESPONSE:
        return &c->sides[LANE_RESPONSE].headers;
    case EXTPROC_MAP_RESPONSE_TRAILERS:
        return &c->sides[LANE_RESPONSE].trailers;
    case EXTPROC_MAP_IMMEDIATE_RESPONSE:
        break;
    }
    kit_fail(c, "there is no map %d", (int)map);
}

struct extproc_str kit_header(struct kit_call *c, enum extproc_map map, const char *name, size_t i)
{
    return proxy_get(map_of(c, map), extproc_str_of(name), i);
}

void kit_check_header(struct kit_call *c, enum extproc_map map, const char *name, const char *value)
{
    struct extproc_str is = kit_header(c, map, name, 0);
    if (alloc_has_failed())
        return;
    if (!value && is.ptr)
        kit_fail(c, "%s is \"%.*s\", not absent", name, EXTPROC_ARG(is));
    if (value && !is.ptr)
        kit_fail(c, "%s is absent, not \"%s\"", name, value);
    if (value && !str_eq_c(is, value))
        kit_fail(c, "%s is \"%.*s\", not \"%s\"", name, EXTPROC_ARG(is), value);
    if (kit_header(c, map, name, 1).ptr)
        kit_fail(c, "%s has a second value, \"%.*s\"", name,
                 EXTPROC_ARG(kit_header(c, map, name, 1)));
}

struct extproc_str kit_body_so_far(struct kit_call *c, enum lane lane)
{
    const struct kit_side *side = &c->sides[lane];
    return (struct extproc_str){side->body ? side->body : "", side->body_len};
}

uint64_t kit_body_len(struct kit_call *c, enum lane lane)
{
    return c->sides[lane].n_body;
}

void kit_check_body(struct kit_call *c, enum lane lane, const char *bytes)
{
    struct extproc_str is = kit_body_so_far(c, lane);
    if (!alloc_has_failed() && !str_eq_c(is, bytes))
        kit_fail(c, "the %s's body is \"%.*s\", not \"%s\"",
                 lane == LANE_REQUEST ? "request" : "response", EXTPROC_ARG(is), bytes);
}

size_t kit_n_answers(const struct kit_call *c)
{
    return c->n_answers;
}

const PbResponse *kit_answer(const struct kit_call *c)
{
    return c->last;
}

/* All three kinds of answers have a first member that is absent where nothing changes. */
void kit_check_unchanged(struct kit_call *c)
{
    if (alloc_has_failed())
        return;
    if (!c->last || c->immediate)
        kit_fail(c, "the last answer is %s", c->last ? "immediate" : "not there");
    if (c->last->request_headers->response || c->last->dynamic_metadata || c->last->mode_override)
        kit_fail(c, "the last answer changes something");
}

/* The details of a failed plugin are followed by the transaction's id in braces; a test cannot know
 * an id that the host has made. */
static bool has_details(const char *is, const char *wanted)
{
    size_t len = strcspn(is, "{"), id = strspn(is + len + (is[len] == '{'), "0123456789abcdef");
    bool made_up = id == 16 && strcmp(is + len + 1 + id, "}") == 0;
    return made_up ? strlen(wanted) == len && memcmp(is, wanted, len) == 0 : !strcmp(is, wanted);
}

void kit_check_immediate(struct kit_call *c, unsigned status, const char *body, const char *details)
{
    if (alloc_has_failed())
        return;
    if (!c->immediate)
        kit_fail(c, "there is no answer in place of the upstream's%s%s", c->why ? ", but: " : "",
                 c->why ? c->why : "");
    const PbImmediateResponse *r = c->last->immediate_response;
    struct extproc_str is = {r->body.data ? (const char *)r->body.data : "", r->body.len};
    if (!r->status || (unsigned)r->status->code != status)
        kit_fail(c, "answered with %d, not %u", r->status ? (int)r->status->code : 0, status);
    if (body && !str_eq_c(is, body))
        kit_fail(c, "answered with body \"%.*s\", not \"%s\"", EXTPROC_ARG(is), body);
    if (details && !has_details(r->details, details))
        kit_fail(c, "answered with details \"%s\", not \"%s\"", r->details, details);
}

void kit_check_failed(struct kit_call *c, enum status status, const char *text)
{
    if (alloc_has_failed())
        return;
    if (!c->finished)
        kit_fail(c, "the stream has not failed");
    if (c->status != status)
        kit_fail(c, "the stream ended with %d (%s), not %d", (int)c->status, c->why, (int)status);
    if (text && !strstr(c->why, text))
        kit_fail(c, "the stream ended with \"%s\", which has no \"%s\"", c->why, text);
}

void kit_check_going(struct kit_call *c)
{
    if (alloc_has_failed())
        return;
    if (c->finished)
        kit_fail(c, "the stream ended with %d (%s)", (int)c->status, c->why);
    if (c->immediate)
        kit_fail(c, "it was answered in place of the upstream's");
}

static struct extproc_str metadata_text(const struct kit_call *c, const char *ns, const char *key)
{
    const struct metadata_entry *entry =
        metadata_find(&c->metadata, extproc_str_of(ns), extproc_str_of(key));
    return entry ? entry->value.as.string : STR_ABSENT;
}

void kit_check_metadata(struct kit_call *c, const char *ns, const char *key, const char *value)
{
    struct extproc_str is = metadata_text(c, ns, key);
    if (!alloc_has_failed() && !extproc_eq(is, extproc_str_of(value)))
        kit_fail(c, "metadata %s: %s is \"%.*s\", not \"%s\"", ns, key, EXTPROC_ARG(is),
                 value ? value : "(absent)");
}

void kit_check_log(struct kit_call *c, const char *text, bool wanted)
{
    const char *log = kit_log(c->kit);
    if (!alloc_has_failed() && lines_have(log, text) != wanted)
        kit_fail(c, "the log has %s \"%s\":\n%s", wanted ? "no" : "a", text, log);
}
