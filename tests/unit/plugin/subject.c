/* How a key names what a condition looks at. */
#include "plugin/choose/subject.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static struct arena arena;

static void begin(void)
{
    arena_init(&arena, 256);
}

static void end(void)
{
    arena_fini(&arena);
}

TestSuite(subject, .init = begin, .fini = end);

static struct subject read(const char *text)
{
    struct subject s;
    const char *why = NULL;
    cr_assert_eq(subject_read(extproc_str_of(text), &arena, &s, &why), 0, "%s: %s", text, why);
    return s;
}

static void expect_refused(const char *text, const char *wanted)
{
    struct subject s;
    const char *why = NULL;
    cr_assert_eq(subject_read(extproc_str_of(text), &arena, &s, &why), -EINVAL, "%s", text);
    cr_expect(strstr(why, wanted), "%s: %s", text, why);
}

static const struct extproc_str response[] = {EXTPROC_STR("response."), EXTPROC_STR("upstream.")};
static const struct str_list late = STR_LIST(response);

static const struct {
    const char *text, *name, *space;
    enum subject_kind kind;
    uint32_t reads;
    bool late;
} known[] = {
    {"path", NULL, NULL, SUBJECT_PATH, EXTPROC_PHASE_REQUEST_HEADERS},
    {"query.a.b", "a.b", "", SUBJECT_QUERY, EXTPROC_PHASE_REQUEST_HEADERS},
    {"method", NULL, NULL, SUBJECT_METHOD, EXTPROC_PHASE_REQUEST_HEADERS},
    {"authority", NULL, NULL, SUBJECT_AUTHORITY, EXTPROC_PHASE_REQUEST_HEADERS},
    {"scheme", NULL, NULL, SUBJECT_SCHEME, EXTPROC_PHASE_REQUEST_HEADERS},
    {"header.X-Role", "x-role", "", SUBJECT_HEADER, EXTPROC_PHASE_REQUEST_HEADERS},
    {"response_header.Server", "server", "", SUBJECT_RESPONSE_HEADER,
     EXTPROC_PHASE_RESPONSE_HEADERS, true},
    {"status", NULL, NULL, SUBJECT_STATUS, EXTPROC_PHASE_RESPONSE_HEADERS, true},
    {"attribute.source.address", "source.address", "", SUBJECT_ATTRIBUTE, 0},
    {"attribute.response.flags", "response.flags", "", SUBJECT_ATTRIBUTE, 0, true},
    {"attribute.upstream.address", "upstream.address", "", SUBJECT_ATTRIBUTE, 0, true},
    {"metadata.com.example.auth/Tenant/x", "Tenant/x", "com.example.auth", SUBJECT_METADATA, 0},
    {"grpc.X-Tenant", "x-tenant", "", SUBJECT_GRPC, 0},
    {"listener", NULL, NULL, SUBJECT_LISTENER, 0},
};

Test(subject, is_read_with_its_name)
{
    cr_assert_eq(sizeof known / sizeof *known, N_SUBJECTS + 2);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct subject s = read(known[i].text);
        cr_expect_eq(s.kind, known[i].kind, "%s", known[i].text);
        cr_expect_eq(subject_reads(&s), known[i].reads, "%s", known[i].text);
        cr_expect_eq(subject_is_late(&s, late), known[i].late, "%s", known[i].text);
        if (known[i].name)
            cr_expect_str_eq(s.name.ptr, known[i].name);
        else
            cr_expect(!s.name.ptr, "%s", known[i].text);
        if (known[i].space)
            cr_expect(str_eq_c(s.space, known[i].space), "%s", known[i].text);
    }
}

Test(subject, a_name_of_a_host_or_scheme_has_no_case)
{
    struct subject authority = read("authority"), scheme = read("scheme"), path = read("path");
    cr_expect(subject_folds(&authority));
    cr_expect(subject_folds(&scheme));
    cr_expect(!subject_folds(&path));
}

Test(subject, what_is_not_one_is_refused_with_the_nearest)
{
    expect_refused("pth", "did you mean path?");
    expect_refused("headers.x", "did you mean header.NAME?");
    expect_refused("cookie", "expected path, query.NAME,");
    expect_refused("", "missing subject");
    expect_refused(".x", "missing subject");
    expect_refused("header", "expected header.NAME");
    expect_refused("header.", "expected header.NAME");
    expect_refused("header.a b", "invalid name \"a b\"");
    expect_refused("path.x", "unexpected name \"x\"");
    expect_refused("metadata.ns", "expected metadata.NAMESPACE/KEY");
    expect_refused("metadata./key", "expected metadata.NAMESPACE/KEY");
    expect_refused("metadata.ns/", "expected metadata.NAMESPACE/KEY");
    expect_refused("grpc.grpc-timeout", "belongs to gRPC");
    expect_refused("attribute.\xff", "UTF-8");
}

Test(subject, says_what_the_proxy_has_to_send)
{
    struct wants wants = {0};
    struct subject s = read("attribute.source.address");
    cr_assert_eq(subject_wants(&s, &wants, &arena), 0);
    s = read("metadata.ns/key");
    cr_assert_eq(subject_wants(&s, &wants, &arena), 0);
    s = read("grpc.x-tenant");
    cr_assert_eq(subject_wants(&s, &wants, &arena), 0);
    s = read("path");
    cr_assert_eq(subject_wants(&s, &wants, &arena), 0);
    cr_expect(str_eq_c(wants.first[WANT_ATTRIBUTE]->name, "source.address"));
    cr_expect(str_eq_c(wants.first[WANT_METADATA]->name, "ns"));
    cr_expect(str_eq_c(wants.first[WANT_STREAM_METADATA]->name, "x-tenant"));
    cr_expect(!wants.first[WANT_STREAM_METADATA]->next);
}
