/* representation: headers that described the old bytes, and what is left of them. */
#include "http/rules/representation.h"

#include "base/str.h"
#include "failing_arena.h"
#include "kit/edit.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

enum { MAX = 120 };

static struct arena arena;
static struct headers headers;
static struct extproc_header shown[MAX];
static size_t n_shown;

static void setup(void)
{
    arena_init(&arena, 0);
    n_shown = 0;
}

static void teardown(void)
{
    allocations_left = SIZE_MAX;
    arena_fini(&arena);
}

TestSuite(representation, .init = setup, .fini = teardown);

/* "name: value" lines become the map. */
static void map(const char *lines)
{
    while (*lines) {
        size_t len = strcspn(lines, "\n"), name = (size_t)(strchr(lines + 1, ':') - lines);
        shown[n_shown++] = (struct extproc_header){
            .name = {lines, name},
            .value = {lines + name + 2, len - name - 2},
        };
        lines += len + (lines[len] != '\0');
    }
    headers_init(&headers, shown, n_shown);
}

static const char *text(void)
{
    static char out[1024];
    size_t at = 0;
    out[0] = '\0';
    headers_settle(&headers);
    for (size_t i = 0; i < headers_count(&headers); i++) {
        const struct extproc_header *h = headers_at(&headers, i);
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%.*s: %.*s", at ? "\n" : "",
                               EXTPROC_ARG(h->name), EXTPROC_ARG(h->value));
    }
    return out;
}

enum { MAX_EDITS = 100 };
static const struct rules rules = {
    .max_edits = MAX_EDITS, .max_entries = SIZE_MAX, .max_bytes = SIZE_MAX};

static const struct representation_change edited = {.rules = &rules, .response = true};
static const struct representation_change replaced = {
    .rules = &rules, .response = true, .replaced = true};
static const struct representation_change bodiless = {
    .rules = &rules, .response = true, .replaced = true, .bodiless = true};
static const struct representation_change in_request = {.rules = &rules, .replaced = true};

static void expect(const char *before, const struct representation_change *change,
                   const char *after)
{
    n_shown = 0;
    map(before);
    cr_expect_eq(representation_change(&headers, &arena, change), 0);
    cr_expect_str_eq(text(), after);
}

#define DIGESTS                                                                                    \
    "content-md5: a\ndigest: b\ncontent-digest: c\nrepr-digest: d\nunencoded-digest: e\n"
#define KEPT                                                                                       \
    "content-type: text/html\ncontent-language: de\nvary: accept-encoding\nwant-repr-digest: a\n"  \
    "content-location: /a\ncache-control: max-age=1"

Test(representation, checksums_of_the_old_bytes_are_removed)
{
    expect(DIGESTS KEPT, &edited, KEPT);
    expect(DIGESTS KEPT, &replaced, KEPT);
    expect(DIGESTS KEPT, &in_request, KEPT);
}

Test(representation, an_encoding_is_removed_with_all_bytes_and_kept_with_some)
{
    expect("content-encoding: gzip", &edited, "content-encoding: gzip");
    expect("content-encoding: gzip", &replaced, "");
    expect("content-encoding: gzip", &in_request, "");
}

Test(representation, a_range_is_of_the_old_bytes)
{
    expect("accept-ranges: bytes", &edited, "");
    expect("accept-ranges: bytes", &in_request, "accept-ranges: bytes");
    expect("content-range: bytes 0-1/9", &in_request, "");
}

Test(representation, a_part_that_is_replaced_is_no_longer_a_part)
{
    expect(":status: 206\ncontent-range: bytes 0-1/9", &replaced, ":status: 200");
    expect(":status: 206\ncontent-type: multipart/byteranges; boundary=a", &replaced,
           ":status: 200");
    expect(":status: 206\ncontent-type: text/html", &replaced,
           ":status: 200\ncontent-type: text/html");
    expect(":status: 206\ncontent-range: bytes 0-1/9", &edited,
           ":status: 206\ncontent-range: bytes 0-1/9");
    expect(":status: 416\ncontent-range: bytes */9", &edited,
           ":status: 416\ncontent-range: bytes */9");
}

Test(representation, a_strong_entity_tag_becomes_a_weak_one)
{
    expect("etag: \"v1\"", &edited, "etag: W/\"v1\"");
    expect("etag: W/\"v1\"", &edited, "etag: W/\"v1\"");
    expect("etag: \"\"", &replaced, "etag: W/\"\"");
    expect("etag: v1", &edited, "");
    expect("etag: \"v1\"\netag: \"v2\"", &edited, "");
    expect("etag: \"v1\"", &in_request, "etag: \"v1\"");
}

Test(representation, a_date_is_a_validator_of_bytes_only_without_an_entity_tag)
{
    expect("last-modified: a\netag: \"v1\"", &edited, "last-modified: a\netag: W/\"v1\"");
    expect("last-modified: a", &edited, "");
    expect("last-modified: a", &in_request, "last-modified: a");
}

Test(representation, a_length_without_its_body_is_removed)
{
    expect("content-length: 5\ncontent-encoding: gzip", &bodiless, "");
    expect("content-length: 5", &replaced, "content-length: 5"); /* the host keeps it right */
}

