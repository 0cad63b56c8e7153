/* What may come in which order: scripts of messages, one letter each, run through bytes and back.
 *
 *     h headers   H headers, the end   b a body message   B ... the end   t trailers   - none of them
 *     a capital R before a letter: of the response
 *
 * That every message is answered once is the kit's own concern. */
#include "kit/criterion.h"

#include <stdio.h>
#include <string.h>

static char seen[256];

static enum extproc_action note(struct extproc_txn *x)
{
    static const char letters[] = "hbthbt";
    size_t len = strlen(seen);
    int phase = 0;
    while (!((unsigned)x->phase & 1u << phase))
        phase++;
    snprintf(seen + len, sizeof seen - len, "%s%c", phase > 2 ? "R" : "", letters[phase]);
    return EXTPROC_ACTION_CONTINUE;
}

static const struct extproc_plugin noter = {
    .abi = EXTPROC_ABI,
    .name = "noter",
    .request_headers = note,
    .request_body = note,
    .request_trailers = note,
    .response_headers = note,
    .response_body = note,
    .response_trailers = note,
};
static const struct kit_linked chain[] = {{"noter", &noter}, {0}};

static void send_letter(struct kit_call *c, enum lane lane, char letter)
{
    switch (letter) {
    case 'h':
    case 'H':
        kit_headers(c, lane, lane == LANE_REQUEST ? ":path: /" : ":status: 200", letter == 'H');
        break;
    case 'b':
    case 'B':
        kit_body(c, lane, "abc", letter == 'B');
        break;
    case 't':
        kit_trailers(c, lane, "x-end: 1");
        break;
    default:
        kit_nothing(c);
    }
}

static void play(struct kit_call *c, const char *script)
{
    seen[0] = '\0';
    for (; *script; script++) {
        enum lane lane = *script == 'R' ? LANE_RESPONSE : LANE_REQUEST;
        script += *script == 'R';
        send_letter(c, lane, *script);
    }
}

static const struct {
    enum body_mode mode;
    const char *script, *phases;
} legal[] = {
    /* headers only, with and without an end; trailers after headers */
    {BODY_MODE_NONE, "H", "h"},
    {BODY_MODE_NONE, "h", "h"},
    {BODY_MODE_NONE, "ht", "ht"},
    {BODY_MODE_NONE, "hRh", "hRh"},
    {BODY_MODE_NONE, "HRH", "hRh"},
    {BODY_MODE_NONE, "htRhRt", "htRhRt"},
    /* bodies in chunks, complete; trailers after both */
    {BODY_MODE_STREAMED, "hB", "hb"},
    {BODY_MODE_STREAMED, "hbbB", "hbbb"},
    {BODY_MODE_STREAMED, "hbt", "hbt"},
    {BODY_MODE_STREAMED, "ht", "ht"},
    {BODY_MODE_STREAMED, "H", "h"},
    {BODY_MODE_BUFFERED, "hB", "hb"},
    {BODY_MODE_BUFFERED, "hbt", "hbt"},
    {BODY_MODE_BUFFERED, "ht", "ht"},
    {BODY_MODE_BUFFERED, "H", "h"},
    /* headers skipped by the proxy's mode */
    {BODY_MODE_STREAMED, "bB", "bb"},
    {BODY_MODE_STREAMED, "bt", "bt"},
    {BODY_MODE_BUFFERED, "B", "b"},
    {BODY_MODE_BUFFERED, "bt", "bt"},
    {BODY_MODE_NONE, "t", "t"},
    {BODY_MODE_NONE, "tRt", "tRt"},
    /* the response first of all, or while the request is under way */
    {BODY_MODE_NONE, "RH", "Rh"},
    {BODY_MODE_STREAMED, "RhRbRB", "RhRbRb"},
    {BODY_MODE_STREAMED, "RhhRbbRBB", "RhhRbbRbb"},
    {BODY_MODE_STREAMED, "hbRhbRbBRbRt", "hbRhbRbbRbRt"},
    {BODY_MODE_BUFFERED, "hRhRBB", "hRhRbb"},
    {BODY_MODE_BUFFERED, "hRhbRbtRt", "hRhbRbtRt"},
    /* messages without a phase, in any place */
    {BODY_MODE_STREAMED, "-h-b-B-", "hbb"},
};

Test(order, valid)
{
    for (size_t i = 0; i < sizeof legal / sizeof *legal; i++) {
        struct kit *k = kit_of(chain);
        struct kit_call *c =
            kit_call(k, &(struct kit_how){.request = legal[i].mode, .response = legal[i].mode});
        play(c, legal[i].script);
        kit_expect_going(c);
        cr_expect_str_eq(seen, legal[i].phases, "%s: %s", legal[i].script, seen);
        kit_end(c);
        kit_free(k);
    }
}

