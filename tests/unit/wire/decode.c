#include "wire/decode/decode.h"

#include "base/str.h"
#include "bytes.h"
#include "show.h"

#include <criterion/criterion.h>
#include <errno.h>

#define OWN "envoy.filters.http.ext_proc"

static struct arena arena;
static struct event event;
static const char *why;
static char *shown;

static void setup(void)
{
    bytes_init();
    arena_init(&arena, 0);
}
static void teardown(void)
{
    free(shown);
    arena_fini(&arena);
    bytes_fini();
}

TestSuite(decode, .init = setup, .fini = teardown);

/* Whose turn a message is can be seen without decoding it, and is the same. */
static int decode_pieces(const struct extproc_str *pieces, size_t n)
{
    int r = decode_request(pieces, n, &arena, &event, &why);
    if (r == 0)
        cr_assert_eq(decode_lane(pieces, n), event.has_phase ? event.lane : N_LANES);
    return r;
}

static int decode(struct extproc_str message)
{
    return decode_pieces(&message, 1);
}

static void expect(struct extproc_str message, const char *what)
{
    cr_assert_eq(decode(message), 0);
    free(shown);
    shown = show_event(&event, &arena);
    cr_assert_str_eq(shown, what);
}

static void refuse(struct extproc_str message, const char *what)
{
    cr_assert_eq(decode(message), -EBADMSG);
    cr_assert_str_eq(why, what);
}

/* A Struct with one number in it. */
static struct extproc_str tree(const char *key, double n)
{
    return entry(1, key, real(2, n));
}

/* ---- phases ---------------------------------------------------------------------------------- */

Test(decode, headers)
{
    struct extproc_str map = field(1, cat(header(":method", "GET"), header("a", "1")));
    expect(field(2, map), "request_headers :method=GET a=1 attributes absent metadata absent");
    expect(field(3, cat(map, number(3, 1))),
           "response_headers end :method=GET a=1 attributes absent metadata absent");
    expect(field(2, NOTHING), "request_headers attributes absent metadata absent");
}

Test(decode, bodies)
{
    expect(field(4, field(1, text("abc"))), "request_body <abc> attributes absent metadata absent");
    expect(field(5, cat(field(1, text("abc")), number(2, 1))),
           "response_body end <abc> attributes absent metadata absent");
    expect(field(4, number(3, 1)), "request_body end <> attributes absent metadata absent");
    expect(field(5, cat(number(4, 1), number(5, 1))),
           "response_body <> attributes absent metadata absent");
}

Test(decode, trailers_end_their_direction)
{
    struct extproc_str map = field(1, header("t", "1"));
    expect(field(6, map), "request_trailers end t=1 attributes absent metadata absent");
    expect(field(7, cat(map, number(3, 0), entry(2, OWN, tree("not.read", 1)))),
           "response_trailers end t=1 attributes absent metadata absent");
}

Test(decode, a_message_without_a_phase)
{
    expect(NOTHING, "none attributes absent metadata absent");
    expect(field(13, number(1, 65536)), "none attributes absent metadata absent");
}

Test(decode, fields_that_we_do_not_read)
{
    struct extproc_str flow =
        cat(number(1, (uint64_t)-1), number(2, 2), number(3, 3), number(4, 4));
    expect(cat(number(1, 1), field(12, flow), field(13, number(2, 5)), field(16, text("?")),
               number(4711, 1), field(4, cat(field(1, text("b")), field(99, text("?"))))),
           "request_body <b> attributes absent metadata absent");
}

Test(decode, known_numbers_of_other_types_are_unknown_fields)
{
    expect(cat(number(2, 1), number(8, 1), real(9, 1), field(10, text("yes")), number(11, 1),
               field(5, cat(number(1, 1), field(2, text("x"))))),
           "response_body <> attributes absent metadata absent");
}

/* ---- oneofs and merging ---------------------------------------------------------------------- */