Test(representation, what_the_author_of_the_new_bytes_says_stays)
{
    map("etag: \"v1\"\ncontent-encoding: gzip\ncontent-digest: a\n:status: 206");
    edit_map(&headers, &arena, EXTPROC_EDIT_SET, EXTPROC_S("digest"), EXTPROC_S("old"));
    struct representation_change change = replaced;
    change.since = headers_mark(&headers);
    edit_map(&headers, &arena, EXTPROC_EDIT_SET, EXTPROC_S("etag"), EXTPROC_S("\"v2\""));
    edit_map(&headers, &arena, EXTPROC_EDIT_SET, EXTPROC_S("content-encoding"), EXTPROC_S("br"));
    edit_map(&headers, &arena, EXTPROC_EDIT_SET, EXTPROC_S("content-digest"), EXTPROC_S("b"));
    cr_expect_eq(representation_change(&headers, &arena, &change), 0);
    cr_expect_str_eq(text(), "etag: \"v2\"\ncontent-encoding: br\ncontent-digest: b\n:status: 200");
}

Test(representation, form)
{
    static const struct {
        const char *map;
        enum extproc_form request, response;
    } cases[] = {
        {"", EXTPROC_FORM_PLAIN, EXTPROC_FORM_PLAIN},
        {"content-encoding: identity", EXTPROC_FORM_PLAIN, EXTPROC_FORM_PLAIN},
        {"content-encoding: Identity\ncontent-encoding: ", EXTPROC_FORM_PLAIN, EXTPROC_FORM_PLAIN},
        {"content-encoding: gzip", EXTPROC_FORM_ENCODED, EXTPROC_FORM_ENCODED},
        {"content-encoding: identity, br", EXTPROC_FORM_ENCODED, EXTPROC_FORM_ENCODED},
        {"content-encoding: identity\ncontent-encoding: x", EXTPROC_FORM_ENCODED,
         EXTPROC_FORM_ENCODED},
        {":status: 206", EXTPROC_FORM_PLAIN, EXTPROC_FORM_PARTIAL},
        {":status: 206\ncontent-encoding: gzip", EXTPROC_FORM_ENCODED, EXTPROC_FORM_PARTIAL},
        {":status: 416\ncontent-range: bytes */9", EXTPROC_FORM_PARTIAL, EXTPROC_FORM_PLAIN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        n_shown = 0;
        map(cases[i].map);
        cr_expect_eq(representation_form(&headers, false), cases[i].request, "request %zu", i);
        cr_expect_eq(representation_form(&headers, true), cases[i].response, "response %zu", i);
    }
}

/* ---- what would be wrong --------------------------------------------------------------------- */

Test(representation, names_what_would_be_wrong_for_other_bytes)
{
    static const struct {
        const char *headers;
        bool response;
        const char *stale;
    } cases[] = {
        {"content-type: text/plain", true, NULL},
        {"content-encoding: gzip\ncontent-length: 5", true, NULL},
        {"etag: W/\"v1\"\nlast-modified: x", true, NULL},
        {"etag: \"v1\"", true, "etag"},
        {"etag: \"v1\"", false, NULL},
        {"last-modified: x", true, "last-modified"},
        {"accept-ranges: bytes", true, "accept-ranges"},
        {"accept-ranges: bytes", false, NULL},
        {"content-digest: a", false, "content-digest"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        n_shown = 0;
        map(cases[i].headers);
        struct extproc_str stale = representation_stale(&headers, cases[i].response);
        cr_expect(extproc_eq(stale, extproc_str_of(cases[i].stale)), "%s: %.*s", cases[i].headers,
                  EXTPROC_ARG(stale));
    }
}

/* ---- where it cannot be done ----------------------------------------------------------------- */

Test(representation, out_of_memory_leaves_all_as_it_was)
{
    static const char before[] = "content-md5: a\netag: \"v1\"\n:status: 206\ncontent-range: bytes";
    int r = -ENOMEM;
    for (size_t n = 0; r == -ENOMEM; n++) {
        n_shown = 0;
        map(before);
        allocations_left = n;
        r = representation_change(&headers, &arena, &replaced);
        allocations_left = SIZE_MAX;
        if (r == -ENOMEM)
            cr_expect_str_eq(text(), before);
    }
    cr_expect_eq(r, 0);
    cr_expect_str_eq(text(), "etag: W/\"v1\"\n:status: 200");
}

static void edits(enum extproc_edit op, int n)
{
    char name[16];
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "x-%d", i);
        cr_assert_eq(edit_map(&headers, &arena, op, extproc_str_of(name), EXTPROC_S("1")), 0);
    }
}

Test(representation, edits_that_exceed_the_proxys_limit_are_not_made)
{
    map("content-md5: a\ndigest: b");
    edits(EXTPROC_EDIT_REMOVE, MAX_EDITS - 1);
    cr_expect_eq(representation_change(&headers, &arena, &edited), -ENOSPC);
    cr_expect_str_eq(text(), "content-md5: a\ndigest: b");
}

Test(representation, a_status_is_not_removed_where_it_cannot_be_set)
{
    map(":status: 206");
    edits(EXTPROC_EDIT_SET, MAX_EDITS);
    cr_expect_eq(representation_change(&headers, &arena, &replaced), -ENOSPC);
    cr_expect(extproc_eq(headers_get(&headers, EXTPROC_S(":status"), 0), EXTPROC_S("206")));
}
