/* redirect: by a template, by a list, and what a client cannot make of it. */
#include "files.h"
#include "plugin.h"

#include <fcntl.h>
#include <sys/stat.h>

static char ini[1024];

static const char *with_map(const char *map, const char *keys)
{
    snprintf(ini, sizeof ini, PLUGIN_INI("redirect", "map = %s\n%s"), file_with("map", map), keys);
    return ini;
}

static void expect_at(struct kit *k, const char *path, unsigned status, const char *location)
{
    char headers[256];
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    snprintf(headers, sizeof headers, ":method: GET\n:path: %s\n:authority: a.test", path);
    kit_headers(c, LANE_REQUEST, headers, true);
    if (location) {
        kit_expect_immediate(c, status, "", "p");
        const PbImmediateResponse *r = kit_answer(c)->immediate_response;
        cr_assert_eq(r->headers->n_set_headers, 1);
        const PbHeaderValueOption *option = r->headers->set_headers[0];
        cr_expect_str_eq(option->header->key, "location");
        struct extproc_str value = {(const char *)option->header->raw_value.data,
                                    option->header->raw_value.len};
        cr_expect(str_eq_c(value, location), "%s leads to %.*s, not %s", path, EXTPROC_ARG(value),
                  location);
    } else {
        kit_expect_going(c);
        kit_expect_unchanged(c);
    }
    kit_end(c);
}

/* ---- by a template --------------------------------------------------------------------------- */

static void every_way(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: POST\n:path: /a?b=c\n:authority: a.test", "abc", "x-end: 1");
    kit_expect_immediate(c, 308, "", "p");
}

Test(redirect, answers_in_every_way)
{
    struct kit *k = PLUGIN_KIT("redirect", "to = https://b.test%PATH%\nstatus = 308");
    kit_every_way(k, 0, every_way, NULL);
    kit_free(k);
}

Test(redirect, goes_where_the_template_says)
{
    struct kit *k = PLUGIN_KIT("redirect", "to = https://www.%REQ(:authority)%%PATH%");
    expect_at(k, "/a", 302, "https://www.a.test/a");
    expect_at(k, "/a?b=c", 302, "https://www.a.test/a?b=c");
    kit_free(k);
}

Test(redirect, keeps_the_query_or_drops_it)
{
    struct kit *k = PLUGIN_KIT("redirect", "to = /new#part");
    expect_at(k, "/a?b=c", 302, "/new?b=c#part");
    expect_at(k, "/a", 302, "/new#part");
    kit_free(k);
    k = PLUGIN_KIT("redirect", "to = /new?x=1");
    expect_at(k, "/a?b=c", 302, "/new?x=1");
    kit_free(k);
    k = PLUGIN_KIT("redirect", "to = https://b.test%PATH%\nquery = drop");
    expect_at(k, "/a?b=c", 302, "https://b.test/a");
    kit_free(k);
}

Test(redirect, a_client_cannot_choose_the_host)
{
    struct kit *k = PLUGIN_KIT("redirect", "to = %PATH%/");
    expect_at(k, "//evil.test", 302, "/evil.test/");
    expect_at(k, "/\\evil.test", 302, "\\evil.test/");
    expect_at(k, "/good", 302, "/good/");
    kit_free(k);
    k = PLUGIN_KIT("redirect", "to = //b.test%PATH%");
    expect_at(k, "/a", 302, "//b.test/a");
    kit_free(k);
}

Test(redirect, a_value_that_is_not_valid_fails)
{
    struct kit *k = PLUGIN_KIT("redirect", "to = https://b.test/%ATTR(evil)%");
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    kit_with(c, KIT_ATTRIBUTES, NULL, "evil", "a\r\nset-cookie: b");
    kit_headers(c, LANE_REQUEST, ":method: GET\n:path: /", true);
    kit_expect_immediate(c, 500, NULL, "extprocd.p.error");
    kit_end(c);
    kit_free(k);
}

/* ---- by a list ------------------------------------------------------------------------------- */

#define LIST                                                                                       \
    "# moved\n\n/old  /new\r\n/gone\thttps://b.test/x 301\n/old?id=3 /three 308\n/a/b/c /d?e=f\n"

Test(redirect, paths_of_the_list_go_where_it_says)
{
    struct kit *k = kit_of_ini(with_map(LIST, "status = 307"));
    expect_at(k, "/old", 307, "/new");
    expect_at(k, "/old?id=2", 307, "/new?id=2");
    expect_at(k, "/old?id=3", 308, "/three");
    expect_at(k, "/gone", 301, "https://b.test/x");
    expect_at(k, "/a/b/c?x", 307, "/d?e=f");
    expect_at(k, "/ol", 0, NULL);
    expect_at(k, "/old/", 0, NULL);
    expect_at(k, "/OLD", 0, NULL);
    kit_free(k);
    files_end();
}