Test(decode, a_phase_in_parts_is_merged)
{
    expect(cat(field(2, field(1, header("a", "1"))), number(10, 1),
               field(2, cat(number(3, 1), field(1, header("b", "2"))))),
           "request_headers end observing a=1 b=2 attributes absent metadata absent");
    expect(cat(field(4, cat(field(1, text("a")), number(2, 1))), field(4, field(1, text("b")))),
           "request_body end <b> attributes absent metadata absent");
}

Test(decode, the_last_member_of_the_oneof_counts)
{
    struct extproc_str headers = field(2, cat(field(1, header("a", "1")), number(3, 1)));
    struct extproc_str body = field(4, field(1, text("b")));
    expect(cat(headers, body), "request_body <b> attributes absent metadata absent");
    expect(cat(headers, body, field(2, field(1, header("c", "2")))),
           "request_headers c=2 attributes absent metadata absent");
}

/* ---- attributes, metadata -------------------------------------------------------------------- */

Test(decode, attributes)
{
    expect(cat(field(2, NOTHING), entry(9, OWN, tree("request.size", 5))),
           "request_headers attributes {request.size:5} metadata absent");
}

Test(decode, attributes_of_the_headers_count_where_the_message_has_none)
{
    struct extproc_str old = field(2, entry(2, OWN, tree("old", 1)));
    expect(old, "request_headers attributes {old:1} metadata absent");
    expect(cat(old, entry(9, OWN, tree("new", 2))),
           "request_headers attributes {new:2} metadata absent");
    expect(field(3, cat(entry(2, OWN, tree("a", 1)), number(3, 1), entry(2, "x", tree("b", 2)))),
           "response_headers end attributes {b:2 a:1} metadata absent");
}

Test(decode, metadata)
{
    expect(field(8, NOTHING), "none attributes absent metadata absent");
    cr_assert_null(event.metadata.raw.ptr);
    expect(field(8, entry(1, "ns", tree("k", 1))), "none attributes absent metadata {ns:{k:1}}");
    expect(cat(field(8, entry(1, "a", tree("k", 1))), field(8, entry(1, "b", tree("k", 2)))),
           "none attributes absent metadata {a:{k:1} b:{k:2}}");
}

Test(decode, trees_are_views_of_the_message)
{
    struct extproc_str message = cat(field(4, NOTHING), entry(9, OWN, tree("k", 1)));
    cr_assert_eq(decode(message), 0);
    cr_assert_eq(event.attributes.raw.ptr, message.ptr + 2);
    cr_assert_eq(event.attributes.raw.len, message.len - 2);
}

Test(decode, trees_can_be_kept)
{
    struct arena keep;
    struct extproc_str message = cat(entry(9, OWN, tree("k", 1)));
    cr_assert_eq(decode(message), 0);
    arena_init(&keep, 0);
    cr_assert_eq(tree_keep(&event.attributes, &keep), 0);
    memset((void *)(uintptr_t)message.ptr, 0xff, message.len);
    struct extproc_value k = value_get(tree_value(&event.attributes, &keep), EXTPROC_S("k"));
    cr_assert_eq(k.as.number, 1);
    arena_fini(&keep);
}

/* ---- what the proxy sends of its settings ---------------------------------------------------- */

Test(decode, observability_mode)
{
    expect(number(10, 1), "none observing attributes absent metadata absent");
    expect(number(10, 0), "none attributes absent metadata absent");
}

Test(decode, protocol_config)
{
    expect(field(11, NOTHING), "none NONE/NONE attributes absent metadata absent");
    expect(field(11, cat(number(1, 1), number(2, 2))),
           "none STREAMED/BUFFERED attributes absent metadata absent");
    expect(field(11, cat(number(1, 3), number(2, 4), number(3, 1))),
           "none BUFFERED_PARTIAL/FULL_DUPLEX_STREAMED attributes absent "
           "metadata absent");
    expect(cat(field(11, number(1, 1)), field(11, number(2, 5))),
           "none STREAMED/GRPC attributes absent metadata absent");
}

Test(decode, an_invalid_body_mode)
{
    refuse(field(11, number(1, 7)), "protocol_config: unknown body mode 7");
    refuse(field(11, number(2, (uint64_t)-1)), "protocol_config: unknown body mode -1");
}

