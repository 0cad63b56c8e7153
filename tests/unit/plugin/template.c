#include "plugin/template/template.h"

#include "base/str.h"
#include "http/message/value.h"
#include "kit/lines.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct extproc_str map_names[] = {EXTPROC_STR("request.headers"),
                                               EXTPROC_STR("route_metadata")};
static const struct str_list maps = STR_LIST(map_names);
static struct arena arena;
static struct extproc_template *t;
static const char *why;

static void begin(void)
{
    arena_init(&arena, 1024);
}

static void end(void)
{
    arena_fini(&arena);
}

TestSuite(template, .init = begin, .fini = end);

/* ---- a transaction that knows a little ------------------------------------------------------- */

static struct extproc_str header(struct extproc_txn *x, enum extproc_map map,
                                 struct extproc_str name, size_t i)
{
    if (map == EXTPROC_MAP_REQUEST && str_eq_c(name, ":path"))
        return EXTPROC_S("/a?b=c");
    if (map == EXTPROC_MAP_REQUEST && str_eq_c(name, ":method"))
        return EXTPROC_S("GET");
    if (map == EXTPROC_MAP_REQUEST && str_eq_c(name, "empty"))
        return EXTPROC_S("");
    if (map == EXTPROC_MAP_RESPONSE && str_eq_c(name, ":status"))
        return EXTPROC_S("204");
    return STR_ABSENT;
}

static struct extproc_value attribute(struct extproc_txn *x, struct extproc_str name)
{
    static const struct value_list list;
    if (str_eq_c(name, "address"))
        return extproc_string(EXTPROC_S("10.0.0.1"));
    if (str_eq_c(name, "port"))
        return extproc_number(8080);
    if (str_eq_c(name, "tenth"))
        return extproc_number(0.1);
    if (str_eq_c(name, "third"))
        return extproc_number(1.0 / 3);
    if (str_eq_c(name, "mtls"))
        return extproc_bool(true);
    if (str_eq_c(name, "null"))
        return extproc_null();
    if (str_eq_c(name, "list"))
        return (struct extproc_value){.kind = EXTPROC_KIND_LIST, .as.node = &list};
    return (struct extproc_value){.kind = EXTPROC_KIND_ABSENT};
}

static struct extproc_value metadata(struct extproc_txn *x, struct extproc_str ns)
{
    static const struct extproc_field fields[] = {
        {EXTPROC_STR("sub"), {.kind = EXTPROC_KIND_STRING, .as.string = EXTPROC_STR("ada")}}};
    static const struct value_dict dict = {1, fields};
    if (str_eq_c(ns, "envoy.jwt"))
        return (struct extproc_value){.kind = EXTPROC_KIND_DICT, .as.node = &dict};
    return (struct extproc_value){.kind = EXTPROC_KIND_ABSENT};
}

static char logged[128];

EXTPROC_PRINTF(4, 0)
static void vlog(struct extproc_instance *instance, struct extproc_txn *x, enum extproc_level level,
                 const char *fmt, va_list ap)
{
    vsnprintf(logged, sizeof logged, fmt, ap);
}

static struct extproc_value get(struct extproc_txn *x, struct extproc_value v,
                                struct extproc_str key)
{
    return value_get(v, key);
}

static const struct extproc_api api = {
    .header = header, .attribute = attribute, .metadata = metadata, .value_get = get, .vlog = vlog};

static const char *expand(const char *text)
{
    struct extproc_txn x = {.api = &api};
    struct extproc_str s;
    why = NULL;
    cr_assert_eq(template_compile(extproc_str_of(text), maps, &arena, &t, &why), 0, "%s: %s", text,
                 why);
    cr_assert_eq(template_expand(t, &x, &arena, &s), 0);
    cr_assert(s.ptr);
    return arena_format(&arena, "%.*s", EXTPROC_ARG(s)).ptr;
}

static const char *refusal(const char *text)
{
    cr_assert_eq(template_compile(extproc_str_of(text), maps, &arena, &t, &why), -EINVAL, "%s",
                 text);
    return why;
}

