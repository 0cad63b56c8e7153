/* basic: names and passwords that are right, wrong, hostile, and remembered. */
#include "files.h"
#include "plugin.h"

/* Of "secret", "secret" and "pass:word". */
#define ANN "ann:$2b$04$ElWsiIvbFP6U7RMw1nBSUODOyXyhvHIgxklMGSw4Mxya/gklhR2ku\n"
#define BOB                                                                                        \
    "bob:$6$rounds=1000$ILDECKuzs8SD5anb$r.WhFMjJMRgsSKk5hx.wYuAdI2X3E9.9BPInNZx0YP00hMfsASp7sW3W" \
    "87ElQuXZGtwgIr88NbrskfXIH6C24.\n"
#define EVE "eve:$5$rounds=1000$wCHq4yZJy7Hc2haq$tLz6iR1bWdcOonA.Atuma2xiz76/hl0T1XTke7syCD7\n"

#define ANN_SECRET    "Basic YW5uOnNlY3JldA=="
#define ANN_WRONG     "Basic YW5uOndyb25n"
#define BOB_SECRET    "basic  Ym9iOnNlY3JldA"
#define EVE_PASS_WORD "BASIC ZXZlOnBhc3M6d29yZA=="
#define NOBODY_SECRET "Basic bm9ib2R5OnNlY3JldA=="

static char ini[1024];

static const char *with_users(const char *users, const char *keys)
{
    snprintf(ini, sizeof ini, PLUGIN_INI("basic", "users = %s\ntimeout = 1m\n%s"),
             file_with("users", users), keys);
    return ini;
}

static struct kit *kit_for(const char *keys)
{
    return kit_of_ini(with_users("# people\n\n" ANN BOB EVE, keys));
}

/* authorization NULL: none. */
static struct kit_call *tried(struct kit *k, const char *authorization)
{
    char headers[2048];
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    kit_lets_wait(c);
    snprintf(headers, sizeof headers, ":method: GET\n:path: /\nx-user: root%s%s",
             authorization ? "\nauthorization: " : "", authorization ? authorization : "");
    kit_headers(c, LANE_REQUEST, headers, true);
    return c;
}

/* A thread has made the hash. */
static void checked(struct kit *k, struct kit_call *c)
{
    kit_waits(c, LANE_REQUEST);
    kit_run_until(k, 0);
    kit_answered(c, LANE_REQUEST);
}

static void expect_asked(struct kit_call *c, const char *challenge)
{
    kit_expect_immediate(c, 401, "A name and a password are required.\n", "p");
    const PbImmediateResponse *r = kit_answer(c)->immediate_response;
    cr_assert_eq(r->headers->n_set_headers, 1);
    const PbHeaderValueOption *option = r->headers->set_headers[0];
    cr_expect_str_eq(option->header->key, "www-authenticate");
    struct extproc_str value = {(const char *)option->header->raw_value.data,
                                option->header->raw_value.len};
    cr_expect(str_eq_c(value, challenge), "%.*s", EXTPROC_ARG(value));
    kit_end(c);
}
#define RESTRICTED "Basic realm=\"restricted\", charset=\"UTF-8\""

Test(basic, a_right_password_passes)
{
    static const char *const right[] = {ANN_SECRET, BOB_SECRET, EVE_PASS_WORD};
    static const char *const names[] = {"ann", "bob", "eve"};
    struct kit *k = kit_for("user_header = x-user\nstrip = yes");
    for (size_t i = 0; i < 3; i++) {
        struct kit_call *c = tried(k, right[i]);
        checked(k, c);
        kit_expect_going(c);
        kit_expect_header(c, EXTPROC_MAP_REQUEST, "x-user", names[i]);
        kit_expect_header(c, EXTPROC_MAP_REQUEST, "authorization", NULL);
        kit_end(c);
    }
    kit_free(k);
    files_end();
}

Test(basic, nothing_is_changed_that_no_key_asks_for)
{
    struct kit *k = kit_for("");
    struct kit_call *c = tried(k, ANN_SECRET);
    checked(k, c);
    kit_expect_going(c);
    kit_expect_unchanged(c);
    kit_end(c);
    kit_free(k);
    files_end();
}

Test(basic, a_wrong_password_and_an_unknown_name_cost_the_same)
{
    static const char *const wrong[] = {ANN_WRONG, NOBODY_SECRET};
    struct kit *k = kit_for("realm = Staff only");
    for (size_t i = 0; i < 2; i++) {
        struct kit_call *c = tried(k, wrong[i]);
        checked(k, c);
        expect_asked(c, "Basic realm=\"Staff only\", charset=\"UTF-8\"");
    }
    kit_free(k);
    files_end();
}

Test(basic, what_is_not_a_name_and_a_password_is_asked_for)
{
    static char long_one[1400] = "Basic ";
    static const char *const hostile[] = {
        NULL,
        "Basic",
        "Basic ",
        "Basic =",
        "Basic YW5u",             /* ann */
        "Basic YW5uOnNlY3JldA=x", /* not base64 */
        "Basic \xff\xfe",
        "Basic YW5uOnNlY3JldAA=", /* a NUL at the end */
        "Basic AGFubjpzZWNyZXQ=", /* a NUL at the beginning */
        "Bearer YW5uOnNlY3JldA==",
        "BasicYW5uOnNlY3JldA==",
        ANN_SECRET "\nauthorization: " ANN_SECRET,
        long_one,
    };
    memset(long_one + 6, 'Y', sizeof long_one - 7);
    struct kit *k = kit_for("");
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++)
        expect_asked(tried(k, hostile[i]), RESTRICTED);
    kit_free(k);
    files_end();
}

