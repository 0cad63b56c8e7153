/* body: subs, in one piece and across chunks, held to what PCRE2 makes of the complete body. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "changes.h"

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

enum { SEEN = 1 << BODY_MODE_STREAMED | 1 << BODY_MODE_BUFFERED };
#define HEAD ":method: POST\n:path: /p"

static char ini[1024];

static struct kit *kit_of_subs(const char *keys)
{
    snprintf(ini, sizeof ini, PLUGIN_INI("body", "%s"), keys);
    return kit_of_ini(ini);
}

/* ---- in every way ---------------------------------------------------------------------------- */

#define IN_EVERY_WAY(...) CHANGES("body", SEEN, __VA_ARGS__)

Test(body_sub, the_first_match_or_all)
{
    IN_EVERY_WAY({"sub = s/b/X/", "abcb", "aXcb"}, {"sub = s/b/X/g", "abcb", "aXcX"},
                 {"sub = s/B/X/gi", "abcb", "aXcX"}, {"sub = s/B/X/g", "abcb", "abcb"},
                 {"sub = s/b//g", "bb", ""});
}

Test(body_sub, a_match_that_more_bytes_change)
{
    IN_EVERY_WAY(
        {"sub = s/\\d+/<$0>/g", "a12b345", "a<12>b<345>"}, {"sub = s/ab|abc/X/", "abcd", "Xcd"},
        {"sub = s/foo(?!bar)/X/g", "foobar foo", "foobar X"}, {"sub = s/a$/X/", "aaa", "aaX"});
}

Test(body_sub, what_a_regex_looks_back_at)
{
    IN_EVERY_WAY({"sub = s/(?<=ab)c/X/g", "abcbcabc", "abXbcabX"}, {"sub = s/^a/X/g", "aaa", "Xaa"},
                 {"sub = s/\\bcat\\b/dog/g", "cat concat cat", "dog concat dog"},
                 {"sub = s/(?m)^/> /g", "a\nb\n", "> a\n> b\n"},
                 {"sub = s/a\\Kb/X/g", "abab", "aXaX"});
}

Test(body_sub, empty_matches)
{
    IN_EVERY_WAY({"sub = s/x*/-/g", "axb", "-a--b-"}, {"sub = s/$/!/", "abc", "abc!"},
                 {"sub = s/^/!/", "abc", "!abc"}, {"sub = s/(?=b)/-/g", "abb", "a-b-b"});
}

Test(body_sub, groups_escapes_and_templates)
{
    IN_EVERY_WAY(
        {"sub = s/(\\w+) (\\w+)/$2 \\1/", "one two", "two one"},
        {"sub = s/(a)|(b)/[$1$2]/g", "ab", "[a][b]"}, {"sub = s/,/\\n\\t/g", "a,b", "a\n\tb"},
        {"sub = s/a/\\$1 \\\\ $ $x/", "a", "$1 \\ $ $x"}, {"sub = s|a/b|c\\|d|", "a/b", "c|d"},
        {"sub = s,a\\,b,<\\0>,", "a,b", "<a,b>"}, {"sub = s/ME/%METHOD%%%/", "ME", "POST%"});
}

Test(body_sub, each_sub_gets_what_the_one_before_it_made)
{
    IN_EVERY_WAY({"sub = s/aa/b/g\nsub = s/bb/c/g", "aaaa", "c"},
                 {"sub = s/b+/a/g\nsub = s/a+/b/g", "abba", "b"},
                 {"sub = s/ab/b/g\nsub = s/bc/c/\nsub = s/c+/d/", "ababcc", "bd"},
                 {"sub = s/ab/X/g\nsub = s/XX/Y/g", "ababab", "YX"});
}

static void edged(struct kit_call *c, void *arg)
{
    kit_request(c, HEAD, "abab", NULL);
    kit_expect_body(c, LANE_REQUEST, "<abXX>");
}

Test(body_sub, texts_around_a_body_are_not_searched)
{
    struct kit *k =
        kit_of_subs("request.prepend = <ab\nrequest.append = >\nrequest.sub = s/ab/X/g");
    kit_every_way(k, SEEN, edged, NULL);
    kit_free(k);
}

/* ---- against the complete body --------------------------------------------------------------- */

static uint32_t seed = 20261128;