/* ---- what is expanded ------------------------------------------------------------------------ */

Test(template, text_stays)
{
    cr_expect_str_eq(expand(""), "");
    cr_expect_str_eq(expand("text/html; q=(1)"), "text/html; q=(1)");
    cr_expect_str_eq(expand("100%% of %%REQ(x)%%"), "100% of %REQ(x)%");
}

Test(template, headers)
{
    cr_expect_str_eq(expand("%METHOD% %PATH% -> %STATUS%"), "GET /a?b=c -> 204");
    cr_expect_str_eq(expand("%REQ(:method)%%RESP(:status)%"), "GET204");
    cr_expect_str_eq(expand("[%REQ(x-none)%]"), "[]");
}

Test(template, what_is_absent_has_a_fallback)
{
    cr_expect_str_eq(expand("%REQ(x-none:-it (is) not there)%"), "it (is) not there");
    cr_expect_str_eq(expand("%REQ(:path:-none)%"), "/a?b=c");
    cr_expect_str_eq(expand("%REQ(empty:-none)%"), "", "empty is not absent");
    cr_expect_str_eq(expand("%ATTR(none:-a:-b)%"), "a:-b");
    cr_expect_str_eq(expand("%METADATA(no:such:-x)%%METADATA(envoy.jwt:no:-y)%"), "xy");
}

Test(template, values)
{
    cr_expect_str_eq(expand("%ATTR(address)%:%ATTR(port)%"), "10.0.0.1:8080");
    cr_expect_str_eq(expand("%ATTR(tenth)% %ATTR(third)%"), "0.1 0.33333333333333331");
    cr_expect_str_eq(expand("%ATTR(mtls)%"), "true");
    cr_expect_str_eq(expand("%ATTR(null:-none)%%ATTR(list:-none)%"), "nonenone");
    cr_expect_str_eq(logged, "template: list is a list, which has no text");
    cr_expect_str_eq(expand("%METADATA(envoy.jwt:sub)%"), "ada");
}

Test(template, uuids_are_of_version_4_and_differ)
{
    const char *a = expand("%UUID%");
    const char *b = expand("%UUID%");
    cr_expect_eq(strlen(a), 36);
    cr_expect_eq(strspn(a, "0123456789abcdef-"), 36);
    cr_expect_eq(a[14], '4');
    cr_expect(strchr("89ab", a[19]));
    cr_expect_str_neq(a, b);
}

Test(template, time_has_a_format)
{
    const char *now = expand("%TIME%");
    cr_expect_eq(strlen(now), strlen("2026-01-02T03:04:05Z"));
    cr_expect(now[10] == 'T' && now[19] == 'Z');
    cr_expect_eq(strlen(expand("%TIME(%d/%b/%Y:%H:%M:%S)%")), strlen("02/Jan/2026:03:04:05"));
    cr_expect_str_eq(expand("%TIME(%%)%"), "%");
    cr_expect_str_eq(expand("%TIME(%Z)%"), "GMT");
    cr_expect_str_eq(expand("[%TIME()%]"), "[]");
}

Test(template, owns_its_text)
{
    char text[] = "%REQ(:method)% is what";
    cr_assert_eq(template_compile(extproc_str_of(text), maps, &arena, &t, &why), 0);
    memset(text, 'x', sizeof text - 1);

    struct extproc_txn x = {.api = &api};
    struct extproc_str s;
    cr_assert_eq(template_expand(t, &x, &arena, &s), 0);
    cr_expect(str_eq_c(s, "GET is what"));
}

Test(template, plain_text_is_its_own_and_not_copied_again)
{
    char text[] = "text/html";
    cr_assert_eq(template_compile(extproc_str_of(text), maps, &arena, &t, &why), 0);
    memset(text, 'x', sizeof text - 1);

    struct arena scratch = {0};
    struct extproc_txn x = {.api = &api};
    struct extproc_str s;
    cr_assert_eq(template_expand(t, &x, &scratch, &s), 0);
    cr_expect(str_eq_c(s, "text/html"));
    cr_expect_eq(arena_size(&scratch), 0);
}