Test(basic, an_empty_password_is_a_wrong_one)
{
    struct kit *k = kit_for("");
    struct kit_call *c = tried(k, "Basic YW5uOg=="); /* ann: */
    checked(k, c);
    expect_asked(c, RESTRICTED);
    kit_free(k);
    files_end();
}

/* ---- what is remembered ---------------------------------------------------------------------- */

Test(basic, a_right_password_is_remembered_and_a_wrong_one_is_not)
{
    struct kit *k = kit_for("");
    struct kit_call *c = tried(k, ANN_SECRET);
    checked(k, c);
    kit_end(c);
    c = tried(k, ANN_SECRET);
    cr_expect_eq(kit_n_waiting(c), 0);
    kit_expect_going(c);
    kit_end(c);
    for (int i = 0; i < 2; i++) {
        c = tried(k, ANN_WRONG);
        checked(k, c);
        expect_asked(c, RESTRICTED);
    }
    kit_free(k);
    files_end();
}

Test(basic, a_file_that_changes_is_read_again_and_ends_what_was_remembered)
{
    struct kit *k = kit_for("");
    struct kit_call *c = tried(k, ANN_SECRET);
    checked(k, c);
    kit_end(c);
    file_with("users", BOB);
    kit_run_until(k, 6000);
    c = tried(k, ANN_SECRET);
    checked(k, c);
    expect_asked(c, RESTRICTED);
    file_with("users", "ann:secret\n");
    kit_run_until(k, 12000);
    cr_expect(lines_have(
        kit_log(k), "users: ~users:1: expected a hash of bcrypt~keeping the previous contents"));
    c = tried(k, BOB_SECRET);
    checked(k, c);
    kit_expect_going(c);
    kit_end(c);
    kit_free(k);
    files_end();
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* What the thread works with is freed, as AddressSanitizer sees. */
Test(basic, a_client_that_leaves_wants_no_answer)
{
    struct kit *k = kit_for("");
    kit_reset(tried(k, ANN_SECRET));
    kit_free(k);
    files_end();
}

static void asked_for(struct kit_call *c, void *arg)
{
    kit_request(c, ":method: POST\n:path: /", "abc", "x-end: 1");
    kit_expect_immediate(c, 401, NULL, "p");
}

Test(basic, nothing_passes_without_a_password_in_any_way)
{
    struct kit *k = kit_for("");
    kit_every_way(k, 0, asked_for, NULL);
    kit_free(k);
    files_end();
}

Test(basic, where_the_headers_are_skipped_nothing_passes)
{
    struct kit *k = kit_for("");
    struct kit_call *c = kit_call(k, &(struct kit_how){.request = BODY_MODE_STREAMED});
    kit_body(c, LANE_REQUEST, "abc", true);
    kit_expect_immediate(c, 401, NULL, "p");
    kit_end(c);
    kit_free(k);
    files_end();
}

Test(basic, exhausted_memory_ends_only_the_stream)
{
    struct kit *k = kit_for("");
    kit_every_failure(k, &(struct kit_how){0}, asked_for, NULL);
    kit_free(k);
    files_end();
}

/* ---- refusals -------------------------------------------------------------------------------- */

Test(basic, what_it_does_not_take)
{
    static const struct {
        const char *users, *why;
    } cases[] = {
        {"", "no users"},
        {"# nobody\n", "no users"},
        {"ann\n", "users:1: expected name:hash"},
        {":$6$a$b\n", "users:1: expected name:hash"},
        {"ann:secret\n", "users:1: expected a hash of bcrypt~"},
        {BOB "ann:$apr1$abc$def\n", "users:2: expected a hash of bcrypt~"},
        {"ann:{SHA}abc\n", "users:1: expected a hash of bcrypt~"},
        {"ann:abJnggxhB/yWI\n", "users:1: expected a hash of bcrypt~"},
        {"ann:$2b$99$x\n", "users:1: a hash that is not valid"},
        {"a\tb:$6$a$b\n", "users:1: a control character in a name"},
        {ANN BOB ANN, "a name occurs twice"},
    };
    char why[256];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(why, sizeof why, "test.ini:3: [plugin:p] users: ~%s", cases[i].why);
        PLUGIN_REFUSED_INI(with_users(cases[i].users, ""), why);
    }
    PLUGIN_REFUSED_INI(with_users(ANN, "realm = a\"b"), "test.ini:5: [plugin:p] realm: expected~");
    PLUGIN_REFUSED_INI(with_users(ANN, "user_header = content-length"),
                       "test.ini:5: [plugin:p] user_header: ~");
    files_end();
    PLUGIN_REFUSED("basic", "users = /nowhere/users", "test.ini:3: [plugin:p] users: cannot read~");
}
