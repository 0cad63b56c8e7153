/* apikey: keys in headers and queries, right, wrong and hostile. */
#include "files.h"
#include "plugin.h"

#include <sys/stat.h>

/* Of key-of-shop, other-key and second. */
#define SHOP   "shop 625ec9a8bfc54cc62de07d58b187d9e967e1fbcaa61cf9acd03ce7995c261a8d\n"
#define OTHER  "other 580843D03D2216FF1A275D0991BAD66E4D1AF871171D929E9DE604B7959F9BCA\n"
#define SECOND "shop 16367aacb67a4a017c8da8ab95682ccb390863780f7114dda0a0e0c55644c7c4\n"

static char ini[1024];

static const char *with_keys(const char *list, const char *keys)
{
    snprintf(ini, sizeof ini, PLUGIN_INI("apikey", "keys = %s\n%s"), file_with("keys", list), keys);
    return ini;
}

static struct kit *kit_for(const char *keys)
{
    return kit_of_ini(with_keys("# programs\n" SHOP OTHER SECOND, keys));
}

static struct kit_call *tried(struct kit *k, const char *path, const char *header)
{
    char headers[8192];
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    snprintf(headers, sizeof headers, ":method: GET\n:path: %s\nx-client: root%s%s", path,
             header ? "\n" : "", header ? header : "");
    kit_headers(c, LANE_REQUEST, headers, true);
    return c;
}

static void expect_passes(struct kit *k, const char *path, const char *header, const char *name,
                          const char *new_path)
{
    struct kit_call *c = tried(k, path, header);
    kit_expect_going(c);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-client", name);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, ":path", new_path);
    kit_end(c);
}

static void expect_refused(struct kit *k, const char *path, const char *header)
{
    struct kit_call *c = tried(k, path, header);
    kit_expect_immediate(c, 401, "A valid key is required.\n", "p");
    kit_end(c);
}

Test(apikey, a_key_in_a_header_passes)
{
    struct kit *k = kit_for("name_header = x-client");
    expect_passes(k, "/", "x-api-key: key-of-shop", "shop", "/");
    expect_passes(k, "/", "X-API-Key: other-key", "other", "/");
    expect_passes(k, "/?a=b", "x-api-key: second", "shop", "/?a=b");
    struct kit_call *c = tried(k, "/", "x-api-key: key-of-shop");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-api-key", NULL);
    kit_end(c);
    kit_free(k);
    files_end();
}

Test(apikey, what_is_not_a_key_is_refused)
{
    static char long_one[6000] = "x-api-key: ";
    static const char *const hostile[] = {
        NULL,
        "x-api-key:",
        "x-api-key: key-of-sho",
        "x-api-key: key-of-shopp",
        "x-api-key: KEY-OF-SHOP",
        "x-api-key: 625ec9a8bfc54cc62de07d58b187d9e967e1fbcaa61cf9acd03ce7995c261a8d",
        "x-api-key: key-of-shop\nx-api-key: key-of-shop",
        "authorization: key-of-shop",
        long_one,
    };
    memset(long_one + 11, 'a', sizeof long_one - 12);
    struct kit *k = kit_for("");
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++)
        expect_refused(k, "/?x-api-key=key-of-shop", hostile[i]);
    kit_free(k);
    files_end();
}

Test(apikey, a_scheme_comes_before_the_key)
{
    struct kit *k = kit_for("header = authorization\nscheme = Bearer\nname_header = x-client");
    expect_passes(k, "/", "authorization: bearer  key-of-shop", "shop", "/");
    expect_refused(k, "/", "authorization: key-of-shop");
    expect_refused(k, "/", "authorization: Bearer");
    expect_refused(k, "/", "authorization: Bearerkey-of-shop");
    expect_refused(k, "/", "authorization: Basic key-of-shop");
    kit_free(k);
    files_end();
}

Test(apikey, a_key_in_the_query_passes_and_is_removed)
{
    struct kit *k = kit_for("query = k\nname_header = x-client");
    expect_passes(k, "/a?k=key-of-shop", NULL, "shop", "/a");
    expect_passes(k, "/a?b=c&k=key%2Dof-shop&d", NULL, "shop", "/a?b=c&d");
    expect_passes(k, "/a?k=key-of-shop&%6b=x&d=", NULL, "shop", "/a?d=");
    expect_refused(k, "/a?k=wrong&k=key-of-shop", NULL);
    expect_refused(k, "/a?kk=key-of-shop", NULL);
    expect_refused(k, "/a", "x-api-key: key-of-shop");
    kit_free(k);
    files_end();
}