/* ---- pieces ---------------------------------------------------------------------------------- */

static struct extproc_str rich_message(unsigned phase)
{
    struct extproc_str map = cat(header("Name", "value"), header("b", ""), header("b", "x"));
    struct extproc_str part = phase == 4 || phase == 5 ? field(1, text("the body")) : field(1, map);
    return cat(field(8, entry(1, "ns", tree("key", 1))), field(phase, cat(part, number(3, 1))),
               entry(9, OWN, tree("attribute", 300)), field(11, number(1, 2)));
}

Test(decode, split_at_every_two_places_it_is_the_same)
{
    for (unsigned phase = 2; phase <= 7; phase++) {
        struct extproc_str m = rich_message(phase);
        cr_assert_eq(decode(m), 0);
        char *whole = show_event(&event, &arena);
        for (size_t i = 0; i <= m.len; i++) {
            for (size_t j = i; j <= m.len; j++) {
                struct extproc_str pieces[] = {apart(m.ptr, i), apart(m.ptr + i, j - i),
                                               apart(m.ptr + j, m.len - j)};
                arena_reset(&arena);
                cr_assert_eq(decode_pieces(pieces, 3), 0);
                char *split = show_event(&event, &arena);
                cr_assert_str_eq(split, whole, "split at %zu and %zu", i, j);
                free(split);
            }
        }
        free(whole);
    }
}

Test(decode, a_body_is_not_joined)
{
    struct extproc_str m = field(4, field(1, repeat(text("x"), 100)));
    struct extproc_str pieces[] = {{m.ptr, 40}, {m.ptr + 40, m.len - 40}};
    cr_assert_eq(decode_request(pieces, 2, &arena, &event, &why), 0);
    cr_assert_eq(event.body.n_pieces, 2);
    cr_assert_eq(event.body.pieces[1].ptr, pieces[1].ptr);
    cr_assert_eq(event.body.len, 100);
}

Test(decode, a_body_in_crumbs_is)
{
    struct extproc_str m = field(4, field(1, repeat(text("x"), 100)));
    struct extproc_str pieces[104];
    for (size_t i = 0; i < m.len; i++)
        pieces[i] = (struct extproc_str){m.ptr + i, 1};
    cr_assert_eq(decode_request(pieces, m.len, &arena, &event, &why), 0);
    cr_assert_eq(event.body.n_pieces, 1);
    cr_assert_eq(event.body.len, 100);
}

/* ---- what is wrong --------------------------------------------------------------------------- */

Test(decode, says_where_it_is_wrong)
{
    struct extproc_str broken = EXTPROC_S("\x0a\x7f");
    refuse(broken, "ProcessingRequest: malformed protobuf");
    refuse(field(2, broken), "request_headers: malformed protobuf");
    refuse(field(3, field(1, broken)), "response_headers: malformed protobuf");
    refuse(field(5, broken), "response_body: malformed protobuf");
    refuse(field(7, broken), "response_trailers: malformed protobuf");
    refuse(field(8, broken), "metadata_context: malformed protobuf");
    refuse(field(9, broken), "attributes: malformed protobuf");
    refuse(field(11, broken), "protocol_config: malformed protobuf");
}

Test(decode, what_is_malformed_is_nobodys_turn)
{
    struct extproc_str m = cat(field(2, NOTHING), EXTPROC_S("\x0a\x7f"));
    cr_assert_eq(decode_lane(&m, 1), N_LANES);
}

Test(decode, truncated_anywhere_it_is_refused_or_complete)
{
    struct extproc_str m = rich_message(2);
    for (size_t len = 0; len < m.len; len++) {
        char *copy = malloc(len ? len : 1); /* so that a byte too many is seen */
        memcpy(copy, m.ptr, len);
        struct extproc_str cut = {copy, len};
        int r = decode_request(&cut, 1, &arena, &event, &why);
        cr_assert(r == 0 || r == -EBADMSG);
        if (r == 0)
            free(show_event(&event, &arena));
        free(copy);
    }
}