Test(redirect, the_others_go_where_the_template_says)
{
    struct kit *k = kit_of_ini(with_map(LIST, "to = https://b.test%PATH%"));
    expect_at(k, "/old", 302, "/new");
    expect_at(k, "/other", 302, "https://b.test/other");
    kit_free(k);
    files_end();
}

Test(redirect, a_long_list_has_all_its_lines)
{
    enum { N = 5000 };
    char *list = malloc(N * 32), *to = list, path[32], target[32];
    for (int i = 0; i < N; i++)
        to += sprintf(to, "/p/%d /q/%d\n", i, i);
    struct kit *k = kit_of_ini(with_map(list, ""));
    for (int i = 0; i < N; i += 499) {
        snprintf(path, sizeof path, "/p/%d", i);
        snprintf(target, sizeof target, "/q/%d", i);
        expect_at(k, path, 302, target);
    }
    kit_free(k);
    free(list);
    files_end();
}

Test(redirect, a_list_that_changes_is_read_again)
{
    struct kit *k = kit_of_ini(with_map("/a /b\n", ""));
    file_with("map", "/a /b2\n/c /d\n");
    kit_run_until(k, 6000);
    expect_at(k, "/a", 302, "/b2");
    expect_at(k, "/c", 302, "/d");
    file_with("map", "/a /b3\nc\n");
    kit_run_until(k, 12000);
    expect_at(k, "/a", 302, "/b2");
    cr_expect(lines_have(
        kit_log(k), "plugin=p~map: ~map:2: a path begins with /~keeping the previous contents"));
    file_with("map", "/a /b4\n");
    kit_run_until(k, 18000);
    expect_at(k, "/a", 302, "/b4");
    expect_at(k, "/c", 0, NULL);
    kit_free(k);
    files_end();
}

/* Of the same length and date, as a tool may make it. */
Test(redirect, another_file_under_the_name_is_read_again)
{
    struct timespec now[2];
    struct stat old;
    struct kit *k = kit_of_ini(with_map("/a /b\n", ""));
    cr_assert_eq(stat(file_with("map", "/a /c\n"), &old), 0);
    kit_run_until(k, 6000);
    expect_at(k, "/a", 302, "/c");
    now[0] = now[1] = old.st_mtim;
    cr_assert_eq(utimensat(AT_FDCWD, file_with("map", "/a /d\n"), now, 0), 0);
    kit_run_until(k, 12000);
    expect_at(k, "/a", 302, "/d");
    kit_free(k);
    files_end();
}

static void listed(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: GET\n:path: /old?id=2", NULL, NULL);
}

Test(redirect, exhausted_memory_ends_only_the_stream)
{
    struct kit *k = kit_of_ini(with_map(LIST, ""));
    kit_every_failure(k, &(struct kit_how){0}, listed, NULL);
    kit_free(k);
    files_end();
}

/* ---- refusals -------------------------------------------------------------------------------- */

Test(redirect, takes_part_in_request_headers_only)
{
    cr_expect_eq(plugin_interest(PLUGIN_INI("redirect", "to = /")), EXTPROC_PHASE_REQUEST_HEADERS);
}

Test(redirect, what_it_does_not_take)
{
    static const struct {
        const char *map, *why;
    } cases[] = {
        {"/a\n", "test.ini:3: [plugin:p] map: ~map:1: missing target~"},
        {"\n# x\na /b\n", "test.ini:3: [plugin:p] map: ~map:3: a path begins with /"},
        {"/a /b\xc3\xa9\n", "test.ini:3: [plugin:p] map: ~map:1: invalid character~"},
        {"/a /b 304\n", "test.ini:3: [plugin:p] map: ~map:1: invalid status~"},
        {"/a /b 302 x\n", "test.ini:3: [plugin:p] map: ~map:1: expected PATH TARGET STATUS"},
        {"/a /a\n", "test.ini:3: [plugin:p] map: ~map:1: a path would redirect to itself"},
        {"/a /b\n/c /d\n/a /e\n", "test.ini:3: [plugin:p] map: ~a path occurs twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        PLUGIN_REFUSED_INI(with_map(cases[i].map, ""), cases[i].why);
    files_end();
    PLUGIN_REFUSED("redirect", "status = 301", "test.ini:~: [plugin:p] to: missing: ~map~");
    PLUGIN_REFUSED("redirect", "to = %NO%", "test.ini:3: [plugin:p] to: ~unknown template~");
    PLUGIN_REFUSED("redirect", "to = /\nstatus = 304", "test.ini:4: [plugin:p] status: ~301~");
    PLUGIN_REFUSED("redirect", "map = /nowhere/map", "test.ini:3: [plugin:p] map: cannot read ~");
}
