/* Plugins that hold bytes of a body until they have seen more of it. */
#include "kit/criterion.h"

#include <stdio.h>

/* Passes a body on in words: what comes after the last space waits for more. With an "!" in it, a
 * word is upper case. */
static enum extproc_action on_body(struct extproc_txn *x)
{
    struct extproc_str bytes = extproc_body(x);
    if (!x->last && (bytes.len == 0 || bytes.ptr[bytes.len - 1] != ' '))
        return EXTPROC_ACTION_HOLD;
    char *out = extproc_scratch(x, bytes.len + 2);
    size_t len = 0;
    out[len++] = '[';
    memcpy(out + len, bytes.ptr, bytes.len);
    len += bytes.len;
    out[len++] = ']';
    return extproc_continue(extproc_body_set(x, (struct extproc_str){out, len}));
}

static const struct extproc_plugin words = {
    .abi = EXTPROC_ABI,
    .name = "words",
    .needs = EXTPROC_HOLDS_BODY,
    .request_body = on_body,
    .response_body = on_body,
};

/* Notes what it sees. */
static char seen[256];

static enum extproc_action on_any(struct extproc_txn *x)
{
    struct extproc_str bytes = extproc_body(x);
    strncat(seen, bytes.ptr, bytes.len);
    strcat(seen, "|");
    return EXTPROC_ACTION_CONTINUE;
}

static const struct extproc_plugin witness = {
    .abi = EXTPROC_ABI, .name = "witness", .request_body = on_any};

static struct kit *k;
static struct kit_call *c;

static void begin(const char *ini, enum body_mode mode)
{
    static const struct kit_linked linked[] = {
        {"before", &witness}, {"words", &words}, {"after", &witness}, {0}};
    seen[0] = '\0';
    k = kit_new(&(struct kit_options){.ini = ini, .linked = linked, .fail = kit_criterion_fail});
    c = kit_call(k, &(struct kit_how){.request = mode, .response = mode});
    kit_headers(c, LANE_REQUEST, ":method: POST\n:path: /", false);
}

static void end(void)
{
    kit_end(c);
    kit_free(k);
}

Test(holding, bytes_come_again_with_the_next_ones)
{
    begin(NULL, BODY_MODE_STREAMED);
    kit_body(c, LANE_REQUEST, "one tw", false);
    kit_expect_body(c, LANE_REQUEST, "");
    kit_body(c, LANE_REQUEST, "o three ", false);
    kit_expect_body(c, LANE_REQUEST, "[one two three ]");
    kit_body(c, LANE_REQUEST, "four", true);
    kit_expect_body(c, LANE_REQUEST, "[one two three ][four]");
    cr_expect_str_eq(seen, "one tw|o three |[one two three ]|four|[four]|");
    kit_headers(c, LANE_RESPONSE, ":status: 200", true);
    end();
}

Test(holding, as_often_as_the_plugin_likes)
{
    begin(NULL, BODY_MODE_STREAMED);
    for (const char *p = "abcdef"; *p; p++)
        kit_body_bytes(c, LANE_REQUEST, ((struct extproc_str){p, 1}), false);
    kit_body(c, LANE_REQUEST, "", true);
    kit_expect_body(c, LANE_REQUEST, "[abcdef]");
    kit_headers(c, LANE_RESPONSE, ":status: 200", true);
    end();
}

Test(holding, each_direction_holds_its_own)
{
    begin(NULL, BODY_MODE_STREAMED);
    kit_body(c, LANE_REQUEST, "re", false);
    kit_headers(c, LANE_RESPONSE, ":status: 200", false);
    kit_body(c, LANE_RESPONSE, "an", false);
    kit_body(c, LANE_REQUEST, "quest", true);
    kit_body(c, LANE_RESPONSE, "swer", true);
    kit_expect_body(c, LANE_REQUEST, "[request]");
    kit_expect_body(c, LANE_RESPONSE, "[answer]");
    end();
}

Test(holding, a_complete_body_leaves_nothing_to_hold)
{
    begin(NULL, BODY_MODE_BUFFERED);
    kit_body(c, LANE_REQUEST, "abc", true);
    kit_expect_body(c, LANE_REQUEST, "[abc]");
    kit_headers(c, LANE_RESPONSE, ":status: 200", true);
    end();
}

Test(holding, trailers_cut_a_message_whose_end_is_held)
{
    begin(NULL, BODY_MODE_STREAMED);
    kit_body(c, LANE_REQUEST, "abc", false);
    kit_trailers(c, LANE_REQUEST, "x-end: 1");
    kit_expect_failed(c, STATUS_INTERNAL, "FULL_DUPLEX_STREAMED");
    kit_expect_log(c, "plugin words held the last 3 bytes of the request body");
    kit_reset(c);
    kit_free(k);
}

