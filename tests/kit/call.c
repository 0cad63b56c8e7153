/* call: one transaction, message by message.
 *
 * The rules that hold for every message, whatever a test is about, are checked in call_send().
 * Whether a message becomes bytes or an event on its way to the host is the driver's to know.
 */
#include "kit/alloc.h"
#include "kit/kit_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_FIRST_SIZE = 4096 };

struct kit_call *kit_here(struct kit_call *c, const char *file, int line)
{
    c->file = file;
    c->line = line;
    return c;
}

const struct kit_how *kit_how(const struct kit_call *c)
{
    return &c->how;
}

void kit_fail(const struct kit_call *c, const char *fmt, ...)
{
    char text[1024], whole[1400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    const struct kit_how *how = &c->how;
    snprintf(whole, sizeof whole, "%s [request %s, response %s, split %zu, pieces of %zu%s%s%s%s]",
             text, body_mode_name(how->request), body_mode_name(how->response), how->split,
             how->piece_len, how->unsaid ? ", unsaid" : "", how->empty_end ? ", empty end" : "",
             how->observing ? ", observing" : "", how->events ? ", events" : "");
    c->kit->fail(c->file, c->line, whole);
    abort();
}

/* ---- which answer it is ---------------------------------------------------------------------- */

static bool answers_phase(const PbResponse *answer, enum phase phase)
{
    static const int cases[N_PHASES] = {
        [PHASE_REQUEST_HEADERS] = PB_CASE_RESPONSE(REQUEST_HEADERS),
        [PHASE_REQUEST_BODY] = PB_CASE_RESPONSE(REQUEST_BODY),
        [PHASE_REQUEST_TRAILERS] = PB_CASE_RESPONSE(REQUEST_TRAILERS),
        [PHASE_RESPONSE_HEADERS] = PB_CASE_RESPONSE(RESPONSE_HEADERS),
        [PHASE_RESPONSE_BODY] = PB_CASE_RESPONSE(RESPONSE_BODY),
        [PHASE_RESPONSE_TRAILERS] = PB_CASE_RESPONSE(RESPONSE_TRAILERS),
    };
    return (int)answer->response_case == cases[phase];
}

/* The direction of the oldest answer that was sent; an immediate response is one to any message. */
static enum lane lane_answered(const struct kit_call *c)
{
    PbResponse *answer = envoy__service__ext_proc__v3__processing_response__unpack(
        NULL, c->sent->len, c->sent->bytes);
    enum lane lane = N_LANES;
    for (enum phase phase = 0; answer && phase < N_PHASES; phase++)
        if (answers_phase(answer, phase))
            lane = phase_lane(phase);
    if (answer)
        envoy__service__ext_proc__v3__processing_response__free_unpacked(answer, NULL);
    return lane == N_LANES && c->owed ? phase_lane(c->owed->message.phase) : lane;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void call_free(struct kit_call *c);

struct kit_call *kit_call(struct kit *k, const struct kit_how *how)
{
    struct kit_call *c = kit_need(calloc(1, sizeof *c));
    c->kit = k;
    c->how = *how;
    c->driver = how->events ? &kit_events : &kit_bytes;
    c->file = "?";
    c->sent_tail = &c->sent;
    c->owed_end = &c->owed;
    c->free = call_free;
    arena_init(&c->arena, ARENA_FIRST_SIZE);
    k->listener.modes[LANE_REQUEST] = how->listener_says ? how->request : BODY_MODE_UNKNOWN;
    k->listener.modes[LANE_RESPONSE] = how->listener_says ? how->response : BODY_MODE_UNKNOWN;
    generation_ref(k->generation);
    alloc_enter();
    c->open = c->driver->open(c, &k->coverage);
    alloc_leave();
    if (!c->open) {
        if (!alloc_has_failed())
            kit_fail(c, "the stream cannot be opened");
        c->finished = true;
        c->status = STATUS_RESOURCE_EXHAUSTED;
    }
    return c;
}

void kit_half_close(struct kit_call *c)
{
    if (c->finished)
        return;
    alloc_enter();
    c->driver->half_close(c);
    alloc_leave();
    if (!c->owed && (!c->finished || c->status != STATUS_OK))
        kit_fail(c, "the proxy has half-closed, and the stream is not finished with OK");
}

/* Every message of it is back. */
static void call_free(struct kit_call *c)
{
    if (c->n_released != c->n_messages)
        kit_fail(c, "%u messages were given back, of %u", c->n_released, c->n_messages);
    if (c->last)
        envoy__service__ext_proc__v3__processing_response__free_unpacked(c->last, NULL);
    for (enum lane lane = 0; lane < N_LANES; lane++)
        free(c->sides[lane].body);
    free(c->reserved);
    free(c->why);
    arena_fini(&c->arena);
    free(c);
}

static void call_close(struct kit_call *c, enum extproc_end why)
{
    if (c->open) {
        alloc_enter();
        c->driver->close(c, why);
        alloc_leave();
    }
    while (c->sent && c->owed)
        kit_check_answered(c, lane_answered(c));
    if (c->sent)
        kit_fail(c, "something was sent that no message asked for");
    if (c->kit->blocks && c->n_released != c->n_messages) {
        c->next = c->kit->gone;
        c->kit->gone = c;
        return;
    }
    call_free(c);
}

void kit_end(struct kit_call *c)
{
    kit_half_close(c);
    call_close(c, EXTPROC_END_DONE);
}

void kit_reset(struct kit_call *c)
{
    call_close(c, EXTPROC_END_DISCONNECTED);
}

void kit_stop(struct kit_call *c)
{
    call_close(c, EXTPROC_END_DRAINED);
}

/* ---- messages -------------------------------------------------------------------------------- */

/* The oldest answer that was sent, read. */
static void call_take_answer(struct kit_call *c, const struct kit_message *m)
{
    struct kit_frame *frame = c->sent;
    PbResponse *answer =
        envoy__service__ext_proc__v3__processing_response__unpack(NULL, frame->len, frame->bytes);
    c->sent = frame->next;
    if (!c->sent)
        c->sent_tail = &c->sent;
    free(frame);
    if (!answer)
        kit_fail(c, "an answer is no ProcessingResponse");
    if (c->last)
        envoy__service__ext_proc__v3__processing_response__free_unpacked(c->last, NULL);
    c->last = answer;
    c->n_answers++;
    c->immediate = answer->response_case == PB_CASE_RESPONSE(IMMEDIATE_RESPONSE);
    if (!c->immediate && !answers_phase(answer, m->phase))
        kit_fail(c, "%s is answered by member %d", phase_name(m->phase),
                 (int)answer->response_case);
    kit_model_answer(c, m, answer);
}

static bool call_listens(const struct kit_call *c, const struct kit_message *m)
{
    return m->has_phase && !c->finished && !c->how.observing && !c->immediate &&
           !c->sides[phase_lane(m->phase)].deaf;
}

static void call_owes(struct kit_call *c, const struct kit_message *m)
{
    struct kit_owed *owed = kit_need(arena_alloc(&c->arena, sizeof *owed));
    *owed = (struct kit_owed){.message = *m};
    *c->owed_end = owed;
    c->owed_end = &owed->next;
}

/* The oldest message of a direction that waits. */
static struct kit_owed **call_owed(struct kit_call *c, enum lane lane)
{
    struct kit_owed **link = &c->owed;
    while (*link && phase_lane((*link)->message.phase) != lane)
        link = &(*link)->next;
    if (!*link)
        kit_fail(c, "no message of the %s waits", lane_name(lane));
    return link;
}

void kit_lets_wait(struct kit_call *c)
{
    c->lets_wait = true;
}

void kit_reads_late(struct kit_call *c)
{
    c->lets_wait = c->reads_late = true;
}

size_t kit_n_unread(const struct kit_call *c)
{
    size_t n = 0;
    for (const struct kit_frame *frame = c->sent; frame; frame = frame->next)
        n++;
    return n;
}

void kit_check_waits(struct kit_call *c, enum lane lane)
{
    call_owed(c, lane);
    if (c->sent)
        kit_fail(c, "an answer came while the %s waits", lane_name(lane));
}

void kit_check_answered(struct kit_call *c, enum lane lane)
{
    struct kit_owed **link = call_owed(c, lane), *owed = *link;
    *link = owed->next;
    if (!*link)
        c->owed_end = link;
    if (!c->sent)
        kit_fail(c, "%s is not answered", phase_name(owed->message.phase));
    call_take_answer(c, &owed->message);
}

bool kit_is_over(const struct kit_call *c)
{
    return c->finished || c->immediate;
}

void kit_take_answers(struct kit_call *c)
{
    while (c->sent) {
        if (!c->owed || c->immediate)
            kit_fail(c, "an answer came that no message waits for");
        kit_check_answered(c, lane_answered(c));
    }
    if (kit_is_over(c)) {
        c->owed = NULL;
        c->owed_end = &c->owed;
    }
}

bool kit_is_held(const struct kit_call *c)
{
    return c->held;
}

size_t kit_n_waiting(const struct kit_call *c)
{
    size_t n = 0;
    for (const struct kit_owed *owed = c->owed; owed; owed = owed->next)
        n++;
    return n;
}

static void call_send(struct kit_call *c, struct kit_message *m)
{
    if (!c->open)
        return;
    m->observing = c->how.observing;
    m->has_protocol = !c->begun && !c->how.unsaid && !c->how.observing;
    m->modes[LANE_REQUEST] = c->how.request;
    m->modes[LANE_RESPONSE] = c->how.response;
    m->plain_values = c->plain_values;
    m->extras = c->extras;
    c->extras = NULL;
    c->begun = true;

    if (c->held)
        kit_fail(c, "a message, although the host holds the client up");
    bool listens = call_listens(c, m);
    if (listens || c->how.observing)
        kit_model_message(c, m);
    c->n_messages++;
    struct kit_given *given = kit_need(calloc(1, sizeof *given));
    given->call = c;
    arena_init(&given->arena, ARENA_FIRST_SIZE);
    c->driver->message(c, m, given);
    bool owed = listens && !c->finished;
    if (owed && (c->reads_late || (!c->sent && c->lets_wait))) {
        call_owes(c, m);
        return;
    }
    if (c->reads_late) {
        if (c->how.observing)
            kit_model_pass(c, m);
        return;
    }
    if (!c->owed && !c->kit->blocks && c->n_released != c->n_messages)
        kit_fail(c, "%u messages were given back, of %u", c->n_released, c->n_messages);
    if (owed && !c->sent)
        kit_fail(c, "%s is not answered", phase_name(m->phase));
    if (owed)
        call_take_answer(c, m);
    else if (c->how.observing)
        kit_model_pass(c, m);
    if (c->sent)
        kit_fail(c, "an answer too many");
}

void kit_send_headers(struct kit_call *c, enum lane lane, const char *headers, bool end)
{
    call_send(c, &(struct kit_message){.has_phase = true,
                                       .phase = phase_of(lane, PART_HEADERS),
                                       .headers = headers,
                                       .end = end});
}

void kit_send_body(struct kit_call *c, enum lane lane, struct extproc_str bytes, bool end)
{
    call_send(
        c, &(struct kit_message){
               .has_phase = true, .phase = phase_of(lane, PART_BODY), .body = bytes, .end = end});
}

void kit_send_trailers(struct kit_call *c, enum lane lane, const char *trailers)
{
    call_send(c, &(struct kit_message){.has_phase = true,
                                       .phase = phase_of(lane, PART_TRAILERS),
                                       .headers = trailers,
                                       .end = true});
}

void kit_send_nothing(struct kit_call *c)
{
    call_send(c, &(struct kit_message){0});
}

void kit_send_raw(struct kit_call *c, struct extproc_str bytes)
{
    call_send(c, &(struct kit_message){.raw = bytes});
}

void kit_with(struct kit_call *c, enum kit_place place, const char *ns, const char *key,
              const char *value)
{
    struct kit_extra *extra = kit_need(arena_alloc(&c->arena, sizeof *extra));
    *extra = (struct kit_extra){place, ns, key, value, c->extras};
    c->extras = extra;
}

void kit_use_plain_values(struct kit_call *c)
{
    c->plain_values = true;
}

/* ---- complete messages ----------------------------------------------------------------------- */

static bool call_goes_on(const struct kit_call *c, enum lane lane)
{
    return !c->finished && !c->immediate && !c->sides[lane].deaf;
}

static void call_send_chunks(struct kit_call *c, enum lane lane, struct extproc_str body, bool end)
{
    size_t cut = c->how.split < body.len ? c->how.split : 0;
    struct extproc_str head = {body.ptr, cut}, tail = {body.ptr + cut, body.len - cut};
    if (cut > 0)
        kit_send_body(c, lane, head, false);
    if (call_goes_on(c, lane))
        kit_send_body(c, lane, tail, end && !c->how.empty_end);
    if (call_goes_on(c, lane) && end && c->how.empty_end)
        kit_send_body(c, lane, EXTPROC_S(""), true);
}

static void call_send_whole_body(struct kit_call *c, enum lane lane, struct extproc_str body,
                                 bool end)
{
    switch (lane == LANE_REQUEST ? c->how.request : c->how.response) {
    case BODY_MODE_STREAMED:
    case BODY_MODE_FULL_DUPLEX_STREAMED:
        call_send_chunks(c, lane, body, end);
        break;
    case BODY_MODE_BUFFERED:
    case BODY_MODE_BUFFERED_PARTIAL:
        kit_send_body(c, lane, body, end);
        break;
    case BODY_MODE_NONE: /* it passes by unseen */
    case BODY_MODE_GRPC:
    case BODY_MODE_UNKNOWN:
        kit_model_pass(c, &(struct kit_message){
                              .has_phase = true, .phase = phase_of(lane, PART_BODY), .body = body});
        break;
    }
}

void kit_send_message(struct kit_call *c, enum lane lane, const char *headers, const char *body,
                      const char *trailers)
{
    struct extproc_str bytes = extproc_str_of(body);
    if (bytes.len > c->kit->longest_body)
        c->kit->longest_body = bytes.len;
    kit_send_headers(c, lane, headers, !body && !trailers);
    if (body && call_goes_on(c, lane))
        call_send_whole_body(c, lane, bytes, !trailers);
    if (trailers && call_goes_on(c, lane))
        kit_send_trailers(c, lane, trailers);
}