/* ---- what is refused ------------------------------------------------------------------------- */

Test(template, a_percent_sign_alone_is_refused_with_its_place)
{
    const char *text = "at character 4: ~stray %:~%%~";
    cr_expect(lines_match(refusal("100%"), text), "%s", why);
    cr_expect(lines_match(refusal("100% sure"), text), "%s", why);
    cr_expect(lines_match(refusal("100%REQ sure"), text), "%s", why);
    cr_expect(lines_match(refusal("100%(x)%"), text), "%s", why);
}

Test(template, an_unknown_piece_is_refused_with_the_nearest_name)
{
    cr_expect(lines_match(refusal("x %RSP(a)%"), "at character 3: ~%RSP ~%RESP?~"), "%s", why);
    cr_expect(lines_match(refusal("%method%"), "at character 1: ~%method ~%METHOD?~"), "%s", why);
    cr_expect(lines_match(refusal("%PROTOCOL%"), "at character 1: ~%PROTOCOL~REQ RESP ATTR~"), "%s",
              why);
}

Test(template, parentheses_are_where_they_belong)
{
    cr_expect(lines_match(refusal("%REQ(x-a"), "at character 1: ~missing )%~%REQ("), "%s", why);
    cr_expect(lines_match(refusal("%REQ%"), "at character 1: ~missing name~%REQ%~%REQ(name)%"),
              "%s", why);
    cr_expect(lines_match(refusal("%PATH(x)%"), "at character 1: ~parentheses~%PATH~"), "%s", why);
}

Test(template, names_must_be_names)
{
    cr_expect(lines_match(refusal("%REQ()%"), "at character 1: ~missing name~%REQ()%~"), "%s", why);
    cr_expect(lines_match(refusal("%RESP(:-x)%"), "at character 1: ~missing name~%RESP(:-x)%~"),
              "%s", why);
    cr_expect(
        lines_match(refusal("%REQ(a b)%"), "at character 1: ~header name \"a b\"~%REQ(name)%"),
        "%s", why);
    cr_expect(lines_match(refusal("%METADATA(ns)%"),
                          "at character 1: ~missing name~%METADATA(ns)%~(namespace:key)%"),
              "%s", why);
    cr_expect(
        lines_match(refusal("%METADATA(:key)%"), "at character 1: ~missing name~%METADATA(:key)%~"),
        "%s", why);
}

Test(template, an_attribute_that_has_no_text_is_refused)
{
    cr_expect(lines_match(refusal("a %ATTR(request.headers)%"),
                          "at character 3: ~request.headers~is a map~%REQ(name)%~"),
              "%s", why);
    cr_expect(lines_match(refusal("%ATTR(route_metadata:-none)%"),
                          "at character 1: ~route_metadata~is a map~%METADATA(namespace:key)%~"),
              "%s", why);
}

Test(template, a_time_format_must_be_known)
{
    cr_expect(lines_match(refusal("%TIME(%Y-%q)%"), "at character 1: ~conversion %q:~aAbB~"), "%s",
              why);
    cr_expect(strstr(refusal("%TIME(%Y%n)%"), "conversion %n:"), "no line breaks");
    cr_expect(strstr(refusal("%TIME(%Y %)%"), "conversion %:"));
}

Test(template, reports_which_messages_it_reads)
{
    cr_assert_eq(template_compile(EXTPROC_S("%UUID% %ATTR(a)%"), maps, &arena, &t, &why), 0);
    cr_expect_eq(template_reads(t), 0u);
    cr_assert_eq(template_compile(EXTPROC_S("%PATH%"), maps, &arena, &t, &why), 0);
    cr_expect_eq(template_reads(t), (uint32_t)EXTPROC_PHASE_REQUEST_HEADERS);
    cr_assert_eq(template_compile(EXTPROC_S("%REQ(a)% %STATUS%"), maps, &arena, &t, &why), 0);
    cr_expect_eq(template_reads(t),
                 (uint32_t)(EXTPROC_PHASE_REQUEST_HEADERS | EXTPROC_PHASE_RESPONSE_HEADERS));
}