Test(apikey, the_header_counts_where_both_are_configured)
{
    struct kit *k = kit_for("header = x-key\nquery = k\nname_header = x-client");
    expect_passes(k, "/?k=other-key", "x-key: key-of-shop", "shop", "/");
    expect_passes(k, "/?k=other-key", NULL, "other", "/");
    expect_refused(k, "/?k=other-key", "x-key: wrong");
    kit_free(k);
    files_end();
}

static void kept(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: POST\n:path: /?k=key-of-shop\nx-client: root", "abc", "x-end: 1");
    kit_expect_going(c);
    kit_expect_header(c, EXTPROC_MAP_REQUEST, ":path", "/?k=key-of-shop");
    kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-client", "root");
    kit_expect_body(c, LANE_REQUEST, "abc");
}

Test(apikey, nothing_is_changed_that_no_key_asks_for)
{
    struct kit *k = kit_for("query = k\nstrip = no");
    kit_every_way(k, 0, kept, NULL);
    kit_free(k);
    files_end();
}

static void refused(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: POST\n:path: /", "abc", "x-end: 1");
    kit_expect_immediate(c, 401, NULL, "p");
}

Test(apikey, nothing_passes_without_a_key_in_any_way)
{
    struct kit *k = kit_for("");
    kit_every_way(k, 0, refused, NULL);
    kit_free(k);
    files_end();
}

Test(apikey, where_the_headers_are_skipped_nothing_passes)
{
    struct kit *k = kit_for("");
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED});
    kit_body(c, LANE_REQUEST, "abc", true);
    kit_expect_immediate(c, 401, NULL, "p");
    kit_end(c);
    kit_free(k);
    files_end();
}

Test(apikey, a_file_that_changes_is_read_again)
{
    struct kit *k = kit_for("name_header = x-client");
    file_with("keys", OTHER);
    kit_run_until(k, 6000);
    expect_refused(k, "/", "x-api-key: key-of-shop");
    expect_passes(k, "/", "x-api-key: other-key", "other", "/");
    file_with("keys", "other\n");
    kit_run_until(k, 12000);
    cr_expect(lines_have(kit_log(k),
                         "keys: ~keys:1: expected NAME SHA256~keeping the previous contents"));
    expect_passes(k, "/", "x-api-key: other-key", "other", "/");
    const char *path = file_with("keys", OTHER);
    cr_assert(unlink(path) == 0 && mkdir(path, 0700) == 0);
    kit_run_until(k, 18000);
    cr_expect(lines_have(kit_log(k), "keys: ~keys: not a regular file (keeping"), "%s", kit_log(k));
    expect_passes(k, "/", "x-api-key: other-key", "other", "/");
    cr_assert_eq(rmdir(path), 0);
    kit_free(k);
    files_end();
}

static void stripped(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: GET\n:path: /?k=key-of-shop&a", NULL, NULL);
}

Test(apikey, exhausted_memory_ends_only_the_stream)
{
    struct kit *k = kit_for("query = k\nname_header = x-client");
    kit_every_failure(k, &(struct kit_how){0}, stripped, NULL);
    kit_free(k);
    files_end();
}

Test(apikey, what_it_does_not_take)
{
    static const struct {
        const char *keys, *why;
    } cases[] = {
        {"shop\n", "keys:1: expected NAME SHA256~"},
        {SHOP "x 12\n", "keys:2: expected NAME SHA256~"},
        {"x 625ec9a8bfc54cc62de07d58b187d9e967e1fbcaa61cf9acd03ce7995c261a8g\n",
         "keys:1: expected NAME SHA256~"},
        {"x 625ec9a8bfc54cc62de07d58b187d9e967e1fbcaa61cf9acd03ce7995c261a8d y\n",
         "keys:1: expected NAME SHA256"},
        {"\xc3\xa9 625ec9a8bfc54cc62de07d58b187d9e967e1fbcaa61cf9acd03ce7995c261a8d\n",
         "keys:1: a name that is not printable~"},
    };
    char why[256];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(why, sizeof why, "test.ini:3: [plugin:p] keys: ~%s", cases[i].why);
        PLUGIN_REFUSED_INI(with_keys(cases[i].keys, ""), why);
    }
    PLUGIN_REFUSED_INI(with_keys(SHOP, "query = k\nscheme = Bearer"),
                       "test.ini:5: [plugin:p] scheme: has no effect without header");
    PLUGIN_REFUSED_INI(with_keys(SHOP, "name_header = X-Api-Key"),
                       "test.ini:4: [plugin:p] name_header: is the header of the key");
    PLUGIN_REFUSED_INI(with_keys(SHOP, "header = a b"), "test.ini:4: [plugin:p] header: ~");
    files_end();
}
