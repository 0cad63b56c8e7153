/* api_decide: what a plugin decides for the complete transaction.
 *
 * A decision counts only from the callback in which it was made. A call that is refused leaves
 * earlier decisions unchanged.
 */
#include "base/str.h"
#include "http/rules/rules.h"
#include "plugin/api/setup/refused.h"
#include "plugin/api/txn/api_txn.h"
#include "plugin/run/handle.h"

#include <errno.h>
#include <stdio.h>

int api_clear_route(struct extproc_txn *x)
{
    struct turn *turn = handle_turn(handle_of(x));
    if (!turn || !(turn->allowed & MAY_CLEAR_ROUTE))
        return handle_refuse(handle_of(x), "extproc_clear_route", STR_ABSENT, -EOPNOTSUPP);
    turn->decided.clears_route = true;
    return 0;
}

int api_skip(struct extproc_txn *x, uint32_t phases)
{
    if (phases & ~(uint32_t)ALL_PHASES)
        return handle_refuse_why(handle_of(x), "extproc_skip", STR_ABSENT, -EINVAL,
                                 "a bit that is not a phase");
    struct handle *h = handle_of(x);
    if (h->txn->turn)
        undo_skip(h->txn->turn, h, (uint8_t)phases);
    return 0;
}

/* ---- failing --------------------------------------------------------------------------------- */

void api_vfail(struct extproc_txn *x, const char *fmt, va_list ap)
{
    char text[REFUSAL_TEXT];
    if (!fmt)
        return;
    vsnprintf(text, sizeof text, fmt, ap);
    handle_fail(handle_of(x), extproc_str_of(fmt), extproc_str_of(text));
}

void api_fail(struct extproc_txn *x, struct extproc_str key, struct extproc_str why)
{
    handle_fail(handle_of(x), key, why);
}

struct extproc_str api_why(struct extproc_txn *x)
{
    const struct turn *turn = handle_of(x)->txn->turn;
    return turn && !turn->refused.said ? extproc_str_of(turn->refused.text) : EXTPROC_S("");
}

/* ---- an answer of one's own ------------------------------------------------------------------ */

EXTPROC_PRINTF(3, 4)
static int respond_refuse(struct handle *h, int error, const char *fmt, ...)
{
    char why[REFUSAL_TEXT];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    return handle_refuse_why(h, "extproc_respond", STR_ABSENT, error, why);
}

static const struct rules_context in_answer = {.map = EXTPROC_MAP_IMMEDIATE_RESPONSE};

static int header_check(const struct handle *h, const struct extproc_header *header)
{
    if (!header->name.ptr || !header->value.ptr)
        return -EINVAL;
    return rules_could_edit(h->txn->rules, &in_answer, EXTPROC_EDIT_APPEND, header->name,
                            header->value);
}

static struct extproc_str header_why(const struct handle *h, const struct extproc_header *header,
                                     int error)
{
    return refused_edit(handle_scratch(h), h->txn->rules, &in_answer, EXTPROC_EDIT_APPEND,
                        header->name, header->value, error);
}

static int response_check(struct handle *h, const struct extproc_response *response)
{
    if (response->status < 200 || response->status > 599)
        return respond_refuse(h, -EINVAL, "invalid status %u: expected 200 to 599",
                              (unsigned)response->status);
    if (response->body.len > 0 && !framing_may_answer(&h->txn->request, response->status))
        return respond_refuse(h, -EINVAL, "a response with status %u has no body%s",
                              (unsigned)response->status,
                              h->txn->request.connect ? " (the request is CONNECT)" : "");
    if (response->grpc_status < EXTPROC_NO_GRPC)
        return respond_refuse(h, -EINVAL, "invalid grpc_status %d", (int)response->grpc_status);
    if (response->details.ptr && !extproc_is_utf8(response->details))
        return respond_refuse(h, -EINVAL, "details are not UTF-8");
    if (txn_exceeds_answer(h->txn, response->body.len))
        return respond_refuse(h, -ENOSPC, "body of %zu bytes exceeds max_queued (%zu)",
                              response->body.len, h->txn->max_answer);
    if (response->n_headers > h->txn->rules->max_entries)
        return respond_refuse(h, -ENOSPC, "%zu headers exceed %zu, the most that %s accepts",
                              response->n_headers, h->txn->rules->max_entries,
                              h->txn->rules->proxy);
    if (response->n_headers > 0 && !response->headers)
        return respond_refuse(h, -EINVAL, "headers is NULL");
    for (size_t i = 0; i < response->n_headers; i++) {
        const struct extproc_header *header = &response->headers[i];
        int r = header_check(h, header);
        if (r < 0)
            return respond_refuse(h, r, "headers[%zu], %.*s: %.*s", i, EXTPROC_ARG(header->name),
                                  EXTPROC_ARG(header_why(h, header, r)));
    }
    return 0;
}

/* False: out of memory. */
static bool copy_into(struct arena *arena, struct extproc_str *s)
{
    struct extproc_str copy = arena_copy(arena, *s);
    bool copied = copy.ptr || !s->ptr;
    *s = copy;
    return copied;
}

static int answer_copy(struct arena *arena, const struct extproc_response *response,
                       struct extproc_str details, struct answer *ret)
{
    struct extproc_header *headers = arena_array(arena, response->n_headers, sizeof *headers);
    struct answer answer = {
        .status = response->status,
        .body = response->body,
        .details = details,
        .headers = headers,
        .n_headers = response->n_headers,
        .grpc_status = response->grpc_status,
    };
    if (!headers || (!response->release && !copy_into(arena, &answer.body)) ||
        !copy_into(arena, &answer.details))
        return -ENOMEM;
    for (size_t i = 0; i < response->n_headers; i++) {
        headers[i] = response->headers[i];
        if (!copy_into(arena, &headers[i].name) || !copy_into(arena, &headers[i].value))
            return -ENOMEM;
    }
    *ret = answer;
    return 0;
}

static int respond(struct handle *h, struct turn *turn, const struct extproc_response *response)
{
    if (!turn)
        return respond_refuse(h, -EOPNOTSUPP, "not in a phase");
    if (!(turn->allowed & MAY_RESPOND) && !turn->txn->observing)
        return respond_refuse(h, -EOPNOTSUPP, "the response has already begun");
    int r = response_check(h, response);
    if (r < 0)
        return r;
    struct extproc_str details =
        response->details.ptr ? response->details : extproc_str_of(handle_instance(h)->name);
    struct turn_given *given = response->release ? arena_alloc(turn->arena, sizeof *given) : NULL;
    if ((response->release && !given) ||
        answer_copy(turn->arena, response, details, &turn->answer) < 0)
        return respond_refuse(h, -ENOMEM, "out of memory");
    if (given) {
        *given = (struct turn_given){turn->given, response->release, response->release_arg};
        turn->given = given;
    }
    turn->decided.answers = true;
    return 0;
}

/* A response of a later minor is longer: what this host does not know is not read. */
int api_respond(struct extproc_txn *x, const struct extproc_response *response)
{
    struct handle *h = handle_of(x);
    if (!response || response->size < sizeof *response)
        return respond_refuse(h, -EINVAL, "NULL, or its size is not set");
    int r = respond(h, handle_turn(h), response);
    if (r < 0 && response->release)
        response->release(response->release_arg);
    return r;
}