Test(holding, trailers_do_not_where_nothing_is_held)
{
    begin(NULL, BODY_MODE_STREAMED);
    kit_body(c, LANE_REQUEST, "abc ", false);
    kit_trailers(c, LANE_REQUEST, "x-end: 1");
    kit_expect_going(c);
    kit_expect_body(c, LANE_REQUEST, "[abc ]");
    kit_headers(c, LANE_RESPONSE, ":status: 200", true);
    end();
}

Test(holding, trailers_cut_nothing_off_an_empty_chunk)
{
    begin(NULL, BODY_MODE_STREAMED);
    kit_body(c, LANE_REQUEST, "", false);
    kit_trailers(c, LANE_REQUEST, "x-end: 1");
    kit_expect_going(c);
    kit_headers(c, LANE_RESPONSE, ":status: 200", true);
    end();
}

/* Maybe because trailers followed, which the proxy did not send: the line says what to set. */
Test(holding, bytes_that_are_held_at_the_end_are_reported_as_lost)
{
    begin(NULL, BODY_MODE_STREAMED);
    kit_body(c, LANE_REQUEST, "abc", false);
    kit_reset(c);
    cr_expect(strstr(kit_log(k), "plugin=words: the plugin held 3 bytes of the request body when "
                                 "the stream ended"),
              "%s", kit_log(k));
    cr_expect(strstr(kit_log(k), "request_trailer_mode: SEND"));
    kit_free(k);

    begin(NULL, BODY_MODE_STREAMED);
    kit_body(c, LANE_REQUEST, "abc ", false);
    kit_reset(c);
    cr_expect_not(strstr(kit_log(k), "when the stream ended"), "%s", kit_log(k));
    kit_free(k);
}

Test(holding, more_than_max_body_is_refused)
{
    begin("[plugin:words]\nmax_body = 4\n", BODY_MODE_STREAMED);
    kit_body(c, LANE_REQUEST, "abcd", false);
    kit_body(c, LANE_REQUEST, "e", false);
    kit_expect_immediate(c, 413, NULL, "extprocd.words.max_body");
    kit_expect_log(c, "held request body of 5 bytes exceeds max_body (4)");
    end();
}

/* The operator lets it pass: then without the plugin, and complete. */
Test(holding, more_than_max_body_passes_by)
{
    begin("[plugin:words]\nmax_body = 4\non_max_body = continue\n", BODY_MODE_STREAMED);
    kit_body(c, LANE_REQUEST, "abcd", false);
    kit_body(c, LANE_REQUEST, "e", false);
    kit_expect_body(c, LANE_REQUEST, "abcde");
    kit_body(c, LANE_REQUEST, "f", true);
    kit_expect_body(c, LANE_REQUEST, "abcdef");
    kit_headers(c, LANE_RESPONSE, ":status: 200", true);
    end();
}

static enum extproc_action fails_later(struct extproc_txn *x)
{
    return x->last ? EXTPROC_ACTION_FAIL : EXTPROC_ACTION_HOLD;
}

/* What it held is not lost with it. */
Test(holding, a_failure_loses_no_byte)
{
    static const struct extproc_plugin plugin = {
        .abi = EXTPROC_ABI, .name = "x", .needs = EXTPROC_HOLDS_BODY, .request_body = fails_later};
    k = kit_new(&(struct kit_options){.ini = "[plugin:x]\non_error = continue\n",
                                      .linked = (const struct kit_linked[]){{"x", &plugin}, {0}},
                                      .fail = kit_criterion_fail});
    c = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED});
    kit_request(c, ":method: POST\n:path: /", NULL, NULL);
    kit_end(c);
    c = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED, .split = 2});
    kit_request(c, ":method: POST\n:path: /", "abcdef", NULL);
    kit_expect_body(c, LANE_REQUEST, "abcdef");
    kit_end(c);
    kit_free(k);
}

Test(holding, needs_have_to_say_it)
{
    static const struct extproc_plugin plugin = {
        .abi = EXTPROC_ABI, .name = "x", .request_body = fails_later};
    k = kit_of((const struct kit_linked[]){{"x", &plugin}, {0}});
    c = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED});
    kit_headers(c, LANE_REQUEST, ":method: POST\n:path: /", false);
    kit_body(c, LANE_REQUEST, "abc", false);
    kit_expect_immediate(c, 500, NULL, NULL);
    kit_expect_log(c, "the plugin's needs do not have EXTPROC_HOLDS_BODY");
    kit_end(c);
    kit_free(k);
}

/* ---- the end of a chunk ---------------------------------------------------------------------- */

