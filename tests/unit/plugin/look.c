/* The value of each subject in a transaction. */
#include "plugin/choose/look.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <string.h>

static struct arena arena;
static struct headers headers[N_LANES];
static struct facts facts;

static struct extproc_value attribute(void *arg, struct extproc_str name)
{
    const struct extproc_value absent = {EXTPROC_KIND_ABSENT};
    struct extproc_value list = {EXTPROC_KIND_LIST};
    if (str_eq_c(name, "text"))
        return extproc_string(EXTPROC_S("10.0.0.1"));
    if (str_eq_c(name, "number"))
        return extproc_number(503);
    if (str_eq_c(name, "fraction"))
        return extproc_number(0.1);
    if (str_eq_c(name, "bool"))
        return extproc_bool(true);
    if (str_eq_c(name, "null"))
        return extproc_null();
    return str_eq_c(name, "list") ? list : absent;
}

static struct extproc_value metadata(void *arg, struct extproc_str ns)
{
    struct extproc_value v = {EXTPROC_KIND_ABSENT};
    struct extproc_field field = {EXTPROC_STR("tenant"), extproc_string(EXTPROC_S("blue"))};
    if (str_eq_c(ns, "com.example"))
        value_dict(&arena, &field, 1, &v);
    return v;
}

static struct extproc_str field(void *arg, const char *name)
{
    return strcmp(name, "x-tenant") == 0 ? EXTPROC_S("green") : STR_ABSENT;
}

static const struct facts_source source = {attribute, metadata, field};

#define H(name, value)                                                                             \
    {                                                                                              \
        EXTPROC_STR(name), EXTPROC_STR(value)                                                      \
    }

static void given(const char *path)
{
    static struct extproc_header request[] = {
        H(":method", "POST"), H(":path", ""),   H(":scheme", "https"), H("host", "a.test"),
        H("x-one", "1"),      H("x-many", ""),  H("cookie", "a=1"),    H("x-many", "b"),
        H("cookie", "b=2"),   H("x-empty", ""),
    };
    static const struct extproc_header response[] = {H(":status", "404"), H("server", "s")};
    request[1].value = extproc_str_of(path);
    arena_init(&arena, 256);
    headers_init(&headers[LANE_REQUEST], request, sizeof request / sizeof *request);
    headers_init(&headers[LANE_RESPONSE], response, 2);
    facts = (struct facts){.listener = "mesh",
                           .headers = {&headers[LANE_REQUEST], &headers[LANE_RESPONSE]},
                           .status = 404,
                           .source = &source,
                           .arena = &arena};
}

/* NULL: absent; "(present)": without a text. */
static void expect(const char *subject, const char *wanted)
{
    struct subject s;
    struct pattern_value value;
    const char *why = NULL;
    cr_assert_eq(subject_read(extproc_str_of(subject), &arena, &s, &why), 0, "%s: %s", subject,
                 why);
    cr_assert_eq(look(&s, &facts, &value), 0);
    cr_expect_eq(value.present, wanted != NULL, "%s", subject);
    if (value.present && !value.text.ptr)
        cr_expect_str_eq(wanted, "(present)", "%s", subject);
    else if (wanted)
        cr_expect(str_eq_c(value.text, wanted), "%s is \"%.*s\"", subject, EXTPROC_ARG(value.text));
}

Test(look, at_every_subject)
{
    given("/a/b?x=1&y=2%20&x=3&z&=w#f?q=1");
    expect("path", "/a/b");
    expect("query.x", "1");
    expect("query.y", "2%20");
    expect("query.z", "");
    expect("query.q", NULL);
    expect("method", "POST");
    expect("authority", "a.test");
    expect("header.host", "a.test");
    expect("scheme", "https");
    expect("header.x-one", "1");
    expect("header.x-none", NULL);
    expect("header.x-empty", "");
    expect("response_header.server", "s");
    expect("response_header.x-one", NULL);
    expect("status", "404");
    expect("attribute.text", "10.0.0.1");
    expect("attribute.number", "503");
    expect("attribute.fraction", "0.1");
    expect("attribute.bool", "true");
    expect("attribute.null", NULL);
    expect("attribute.list", "(present)");
    expect("attribute.none", NULL);
    expect("metadata.com.example/tenant", "blue");
    expect("metadata.com.example/other", NULL);
    expect("metadata.other/tenant", NULL);
    expect("grpc.x-tenant", "green");
    expect("grpc.x-other", NULL);
    expect("listener", "mesh");
    arena_fini(&arena);
}

/* Whether a proxy joins them or not, the lines of a header are one value. */
Test(look, the_lines_of_a_header_are_one_value)
{
    given("/");
    expect("header.x-many", ", b");
    expect("header.cookie", "a=1; b=2");
    arena_fini(&arena);
}

Test(look, a_path_without_a_query_has_no_parameters)
{
    static const char *const paths[] = {"/", "/?", "", "*", "/#x=1"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        given(paths[i]);
        expect("query.x", NULL);
        arena_fini(&arena);
    }
}

Test(look, what_has_not_come_is_absent)
{
    static const char *const subjects[] = {"path",   "query.x",      "method", "authority",
                                           "scheme", "header.x-one", "status", "response_header.a"};
    given("/");
    facts.headers[LANE_REQUEST] = facts.headers[LANE_RESPONSE] = NULL;
    facts.status = 0;
    facts.listener = NULL;
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
        expect(subjects[i], NULL);
    expect("listener", NULL);
    arena_fini(&arena);
}