static unsigned any(unsigned n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static void expected_of(const char *regex, const char *text, size_t len, char *ret, size_t room)
{
    int error;
    PCRE2_SIZE at, n = room;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED,
                                     PCRE2_NEVER_UTF | PCRE2_NEVER_UCP, &error, &at, NULL);
    cr_assert(code);
    int r = pcre2_substitute(code, (PCRE2_SPTR)text, len, 0, PCRE2_SUBSTITUTE_GLOBAL, NULL, NULL,
                             (PCRE2_SPTR) "[$0]", PCRE2_ZERO_TERMINATED, (PCRE2_UCHAR *)ret, &n);
    cr_assert_geq(r, 0);
    pcre2_code_free(code);
}

static void in_random_chunks(struct kit *k, const char *text, size_t len, const char *expected)
{
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED});
    kit_headers(c, LANE_REQUEST, HEAD, false);
    for (size_t at = 0, n; at < len; at += n) {
        n = 1 + any(5);
        n = n > len - at ? len - at : n;
        struct extproc_str chunk = {text + at, n};
        kit_body_bytes(c, LANE_REQUEST, chunk, at + n == len);
    }
    kit_expect_body(c, LANE_REQUEST, expected);
    kit_end(c);
}

static const char *const regexes[] = {
    "a",        "ab",        "a+b",        "a*",        "(?<=a)b",      "(?<!a)b",
    "\\bb",     "b\\b",      "^a",         "a$",        "(?m)^a",       "(?m)a$",
    "a|ab",     "ab|a",      "(a|b)+ ",    "(?=b)",     "(?!b)",        "a.b",
    "(?s)a.b",  "<[^>]*>",   "<.*>",       "(?s)<.*?>", "\\s+",         "(.)\\1",
    "a(?>b*)a", "\\R",       "(?<=a|bb)<", "[^ab]*",    "(?<=^|\\n)a*", "ab\\Ka",
    "x*?b",     "(a)?b",     "\\Z",        "$",         "a{2,3}?",      "(?:a|b|<)*>",
    "(?<=\\n)", "[ab]+(?=<)"};
enum { N_REGEXES = sizeof regexes / sizeof *regexes };

static size_t random_text(char text[static 32])
{
    size_t len = 1 + any(24);
    for (size_t at = 0; at < len; at++)
        text[at] = "aabb<>\n "[any(8)];
    return len;
}

Test(body_sub, makes_of_chunks_what_pcre2_makes_of_the_complete_body)
{
    for (size_t i = 0; i < N_REGEXES; i++) {
        char keys[128], text[32], expected[256];
        snprintf(keys, sizeof keys, "request.sub = s/%s/[$0]/g", regexes[i]);
        struct kit *k = kit_of_subs(keys);
        for (int round = 0; round < 60; round++) {
            size_t len = random_text(text);
            expected_of(regexes[i], text, len, expected, sizeof expected);
            in_random_chunks(k, text, len, expected);
        }
        kit_free(k);
    }
}

Test(body_sub, makes_the_same_by_two_subs_one_after_the_other)
{
    for (int pair = 0; pair < 60; pair++) {
        const char *first = regexes[any(N_REGEXES)], *second = regexes[any(N_REGEXES)];
        char keys[256], text[32], between[256], expected[2048];
        snprintf(keys, sizeof keys, "request.sub = s/%s/[$0]/g\nrequest.sub = s/%s/[$0]/g", first,
                 second);
        struct kit *k = kit_of_subs(keys);
        for (int round = 0; round < 40; round++) {
            size_t len = random_text(text);
            expected_of(first, text, len, between, sizeof between);
            expected_of(second, between, strlen(between), expected, sizeof expected);
            in_random_chunks(k, text, len, expected);
        }
        kit_free(k);
    }
}

/* ---- limits ---------------------------------------------------------------------------------- */

enum { KIB = 1024 };

static char *repeated(char c, size_t n, const char *end)
{
    char *text = malloc(n + strlen(end) + 1);
    memset(text, c, n);
    strcpy(text + n, end);
    return text;
}

/* In chunks of so many bytes; 0: complete. */
static void of_chunks(const char *keys, const char *text, size_t chunk, const char *expected)
{
    struct kit *k = kit_of_subs(keys);
    struct kit_how how = {.request = chunk ? BODY_MODE_STREAMED : BODY_MODE_BUFFERED};
    struct kit_call *c = kit_call(k, &how);
    size_t len = strlen(text);
    kit_headers(c, LANE_REQUEST, HEAD, false);
    for (size_t at = 0; at < len; at += chunk) {
        chunk = chunk && chunk < len - at ? chunk : len - at;
        struct extproc_str bytes = {text + at, chunk};
        kit_body_bytes(c, LANE_REQUEST, bytes, at + chunk == len);
    }
    kit_expect_body(c, LANE_REQUEST, expected);
    kit_end(c);
    kit_free(k);
}