/* ---- what is invalid: every state, and everything that may not come in it -------------------- */

static const struct {
    const char *state;
    enum body_mode mode;
    const char *before;  /* leads there    */
    const char *illegal; /* each of these  */
} refused[] = {
    {"HEADERS", BODY_MODE_STREAMED, "h", "hH"},     {"HEADERS", BODY_MODE_NONE, "h", "hHbB"},
    {"HEADERS", BODY_MODE_BUFFERED, "h", "hH"},     {"IDLE", BODY_MODE_NONE, "", "bB"},
    {"BODY", BODY_MODE_STREAMED, "hb", "hH"},       {"BODY", BODY_MODE_STREAMED, "b", "hH"},
    {"COMPLETE", BODY_MODE_BUFFERED, "hb", "hHbB"}, {"COMPLETE", BODY_MODE_BUFFERED, "b", "hHbB"},
    {"ENDED", BODY_MODE_NONE, "H", "hHbBt"},        {"ENDED", BODY_MODE_STREAMED, "hB", "hHbBt"},
    {"ENDED", BODY_MODE_BUFFERED, "hB", "hHbBt"},   {"ENDED", BODY_MODE_STREAMED, "hbt", "hHbBt"},
    {"ENDED", BODY_MODE_BUFFERED, "hbt", "hHbBt"},  {"ENDED", BODY_MODE_NONE, "ht", "hHbBt"},
};

static const char *part_name(char letter)
{
    return strchr("hH", letter) ? "headers" : letter == 't' ? "trailers" : "body";
}

/* Another stream, under way meanwhile, does not notice. */
static void expect_refusal(enum lane lane, size_t i, char letter)
{
    struct kit *k = kit_of(chain);
    struct kit_how how = {.request = refused[i].mode, .response = refused[i].mode};
    struct kit_call *other = kit_call(k, &how), *c = kit_call(k, &how);
    send_letter(other, lane, 'h');
    for (const char *at = refused[i].before; *at; at++)
        send_letter(c, lane, *at);
    kit_expect_going(c);
    send_letter(c, lane, letter);

    char text[64];
    snprintf(text, sizeof text, "%s_%s in state %s (",
             lane == LANE_REQUEST ? "request" : "response", part_name(letter), refused[i].state);
    kit_expect_failed(c, STATUS_INVALID_ARGUMENT, text);
    kit_expect_log(c, text);
    send_letter(other, lane, 't');
    kit_expect_going(other);
    kit_end(c);
    kit_end(other);
    kit_free(k);
}

Test(order, refused)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        for (const char *letter = refused[i].illegal; *letter; letter++) {
            expect_refusal(LANE_REQUEST, i, *letter);
            expect_refusal(LANE_RESPONSE, i, *letter);
        }
    }
}

Test(order, a_failed_stream_says_nothing_more)
{
    struct kit *k = kit_of(chain);
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    play(c, "HHRhht-");
    kit_expect_failed(c, STATUS_INVALID_ARGUMENT,
                      "request_headers in state ENDED (the request has already ended)");
    cr_expect_eq(kit_n_answers(c), 1);
    cr_expect_str_eq(seen, "h");
    kit_end(c);
    kit_free(k);
}

static void on_close(struct extproc_txn *x, enum extproc_end why)
{
}

Test(order, no_plugin_is_interested)
{
    static const struct extproc_plugin deaf = {
        .abi = EXTPROC_ABI, .name = "deaf", .close = on_close};
    struct kit *k = kit_of((struct kit_linked[]){{"deaf", &deaf}, {0}});
    struct kit_call *c = kit_call(
        k, &(struct kit_how){.request = BODY_MODE_STREAMED, .response = BODY_MODE_BUFFERED});
    play(c, "hbBRhRbRt");
    cr_expect_eq(kit_n_answers(c), 6);
    kit_expect_unchanged(c);
    kit_expect_body(c, LANE_REQUEST, "abcabc");
    kit_expect_body(c, LANE_RESPONSE, "abc");
    kit_end(c);
    kit_free(k);
}

/* No chain at all: every message is answered empty. */
Test(order, nothing_is_configured)
{
    struct kit *k = kit_of_ini("");
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED});
    play(c, "hbtRh");
    cr_expect_eq(kit_n_answers(c), 4);
    kit_expect_unchanged(c);
    kit_end(c);
    kit_free(k);
}