/* Brackets each word, and holds one that may go on. */
static enum extproc_action on_words(struct extproc_txn *x)
{
    struct extproc_str bytes = extproc_body(x);
    char *out = extproc_scratch(x, 3 * bytes.len + 2);
    size_t len = 0, begin = 0;
    for (size_t i = 0; i <= bytes.len; i++) {
        if (i < bytes.len ? bytes.ptr[i] != ' ' : !x->last || i == begin)
            continue;
        len += (size_t)sprintf(out + len, "[%.*s]", (int)(i - begin), bytes.ptr + begin);
        begin = i + 1;
    }
    size_t held = begin < bytes.len ? bytes.len - begin : 0;
    memcpy(out + len, bytes.ptr + bytes.len - held, x->last ? 0 : held);
    len += x->last ? 0 : held;
    int r = extproc_body_set(x, (struct extproc_str){out, len});
    if (r < 0 || x->last)
        return extproc_continue(r);
    return extproc_hold(x, held);
}

static const struct extproc_plugin brackets = {.abi = EXTPROC_ABI,
                                               .name = "words",
                                               .needs = EXTPROC_HOLDS_BODY,
                                               .request_body = on_words,
                                               .response_body = on_words};

static void begin_brackets(const char *ini)
{
    static const struct kit_linked linked[] = {
        {"before", &witness}, {"words", &brackets}, {"after", &witness}, {0}};
    seen[0] = '\0';
    k = kit_new(&(struct kit_options){.ini = ini, .linked = linked, .fail = kit_criterion_fail});
    c = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED});
    kit_headers(c, LANE_REQUEST, ":method: POST\n:path: /", false);
}

Test(holding, what_comes_before_the_end_goes_on)
{
    begin_brackets(NULL);
    kit_body(c, LANE_REQUEST, "one two thr", false);
    kit_expect_body(c, LANE_REQUEST, "[one][two]");
    kit_body(c, LANE_REQUEST, "ee ", false);
    kit_expect_body(c, LANE_REQUEST, "[one][two][three]");
    kit_body(c, LANE_REQUEST, "fo", false);
    kit_body(c, LANE_REQUEST, "ur", true);
    kit_expect_body(c, LANE_REQUEST, "[one][two][three][four]");
    cr_expect_str_eq(seen, "one two thr|[one][two]|ee |[three]|fo||ur|[four]|");
    kit_headers(c, LANE_RESPONSE, ":status: 200", true);
    end();
}

Test(holding, the_end_is_what_counts_against_max_body)
{
    begin_brackets("[plugin:words]\nmax_body = 4\n");
    kit_body(c, LANE_REQUEST, "a long text and four", false);
    kit_expect_body(c, LANE_REQUEST, "[a][long][text][and]");
    kit_body(c, LANE_REQUEST, "5", false);
    kit_expect_immediate(c, 413, NULL, "extprocd.words.max_body");
    kit_expect_log(c, "held request body of 5 bytes exceeds max_body (4)");
    end();
}

Test(holding, trailers_cut_a_message_whose_end_alone_is_held)
{
    begin_brackets(NULL);
    kit_body(c, LANE_REQUEST, "one two", false);
    kit_trailers(c, LANE_REQUEST, "x-end: 1");
    kit_expect_failed(c, STATUS_INTERNAL, "FULL_DUPLEX_STREAMED");
    kit_expect_log(c, "plugin words held the last 3 bytes of the request body");
    kit_reset(c);
    kit_free(k);
}

/* What it did to the bytes before, and what it holds of them. */
static enum extproc_action on_mistake(struct extproc_txn *x)
{
    extproc_body_set(x, EXTPROC_S("abc"));
    enum extproc_action action = extproc_hold(x, (size_t)extproc_conf_int(x->instance, "n", 0));
    extproc_body_set(x, EXTPROC_S("ab"));
    return action;
}

static const struct extproc_plugin mistaken = {
    .abi = EXTPROC_ABI,
    .name = "x",
    .needs = EXTPROC_HOLDS_BODY,
    .keys = (const struct extproc_key[]){{.name = "n", .type = EXTPROC_KEY_TYPE_INT}, {0}},
    .request_body = on_mistake,
};

static void fails_with(const char *n, const char *why)
{
    char ini[64];
    snprintf(ini, sizeof ini, "[plugin:x]\non_error = continue\nn = %s\n", n);
    k = kit_new(&(struct kit_options){.ini = ini,
                                      .linked = (const struct kit_linked[]){{"x", &mistaken}, {0}},
                                      .fail = kit_criterion_fail});
    c = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED});
    kit_headers(c, LANE_REQUEST, ":method: POST\n:path: /", false);
    kit_body(c, LANE_REQUEST, "0123", false);
    kit_expect_log(c, why);
    kit_expect_body(c, LANE_REQUEST, "0123");
    kit_reset(c);
    kit_free(k);
}

Test(holding, more_than_there_is_cannot_be_held)
{
    fails_with("4", "extproc_hold(): the body of this callback is shorter");
    fails_with("3", "extproc_hold() of 3 bytes: the callback has left a body of 2 bytes");
}