Test(body_sub, of_a_match_that_is_too_long_only_so_many_bytes_count)
{
    static const size_t chunks[] = {0, 100 * KIB, 16 * KIB, 1000};
    char *tag = repeated('<', 1, ""), *spaces = repeated(' ', 40 * KIB, "a");
    char *long_tag = repeated('x', 20 * KIB, "> <b>"), *left = repeated('x', 20 * KIB, "> T");
    long_tag[0] = left[0] = '<';
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        of_chunks("request.sub = s/<[^>]*>/T/g", long_tag, chunks[i], left);
        of_chunks("request.sub = s/ +/-/g", spaces, chunks[i], "---a");
    }
    free(tag);
    free(spaces);
    free(long_tag);
    free(left);
}

static struct kit_call *posted(struct kit *k, const char *body)
{
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_BUFFERED});
    kit_headers(c, LANE_REQUEST, HEAD, false);
    kit_body(c, LANE_REQUEST, body, true);
    return c;
}

Test(body_sub, a_regex_that_needs_too_much_time_fails)
{
    struct kit *k = kit_of_subs("request.sub = s/<[^>]*>/T/g");
    char *body = repeated('<', 512 * KIB, "");
    struct kit_call *c = posted(k, body);
    kit_expect_immediate(c, 500, NULL, "extprocd.p.error");
    kit_expect_log(c, "request_body failed: request.sub: the regex takes too long for this body");
    kit_end(c);
    kit_free(k);
    free(body);
}

Test(body_sub, a_regex_that_tries_without_end_fails)
{
    struct kit *k = kit_of_subs("request.sub = s/(a|aa)+$/T/g");
    char *body = repeated('a', 60, "b");
    struct kit_call *c = posted(k, body);
    kit_expect_immediate(c, 500, NULL, "extprocd.p.error");
    kit_expect_log(c, "request_body failed: request.sub: match limit exceeded");
    kit_end(c);
    kit_free(k);
    free(body);
}

Test(body_sub, a_text_that_grows_without_end_fails)
{
    struct kit *k = kit_of_subs("request.sub = s/a+/$0$0$0$0$0$0$0$0$0/g");
    char *body = repeated('a', 2048 * KIB, "");
    struct kit_call *c = posted(k, body);
    kit_expect_immediate(c, 500, NULL, "extprocd.p.error");
    kit_expect_log(c, "request.sub: the new body is longer than 16m");
    kit_end(c);
    kit_free(k);
    free(body);
}

/* ---- single cases ---------------------------------------------------------------------------- */

Test(body_sub, what_is_not_a_beginning_of_a_match_is_not_held)
{
    struct kit *k = kit_of_subs("request.sub = s/abc/X/g");
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED});
    kit_headers(c, LANE_REQUEST, HEAD, false);
    kit_body(c, LANE_REQUEST, "one two ab", false);
    kit_expect_body(c, LANE_REQUEST, "one two ");
    kit_body(c, LANE_REQUEST, "d abc", false);
    kit_expect_body(c, LANE_REQUEST, "one two abd X");
    kit_body(c, LANE_REQUEST, "xyz", false);
    kit_expect_unchanged(c);
    kit_trailers(c, LANE_REQUEST, "x-end: 1");
    kit_expect_going(c);
    kit_expect_body(c, LANE_REQUEST, "one two abd Xxyz");
    kit_end(c);
    kit_free(k);
}

Test(body_sub, trailers_cut_a_message_whose_end_is_held)
{
    struct kit *k = kit_of_subs("request.sub = s/abc/X/g");
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED});
    kit_headers(c, LANE_REQUEST, HEAD, false);
    kit_body(c, LANE_REQUEST, "ab", false);
    kit_trailers(c, LANE_REQUEST, "x-end: 1");
    kit_expect_failed(c, STATUS_INTERNAL, "FULL_DUPLEX_STREAMED");
    kit_expect_log(c, "plugin p held the last 2 bytes of the request body");
    kit_reset(c);
    kit_free(k);
}

