#include "transport/h2/framing/head.h"

#include <criterion/criterion.h>
#include <string.h>

static struct head head;

static void begin(void)
{
    head_begin(&head);
}

TestSuite(head, .init = begin);

static void add(const char *name, const char *value)
{
    head_add(&head, extproc_str_of(name), extproc_str_of(value));
}

Test(head, a_call)
{
    add(":method", "POST");
    add(":path", "/a.Service/Do");
    add("content-type", "application/grpc");
    cr_assert(head.post && head.grpc && !head.bad_timeout);
    cr_assert(head_is_for(&head, "/a.Service/Do"));
    cr_assert_not(head_is_for(&head, "/a.Service/D"));
    cr_assert_eq(head.timeout_ms, HEAD_NO_TIMEOUT);
    cr_assert_eq(head.size, 3 * 32 + strlen(":methodPOST:path/a.Service/Docontent-type"
                                            "application/grpc"));
}

Test(head, content_types)
{
    static const char *const good[] = {"application/grpc", "application/grpc+proto",
                                       "application/grpc;charset=utf-8", "Application/gRPC+json"};
    static const char *const bad[] = {"", "application/grp", "application/grpc-web",
                                      "application/json", "text/html"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        head_begin(&head);
        add("content-type", good[i]);
        cr_assert(head.grpc, "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        head_begin(&head);
        add("content-type", bad[i]);
        cr_assert_not(head.grpc, "%s", bad[i]);
    }
}

Test(head, timeouts)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {{"1S", 1000},   {"0m", 0},       {"250m", 250},
                {"2M", 120000}, {"1H", 3600000}, {"1u", 1},
                {"1n", 1},      {"2000000n", 2}, {"99999999H", UINT64_C(359999996400000)}};
    static const char *const bad[] = {"", "1", "S", "1s", "1 S", "-1S", "100000000S", "1.5S"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        head_begin(&head);
        add("grpc-timeout", good[i].text);
        cr_assert_not(head.bad_timeout);
        cr_assert_eq(head.timeout_ms, good[i].ms, "%s", good[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        head_begin(&head);
        add("grpc-timeout", bad[i]);
        cr_assert(head.bad_timeout, "%s", bad[i]);
    }
}

Test(head, encodings)
{
    static const struct {
        const char *text;
        enum head_encoding encoding;
    } cases[] = {{"identity", HEAD_IDENTITY}, {"gzip", HEAD_GZIP},        {"deflate", HEAD_UNKNOWN},
                 {"GZIP", HEAD_UNKNOWN},      {"gzip, br", HEAD_UNKNOWN}, {"", HEAD_UNKNOWN}};
    cr_assert_eq(head.encoding, HEAD_IDENTITY);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        add("grpc-encoding", cases[i].text);
        cr_assert_eq(head.encoding, cases[i].encoding, "%s", cases[i].text);
    }
}

Test(head, encodings_of_answers)
{
    static const char *const with[] = {"gzip", "identity,gzip", "identity, deflate, gzip",
                                       "gzip ,br", " gzip "};
    static const char *const without[] = {"",   "identity", "deflate, gzipped", "x-gzip", "gz ip",
                                          ",,", "Gzip"};
    cr_assert_not(head.refuses_gzip);
    for (size_t i = 0; i < sizeof with / sizeof *with; i++) {
        add("grpc-accept-encoding", with[i]);
        cr_assert_not(head.refuses_gzip, "%s", with[i]);
    }
    for (size_t i = 0; i < sizeof without / sizeof *without; i++) {
        add("grpc-accept-encoding", without[i]);
        cr_assert(head.refuses_gzip, "%s", without[i]);
    }
    head_begin(&head);
    cr_assert_not(head.refuses_gzip);
}

Test(head, a_long_path_belongs_to_no_handler)
{
    char path[HEAD_PATH_MAX + 2];
    memset(path, 'p', sizeof path);
    path[HEAD_PATH_MAX + 1] = 0;
    add(":path", path);
    cr_assert_eq(head_path(&head).len, HEAD_PATH_MAX);
    path[HEAD_PATH_MAX] = 0;
    cr_assert_not(head_is_for(&head, path));
}

Test(head, a_text_is_escaped)
{
    char to[3 * HEAD_STATUS_TEXT];
    size_t len = head_escape(EXTPROC_S("100 % \xc3\xa4\n~\x7f"), to);
    cr_assert_eq(len, strlen("100 %25 %C3%A4%0A~%7F"));
    cr_assert(memcmp(to, "100 %25 %C3%A4%0A~%7F", len) == 0);
    char text[2 * HEAD_STATUS_TEXT];
    memset(text, '\n', sizeof text);
    cr_assert_eq(head_escape((struct extproc_str){text, sizeof text}, to), sizeof to);
}
