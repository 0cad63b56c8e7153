/* bytes: a call's messages as bytes, through a stream, driven as a transport drives it.
 *
 * What the real thing does with a socket is done with a list here: an answer is kept as bytes until
 * the message has been taken, and only then read, so nothing of the kit runs inside the host.
 */
#include "kit/alloc.h"
#include "kit/kit_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- what the host sees ---------------------------------------------------------------------- */

size_t kit_max_answer(void *call)
{
    const struct kit_call *c = call;
    return c->kit->max_answer;
}

uint8_t *kit_reserve(void *call, size_t len)
{
    struct kit_call *c = call;
    if (c->kit->max_answer && len > c->kit->max_answer)
        kit_fail(c, "an answer of %zu bytes, where %zu may be sent", len, c->kit->max_answer);
    if (c->reserved)
        kit_fail(c, "a buffer is asked for while another one waits to be sent");
    c->reserved = malloc(sizeof *c->reserved + len); /* the host's memory: it may fail */
    if (!c->reserved)
        return NULL;
    c->reserved->next = NULL;
    c->reserved->len = len;
    return c->reserved->bytes;
}

void kit_sent(void *call)
{
    struct kit_call *c = call;
    if (!c->reserved || c->finished)
        kit_fail(c, "something is sent %s", c->finished ? "after the end" : "without a buffer");
    *c->sent_tail = c->reserved;
    c->sent_tail = &c->reserved->next;
    c->reserved = NULL;
}

void kit_finish(void *call, enum status status, struct extproc_str message)
{
    struct kit_call *c = call;
    if (c->finished)
        kit_fail(c, "the stream is finished twice");
    c->finished = true;
    c->status = status;
    alloc_leave();
    c->why = kit_need(strndup(message.ptr ? message.ptr : "", message.len));
    alloc_enter();
}

void kit_hold(void *call)
{
    struct kit_call *c = call;
    if (c->held)
        kit_fail(c, "it is held twice");
    c->held = true;
}

void kit_resume(void *call)
{
    struct kit_call *c = call;
    if (!c->held)
        kit_fail(c, "it is not held");
    c->held = false;
}

const char *kit_peer(void *call)
{
    return "192.0.2.1:4711";
}

void kit_release(void *owner)
{
    struct kit_given *given = owner;
    given->call->n_released++;
    for (size_t i = 0; i < given->n_pieces; i++)
        free(given->pieces[i]);
    free(given->pieces);
    arena_fini(&given->arena);
    free(given);
}

/* ---- the driver ------------------------------------------------------------------------------ */

static bool bytes_open(struct kit_call *c, struct coverage *coverage)
{
    static const struct stream_out out = {
        .peer = kit_peer,
        .max_answer = kit_max_answer,
        .reserve = kit_reserve,
        .send = kit_sent,
        .hold = kit_hold,
        .resume = kit_resume,
        .finish = kit_finish,
    };
    c->stream = stream_open(&c->kit->session_env, c->kit->generation, coverage, &out, c);
    return c->stream != NULL;
}

/* In pieces, each in memory of its own, so that a checker sees who reads too far or too late. */
static void bytes_message(struct kit_call *c, const struct kit_message *m, struct kit_given *given)
{
    struct extproc_str bytes = kit_pack(m, &given->arena);
    size_t piece_len = c->how.piece_len ? c->how.piece_len : bytes.len;
    size_t n = piece_len ? (bytes.len + piece_len - 1) / piece_len : 0;
    struct extproc_str *pieces = kit_need(malloc((n + 1) * sizeof *pieces));
    given->pieces = kit_need(malloc((n + 1) * sizeof *given->pieces));
    given->n_pieces = n;
    for (size_t i = 0; i < n; i++) {
        size_t at = i * piece_len, len = bytes.len - at < piece_len ? bytes.len - at : piece_len;
        given->pieces[i] = memcpy(kit_need(malloc(len)), bytes.ptr + at, len);
        pieces[i] = (struct extproc_str){given->pieces[i], len};
    }
    alloc_enter();
    stream_message(c->stream, &(struct message){pieces, n, given, kit_release});
    alloc_leave();
    free(pieces);
}

static void bytes_half_close(struct kit_call *c)
{
    stream_half_close(c->stream);
}

static void bytes_close(struct kit_call *c, enum extproc_end why)
{
    stream_closed(c->stream, why);
}

const struct kit_driver kit_bytes = {
    .open = bytes_open,
    .message = bytes_message,
    .half_close = bytes_half_close,
    .close = bytes_close,
};