static void left_gzip(struct kit_call *c, void *arg)
{
    kit_request(c, HEAD "\ncontent-encoding: gzip\nrepr-digest: b", "abc", NULL);
    kit_expect_unchanged(c);
    kit_expect_body(c, LANE_REQUEST, "abc");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "repr-digest", "b");
    kit_response(c, ":status: 206\ncontent-range: bytes 0-2/9", "abc", NULL);
    kit_expect_body(c, LANE_RESPONSE, "abc");
}

Test(body_sub, what_is_not_text_is_left_alone_in_every_way)
{
    struct kit *k = kit_of_subs("request.sub = s/a/X/\nresponse.sub = s/a/X/");
    kit_every_way(k, 0, left_gzip, NULL);
    kit_free(k);
}

Test(body_sub, what_is_not_text_fails_where_a_key_says_so)
{
    struct kit *k = kit_of_subs("request.sub = s/a/X/\nencoded = fail");
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_BUFFERED});
    kit_headers(c, LANE_REQUEST, HEAD "\ncontent-encoding: gzip", false);
    kit_expect_immediate(c, 500, NULL, "extprocd.p.error");
    kit_end(c);
    kit_free(k);
}

static void described(struct kit_call *c, void *arg)
{
    kit_request(c, HEAD "\ncontent-length: 3\nrepr-digest: b", "abc", NULL);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "repr-digest", NULL);
    if (kit_how(c)->request == BODY_MODE_BUFFERED)
        kit_expect_header(c, EXTPROC_MAP_REQUEST, "content-length", "4");
}

Test(body_sub, headers_that_describe_the_old_bytes_are_removed)
{
    struct kit *k = kit_of_subs("request.sub = s/b/XX/");
    kit_every_way(k, SEEN, described, NULL);
    kit_free(k);
}

static void streamed(struct kit_call *c, void *arg)
{
    kit_request(c, HEAD, "one two three", NULL);
}

Test(body_sub, exhausted_memory_ends_only_the_stream)
{
    struct kit_how how = {.request = BODY_MODE_STREAMED, .split = 5};
    struct kit *k = kit_of_subs("request.sub = s/t\\w+/<$0>%PATH%/g\nrequest.sub = s/\\w+/-/");
    kit_every_failure(k, &how, streamed, NULL);
    kit_free(k);
}

/* ---- refusals -------------------------------------------------------------------------------- */

Test(body_sub, takes_part_in_headers_and_bodies)
{
    cr_expect_eq(plugin_interest(PLUGIN_INI("body", "response.sub = s/a/b/")),
                 EXTPROC_PHASE_RESPONSE_HEADERS | EXTPROC_PHASE_RESPONSE_BODY);
}

#define REFUSED(value, why)                                                                        \
    PLUGIN_REFUSED("body", "request.sub = " value, "test.ini:3: [plugin:p] request.sub: " why)

Test(body_sub, what_it_does_not_take)
{
    REFUSED("a/b/", "at character 1: expected s/~");
    REFUSED("s", "at character 1: expected s/~");
    REFUSED("s a b", "at character 2: invalid delimiter~");
    REFUSED("sxaxbx", "at character 2: invalid delimiter~");
    REFUSED("s/a/b", "at character 6: missing delimiter~");
    REFUSED("s/a\\/b/", "at character 8: missing delimiter~");
    REFUSED("s/a/b/x", "at character 7: unknown flag~g or i~");
    REFUSED("s/a(b/c/", "at character 6: missing closing parenthesis");
    REFUSED("s/a**+*/c/", "at character 5: quantifier does not follow a repeatable item");
    REFUSED("s/(*UTF)a/c/", "at character 9: using UTF is disabled by the application");
    REFUSED("s/a\\\\\\Gb/c/", "at character 6: \\\\G is not supported~");
    REFUSED("s/a/$1/", "at character 5: ~no such group~");
    REFUSED("s/(a)/b\\2/", "at character 8: ~no such group~");
    REFUSED("s/a/\\q/", "at character 6: unknown escape~");
    REFUSED("s/a/%REQ%/", "~missing name~");
}

Test(body_sub, what_does_not_go_together)
{
    PLUGIN_REFUSED("body",
                   "request.sub = s/a/b/\nrequest.clear = yes\n"
                   "response.sub = s/a/b/\nresponse.replace = x",
                   "test.ini:3: [plugin:p] request.sub: request.clear and request.sub exclude~",
                   "test.ini:5: [plugin:p] response.sub: response.replace and response.sub ~");
}
