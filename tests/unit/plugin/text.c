/* What <extproc/text.h> makes of texts. */
#include "scene.h"

#include <extproc/text.h>

Test(text, finds_and_splits)
{
    struct extproc_str s = EXTPROC_S("a=b"), rest, piece;
    assert_str(extproc_find(s, EXTPROC_S("=")), "=b");
    assert_str(extproc_find(s, EXTPROC_S("")), "a=b");
    cr_expect_null(extproc_find(s, EXTPROC_S("b=")).ptr);
    cr_expect_null(extproc_find(STR_ABSENT, EXTPROC_S("")).ptr);
    cr_expect(extproc_has_prefix(s, EXTPROC_S("a=")));
    cr_expect(extproc_has_prefix(s, EXTPROC_S("")));
    cr_expect_not(extproc_has_prefix(s, EXTPROC_S("A=")));
    cr_expect_not(extproc_has_prefix(STR_ABSENT, EXTPROC_S("")));
    cr_expect_not(extproc_has_prefix(s, EXTPROC_S("a=bc")));
    cr_expect(extproc_has_suffix(s, EXTPROC_S("=b")));
    cr_expect_not(extproc_has_suffix(EXTPROC_S("b"), EXTPROC_S("=b")));
    assert_str(extproc_trim(EXTPROC_S(" \ta b\t ")), "a b");
    assert_str(extproc_trim(EXTPROC_S(" ")), "");

    rest = EXTPROC_S("a,,b,");
    static const char *const pieces[] = {"a", "", "b", ""};
    for (size_t i = 0; i < 4; i++) {
        cr_assert(extproc_split(&rest, ',', &piece));
        assert_str(piece, pieces[i]);
    }
    cr_expect_not(extproc_split(&rest, ',', &piece));
}

Test(text, utf8_as_rfc_3629_has_it)
{
    static const char *const good[] = {"",
                                       "plain",
                                       "\xC2\x80",
                                       "\xDF\xBF",
                                       "\xE0\xA0\x80",
                                       "\xED\x9F\xBF",
                                       "\xEE\x80\x80",
                                       "\xEF\xBF\xBF",
                                       "\xF0\x90\x80\x80",
                                       "\xF3\xBF\xBF\xBF",
                                       "\xF4\x8F\xBF\xBF",
                                       "a\xC3\xA4z"};
    static const char *const bad[] = {
        "\x80",             /* begins with what continues   */
        "\xC0\x80",         /* overlong                     */
        "\xC1\xBF",         /* overlong                     */
        "\xE0\x9F\xBF",     /* overlong                     */
        "\xF0\x8F\xBF\xBF", /* overlong                     */
        "\xED\xA0\x80",     /* a surrogate                  */
        "\xF4\x90\x80\x80", /* above U+10FFFF               */
        "\xF5\x80\x80\x80", /* far above                    */
        "\xC3",             /* ends too early               */
        "\xE2\x82",         /* ends too early               */
        "\xF0\x9F\x98",     /* ends too early               */
        "\xC3(",            /* goes on with something else  */
        "\xE2\x82(",        /* goes on with something else  */
        "\xFF",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_expect(extproc_is_utf8(extproc_str_of(good[i])), "good %zu", i);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_not(extproc_is_utf8(extproc_str_of(bad[i])), "bad %zu", i);
    cr_assert(extproc_is_utf8(STR_ABSENT));
}

Test(text, one_character_after_another)
{
    static const struct {
        size_t len;
        uint32_t code;
    } expected[] = {{1, 'a'}, {2, 0xe4}, {3, 0x20ac}, {4, 0x1f600}};
    struct extproc_str rest = EXTPROC_S("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\xFF");
    uint32_t code = 0;
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(extproc_character(rest, &code), expected[i].len);
        cr_assert_eq(code, expected[i].code);
        rest = extproc_from(rest, expected[i].len);
    }
    cr_assert_eq(extproc_character(rest, &code), 0);
    cr_assert_eq(extproc_character(EXTPROC_S(""), &code), 0);
    cr_assert_eq(extproc_character(STR_ABSENT, &code), 0);
    cr_assert_eq(code, 0);
}

static enum extproc_action look(struct extproc_txn *x)
{
    struct extproc_str kept = extproc_keep(x, EXTPROC_S("kept"));
    x->ctx = memcpy(extproc_alloc(x, sizeof kept), &kept, sizeof kept);
    cr_expect_eq(kept.ptr[4], 0);
    cr_expect_null(extproc_keep(x, STR_ABSENT).ptr);
    cr_expect_not_null(extproc_keep(x, EXTPROC_S("")).ptr);

    assert_str(extproc_cookie(x, EXTPROC_S("sid")), "\"1=2\"");
    assert_str(extproc_cookie(x, EXTPROC_S("b")), "");
    assert_str(extproc_cookie(x, EXTPROC_S("z")), "9");
    cr_expect_null(extproc_cookie(x, EXTPROC_S("flag")).ptr);
    cr_expect_null(extproc_cookie(x, EXTPROC_S("id")).ptr);

    assert_str(extproc_query(x, EXTPROC_S("q")), "a b&\xc3\xbc%zz%4");
    assert_str(extproc_query(x, EXTPROC_S("empty")), "");
    assert_str(extproc_query(x, EXTPROC_S("flag")), "");
    assert_str(extproc_query(x, EXTPROC_S("n ame")), "1");
    cr_expect_null(extproc_query(x, EXTPROC_S("x")).ptr);
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action look_again(struct extproc_txn *x)
{
    assert_str(*(struct extproc_str *)x->ctx, "kept");
    return EXTPROC_ACTION_CONTINUE;
}

Test(text, reads_cookies_and_parameters)
{
    SCENE(s, {.name = "a", .request_headers = look, .request_body = look_again});
    play_headers(&s, PHASE_REQUEST_HEADERS, false, H(":method", "GET"),
                 H(":path", "/p?q=a+b%26%C3%bc%zz%4&empty=&flag&n%20ame=1&q=2"),
                 H("cookie", "a=1; sid=\"1=2\";b=; flag"), H("cookie", "z=9"));
    play_body(&s, PHASE_REQUEST_BODY, true, "x");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static enum extproc_action code(struct extproc_txn *x)
{
    static const char *const pairs[][2] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},       {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"\xff\xfe", "__4"}, {"\xfb\xf0", "-_A"}};
    static const char *const wrong[] = {
        "Z", "Zh", "Zm9", "Zg=", "Z===", "Zg+=", "Zm9v=", "====", "Zg==="};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_str(extproc_base64url_encode(x, extproc_str_of(pairs[i][0])), pairs[i][1]);
        assert_str(extproc_base64url_decode(x, extproc_str_of(pairs[i][1])), pairs[i][0]);
    }
    assert_str(extproc_base64url_decode(x, EXTPROC_S("Zg==")), "f");
    assert_str(extproc_base64url_decode(x, EXTPROC_S("Zm8=")), "fo");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_null(extproc_base64url_decode(x, extproc_str_of(wrong[i])).ptr, "%s", wrong[i]);
    return EXTPROC_ACTION_CONTINUE;
}

Test(text, codes_base64url)
{
    SCENE(s, {.name = "a", .request_headers = code});
    cr_expect_eq(play_request(&s)->kind, VERDICT_CONTINUE);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}
