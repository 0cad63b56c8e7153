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
        assert_str(extproc_base64url_encode(x, str_c(pairs[i][0])), pairs[i][1]);
        assert_str(extproc_base64url_decode(x, str_c(pairs[i][1])), pairs[i][0]);
    }
    assert_str(extproc_base64url_decode(x, EXTPROC_S("Zg==")), "f");
    assert_str(extproc_base64url_decode(x, EXTPROC_S("Zm8=")), "fo");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_null(extproc_base64url_decode(x, str_c(wrong[i])).ptr, "%s", wrong[i]);
    return EXTPROC_ACTION_CONTINUE;
}

Test(text, codes_base64url)
{
    SCENE(s, {.name = "a", .request_headers = code});
    cr_expect_eq(play_request(&s)->kind, VERDICT_CONTINUE);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}
