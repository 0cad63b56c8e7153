#include "process/listen/address.h"

#include <criterion/criterion.h>

static void expect_same(const char *text)
{
    struct address a;
    const char *why;
    char back[ADDRESS_TEXT];
    cr_assert(address_parse(text, &a, &why), "%s: %s", text, why);
    address_format(&a, back);
    cr_expect_str_eq(back, text);
}

Test(address, reads_what_it_writes)
{
    expect_same("127.0.0.1:50051");
    expect_same("0.0.0.0:0");
    expect_same("[::1]:50051");
    expect_same("[::]:65535");
    expect_same("unix:/run/extprocd/extprocd.sock");
}

static void expect_refused(const char *text, const char *hint)
{
    struct address a = {.len = 7};
    const char *why = NULL;
    cr_expect_not(address_parse(text, &a, &why), "'%s' was taken", text);
    cr_expect(why && strstr(why, hint), "'%s': %s", text, why);
    cr_expect_eq(a.len, 7, "a refused address leaves the result alone");
}

Test(address, refuses_what_is_none)
{
    static const struct {
        const char *text, *hint;
    } cases[] = {
        {"", "HOST:PORT"},
        {"50051", "HOST:PORT"},
        {":50051", "HOST:PORT"},
        {"127.0.0.1", "HOST:PORT"},
        {"::1:80", "[HOST]:PORT"},
        {"[::1]", "[HOST]:PORT"},
        {"[]:80", "[HOST]:PORT"},
        {"[::1:80", "[HOST]:PORT"},
        {"[::1]x:80", "[HOST]:PORT"},
        {"127.0.0.1:", "port from 0 to 65535"},
        {"127.0.0.1:http", "port from 0 to 65535"},
        {"127.0.0.1:70000", "port from 0 to 65535"},
        {"127.0.0.1:-1", "port from 0 to 65535"},
        {"127.0.0.1:123456", "port from 0 to 65535"},
        {"localhost:80", "host names are not resolved"},
        {"256.0.0.1:80", "numeric address"},
        {"\"127.0.0.1:80\"", "without quotes"},
        {"'127.0.0.1:80'", "without quotes"},
        {"127.0.0.1:80 # the port", "starts with \" ;\""},
        {"a b:80", "one address"},
        {"*:80", "0.0.0.0:PORT"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_refused(cases[i].text, cases[i].hint);
}

Test(address, refuses_unix_paths_that_cannot_be)
{
    char longest[200] = "unix:/";
    memset(longest + 6, 'a', 150);
    expect_refused("unix:relative.sock", "absolute path");
    expect_refused("unix:", "absolute path");
    expect_refused(longest, "107 bytes");
}

Test(address, port_0_is_any_port)
{
    struct address a, b, c;
    const char *why;
    cr_assert(address_parse("127.0.0.1:80", &a, &why));
    cr_assert(address_parse("127.0.0.1:0", &b, &why));
    cr_assert(address_parse("[::1]:0", &c, &why));

    cr_expect_not(address_is_any_port(&a));
    cr_expect(address_is_any_port(&b));
    cr_expect(address_is_any_port(&c));
}
