/*
 * One stream of the load, without a word of HTTP/2. It replays the dialogue step by step as the
 * answers allow, cuts the DATA it gets into gRPC messages and checks each against the step that it
 * answers: answers come in the order of the requests.
 *
 * The latency of a message ends when its answer is complete. It begins, in a closed loop, when its
 * first byte is handed out; in an open loop when that was due, which is when the stream was due to
 * begin, or when the answer came that the message had to wait for. In an open loop it also counts
 * by the time when its stream was due to begin, so that a late stream is not omitted because it
 * ends after the measurement.
 *
 * Streams are kept and used again: at saturation there are some hundred thousand a second.
 */
#include "stream.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_open_loop(const struct stream *s)
{
    return s->share->run->opt->rate > 0;
}

static bool counts(const struct stream *s)
{
    const struct run *run = s->share->run;
    if (is_open_loop(s))
        return s->begun_ns >= run->from_ns && s->begun_ns < run->until_ns;
    return share_measures(s->share);
}

struct stream *stream_new(struct share *share)
{
    struct stream *s = share->spare;
    if (s) {
        share->spare = s->next;
    } else {
        s = mem_new(1, sizeof *s);
        s->sent_ns = mem_new(share->dialogue->n_steps, sizeof *s->sent_ns);
    }
    s->in.len = 0;
    *s = (struct stream){.share = share, .in = s->in, .sent_ns = s->sent_ns};
    s->begun_ns = s->due_ns = pace_take(&share->pace);
    if (is_open_loop(s) && counts(s))
        hist_add(&share->tally.late, clock_ns() - s->begun_ns);
    return s;
}

void stream_recycle(struct stream *s)
{
    s->next = s->share->spare;
    s->share->spare = s;
}

void stream_free_spare(struct share *share)
{
    while (share->spare) {
        struct stream *s = share->spare;
        share->spare = s->next;
        bytes_fini(&s->in);
        free(s->sent_ns);
        free(s);
    }
}

void stream_fault(struct stream *s, enum fault f, const char *detail)
{
    if (!s->failed)
        share_fault(s->share, f, detail);
    s->failed = true;
}

enum stream_turn stream_turn(const struct stream *s)
{
    const struct dialogue *d = s->share->dialogue;
    if (s->n_got == d->n_steps)
        return STREAM_IS_DONE;
    if (s->n_sent == d->n_steps || s->n_got < d->steps[s->n_sent].n_before)
        return STREAM_LISTENS;
    return s->share->run->holding && s->n_got > 0 ? STREAM_LISTENS : STREAM_SPEAKS;
}

size_t stream_say(struct stream *s, uint8_t *buf, size_t cap)
{
    size_t len = 0;
    while (len < cap && stream_turn(s) == STREAM_SPEAKS) {
        const struct bytes *frame = &s->share->dialogue->steps[s->n_sent].frame;
        size_t n = frame->len - s->sent_len;
        if (n > cap - len)
            n = cap - len;
        if (s->sent_len == 0)
            s->sent_ns[s->n_sent] = is_open_loop(s) ? s->due_ns : clock_ns();
        memcpy(buf + len, frame->p + s->sent_len, n);
        len += n;
        s->sent_len += n;
        if (s->sent_len == frame->len) {
            s->n_sent++;
            s->sent_len = 0;
        }
    }
    return len;
}

static bool is(struct bytes b, const char *s)
{
    return b.len == strlen(s) && memcmp(b.p, s, b.len) == 0;
}

void stream_hear_header(struct stream *s, struct bytes name, struct bytes value)
{
    static const char grpc[] = "application/grpc";
    size_t grpc_len = sizeof grpc - 1;
    if (is(name, ":status")) {
        s->http_ok = is(value, "200");
        if (!s->http_ok)
            stream_fault(s, FAULT_HTTP, "HTTP status is not 200");
    } else if (is(name, "content-type")) {
        if (value.len < grpc_len || memcmp(value.p, grpc, grpc_len) != 0)
            stream_fault(s, FAULT_HTTP, "content-type is not application/grpc");
    } else if (is(name, "grpc-status")) {
        s->status_ok = is(value, "0");
    } else if (is(name, "grpc-message")) {
        if (s->share->run->opt->verbose)
            fprintf(stderr, "loadgen: grpc-message: %.*s\n", (int)value.len, value.p);
    }
}

static void count_answer(struct stream *s)
{
    const struct dialogue *d = s->share->dialogue;
    struct tally *tally = &s->share->tally;
    uint64_t now_ns = clock_ns();
    if (counts(s)) {
        hist_add(&tally->message, now_ns - s->sent_ns[s->n_got]);
        tally->n_messages++;
    }
    s->n_got++;
    if (s->n_sent < d->n_steps && s->n_got == d->steps[s->n_sent].n_before)
        s->due_ns = now_ns;
}

static void hear_answer(struct stream *s, const uint8_t *p, size_t len)
{
    struct share *share = s->share;
    const struct options *opt = share->run->opt;
    struct answer answer = {0};
    if (s->n_got == s->n_sent) {
        stream_fault(s, FAULT_COUNT, "an answer to nothing");
        return;
    }
    if (!check_answer(p, len, opt->set_name, opt->set_value, &answer))
        stream_fault(s, FAULT_PARSE, "malformed ProcessingResponse");
    else if (answer.member != share->dialogue->steps[s->n_got].answer)
        stream_fault(s, FAULT_ONEOF, "the answer does not match the request");
    s->sets_header |= answer.sets_header;
    count_answer(s);
    if (s->n_got == 1 && share->run->holding)
        share->run->n_parked++;
}

/* How long the answer that begins in s->in is, as far as is known: its prefix at least. */
static size_t wanted_len(const struct bytes *in)
{
    if (in->len < GRPC_PREFIX_LEN)
        return GRPC_PREFIX_LEN;
    const uint8_t *p = in->p;
    return GRPC_PREFIX_LEN +
           ((size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | (size_t)p[4]);
}

void stream_hear(struct stream *s, const uint8_t *p, size_t len)
{
    while (len > 0 && !s->failed) {
        size_t n = wanted_len(&s->in) - s->in.len;
        if (n > len)
            n = len;
        bytes_add(&s->in, p, n);
        p += n;
        len -= n;
        if (s->in.p[0] != 0) {
            stream_fault(s, FAULT_FRAMING, "compressed, which was not asked for");
        } else if (s->in.len >= GRPC_PREFIX_LEN && s->in.len == wanted_len(&s->in)) {
            hear_answer(s, s->in.p + GRPC_PREFIX_LEN, s->in.len - GRPC_PREFIX_LEN);
            s->in.len = 0;
        }
    }
}

void stream_judge(struct stream *s)
{
    const struct run *run = s->share->run;
    struct tally *tally = &s->share->tally;
    if (!s->http_ok)
        stream_fault(s, FAULT_HTTP, "no HTTP status");
    else if (!s->cancelled && !s->status_ok)
        stream_fault(s, FAULT_STATUS, "no grpc-status of 0");
    else if (s->n_got < s->share->dialogue->n_steps || s->in.len > 0)
        stream_fault(s, FAULT_COUNT, "the stream ended before its last answer");
    else if (run->opt->set_name && !s->sets_header)
        stream_fault(s, FAULT_HEADER, "the expected header is not set");
    if (!s->failed && counts(s)) {
        tally->n_streams++;
        hist_add(&tally->stream, clock_ns() - s->begun_ns);
    }
}
