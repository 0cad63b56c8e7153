#include "plugin/api/setup/api_conf.h"

#include "base/str.h"
#include "ini.h"
#include "plugin/api/api.h"
#include "plugin/instance.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

static struct config_errors errors;
static struct config *config;
static struct plugin_env env = {.api = &plugin_api};
static struct instance *in;

static void end(void)
{
    instance_free(in);
    config_free(config);
    config_errors_fini(&errors);
    metrics_free(env.metrics);
}

TestSuite(api_conf, .fini = end);

static const struct extproc_key keys[] = {
    {.name = "text", .flags = EXTPROC_KEY_LIST},
    {.name = "wait", .type = EXTPROC_KEY_TYPE_DURATION, .fallback = "2s"},
    {.name = "ratio", .type = EXTPROC_KEY_TYPE_FLOAT, .min = "0", .fallback = "0.5"},
    {.name = "page", .type = EXTPROC_KEY_TYPE_PATH},
    {.name = "size", .type = EXTPROC_KEY_TYPE_SIZE},
    {.name = "level", .type = EXTPROC_KEY_TYPE_CHOICE, .choices = "low|high", .fallback = "low"},
    {.name = NULL},
};

static enum extproc_action on_phase(struct extproc_txn *x)
{
    return EXTPROC_ACTION_CONTINUE;
}

/* An instance of a plugin with these keys, two callbacks and this init. */
static int start(int (*init)(struct extproc_instance *), const char *text)
{
    const struct extproc_plugin plugin = {.abi = EXTPROC_ABI,
                                          .name = "p",
                                          .keys = keys,
                                          .init = init,
                                          .request_headers = on_phase,
                                          .response_body = on_phase};
    config = ini_read(text, &errors);
    return instance_new_linked(&plugin, &config->sections[0], &env, &errors, &in);
}

/* ---- values ---------------------------------------------------------------------------------- */

Test(api_conf, returns_values_in_file_order)
{
    cr_assert_eq(start(NULL, "[plugin:a]\ntext = one\nsize = 4k\ntext = two\nlevel = high\n"), 0);
    struct extproc_instance *instance = &in->pub;

    cr_expect_eq(extproc_conf_count(instance, "text"), 2);
    cr_expect(str_eq_c(extproc_conf(instance, "text", 0), "one"));
    cr_expect(str_eq_c(extproc_conf(instance, "text", 1), "two"));
    cr_expect_eq(extproc_conf(instance, "text", 1).ptr[3], 0);
    cr_expect_eq(extproc_conf_int(instance, "size", 0), 4096);
    cr_expect_eq(extproc_conf_int(instance, "level", 0), 1);
    cr_expect_eq(extproc_conf_float(instance, "ratio", 0), 0.5);
    cr_expect_eq(extproc_conf_float(instance, "size", 0), 0);
}

Test(api_conf, returns_fallbacks)
{
    cr_assert_eq(start(NULL, "[plugin:a]\n"), 0);
    struct extproc_instance *instance = &in->pub;

    cr_expect_eq(extproc_conf_count(instance, "wait"), 1);
    cr_expect_eq(extproc_conf_int(instance, "wait", 0), 2000000);
    cr_expect(str_eq_c(extproc_conf(instance, "wait", 0), "2s"));
}

Test(api_conf, absent_is_absent)
{
    cr_assert_eq(start(NULL, "[plugin:a]\ntext = one\n"), 0);
    struct extproc_instance *instance = &in->pub;

    cr_expect(!extproc_conf(instance, "text", 1).ptr);
    cr_expect(!extproc_conf(instance, "size", 0).ptr);
    cr_expect_eq(extproc_conf_count(instance, "size"), 0);
    cr_expect_eq(extproc_conf_int(instance, "text", 0), 0);
    cr_expect(!extproc_conf(instance, "nosuch", 0).ptr);
    cr_expect(!extproc_conf(instance, NULL, 0).ptr);
    cr_expect(!extproc_conf(instance, "file", 0).ptr, "the host's keys are not the plugin's");
}

/* ---- refusals -------------------------------------------------------------------------------- */

static int refuse_values(struct extproc_instance *instance)
{
    cr_expect_eq(extproc_conf_refuse(instance, "text", 1, "is no %s (%s)", "colour", "red"),
                 -EINVAL);
    cr_expect_eq(extproc_conf_refuse(instance, "wait", 0, "is too long"), -EINVAL);
    cr_expect_eq(extproc_conf_refuse(instance, "size", 0, "goes with text"), -EINVAL);
    return extproc_conf_refuse(instance, NULL, 0, "x");
}

Test(api_conf, refuses_a_value_with_its_place)
{
    cr_expect_eq(start(refuse_values, "[plugin:a]\ntext = red\ntext = loud\n"), -EINVAL);
    INI_EXPECT(&errors, "test.ini:1: [plugin:a] wait: is too long",
               "test.ini:1: [plugin:a] size: goes with text",
               "test.ini:3: [plugin:a] text: is no colour (red)");
}

static int refuse_with_a_text(struct extproc_instance *instance)
{
    return extproc_conf_refuse_str(instance, "text", 0, EXTPROC_S("100%s of it"));
}

Test(api_conf, refuses_with_a_text_that_is_there)
{
    cr_assert_eq(start(refuse_with_a_text, "[plugin:a]\ntext = blue\n"), -EINVAL);
    INI_EXPECT(&errors, "test.ini:2: [plugin:a] text: 100%s of it");
}

/* ---- what was refused in an init() that fails ------------------------------------------------ */

static int interest_without_callback(struct extproc_instance *instance)
{
    return extproc_interest(instance, EXTPROC_PHASE_REQUEST_TRAILERS);
}

static int interest_in_no_phase(struct extproc_instance *instance)
{
    return extproc_interest(instance, 1u << N_PHASES);
}

static int fallback_of_its_interest(struct extproc_instance *instance)
{
    return extproc_fallback(instance, EXTPROC_PHASE_RESPONSE_BODY, EXTPROC_FALLBACK_SETS_BODY);
}

static int fallback_in_headers(struct extproc_instance *instance)
{
    return extproc_fallback(instance, EXTPROC_PHASE_REQUEST_HEADERS, EXTPROC_FALLBACK_RESPONDS);
}

static int fallback_with_other_deeds(struct extproc_instance *instance)
{
    return extproc_fallback(instance, 0, 64);
}

static int nameless_attribute(struct extproc_instance *instance)
{
    return extproc_want_attribute(instance, EXTPROC_S(""));
}

static int metadata_for_nothing(struct extproc_instance *instance)
{
    return extproc_want_metadata(instance, EXTPROC_S("a.b"), 0);
}

static int counter_with_a_blank(struct extproc_instance *instance)
{
    return extproc_counter(instance, "two words", "") ? 0 : -EIO;
}

static int check_a_blank(struct extproc_instance *instance)
{
    return extproc_check_edit(instance, EXTPROC_MAP_REQUEST, EXTPROC_EDIT_SET, EXTPROC_S("x y"),
                              EXTPROC_S("1"));
}

static int check_no_map(struct extproc_instance *instance)
{
    return extproc_check_edit(instance, (enum extproc_map)9, EXTPROC_EDIT_SET, EXTPROC_S("x"),
                              EXTPROC_S("1"));
}

static int alloc_too_much(struct extproc_instance *instance)
{
    return extproc_instance_alloc(instance, SIZE_MAX / 2) ? 0 : -EIO;
}

Test(api_conf, an_init_that_fails_names_the_call_that_was_refused)
{
    static const struct {
        int (*init)(struct extproc_instance *);
        const char *why;
    } cases[] = {
        {interest_without_callback, "extproc_interest(\"request_trailers\"): ~no callback~"},
        {interest_in_no_phase, "extproc_interest(): ~not a phase~"},
        {fallback_of_its_interest, "extproc_fallback(\"response_body\"): ~extproc_interest()~"},
        {fallback_in_headers, "extproc_fallback(\"request_headers\"): ~headers phase~"},
        {fallback_with_other_deeds, "extproc_fallback(): ~effects~"},
        {nameless_attribute, "extproc_want_attribute(\"\"): ~empty~"},
        {metadata_for_nothing, "extproc_want_metadata(\"a.b\"): ~EXTPROC_METADATA_READ~"},
        {counter_with_a_blank, "extproc_counter(\"two words\"): ~[a-z]~"},
        {check_a_blank, "extproc_check_edit(\"x y\"): ~contains a space~"},
        {check_no_map, "extproc_check_edit(\"x\"): ~map~"},
        {alloc_too_much, "extproc_instance_alloc(): out of memory"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char pattern[160];
        snprintf(pattern, sizeof pattern, "test.ini:1: [plugin:a] ~\"p\"~init() failed: %s",
                 cases[i].why);
        cr_expect_eq(start(cases[i].init, "[plugin:a]\n"), -EINVAL);
        INI_EXPECT(&errors, pattern);
        config_errors_fini(&errors);
        config = config_free(config);
    }
}

static int refused_and_then_said(struct extproc_instance *instance)
{
    extproc_interest(instance, 1u << N_PHASES);
    return extproc_conf_refuse(instance, "wait", 0, "too long");
}

Test(api_conf, what_a_plugin_reports_itself_is_reported_alone)
{
    cr_expect_eq(start(refused_and_then_said, "[plugin:a]\nwait = 1h\n"), -EINVAL);
    INI_EXPECT(&errors, "test.ini:2: [plugin:a] wait: too long");
}

/* ---- interest -------------------------------------------------------------------------------- */

static int narrow(struct extproc_instance *instance)
{
    cr_expect_eq(
        extproc_interest(instance, EXTPROC_PHASE_REQUEST_HEADERS | EXTPROC_PHASE_REQUEST_BODY),
        -EINVAL);
    cr_expect_eq(extproc_interest(instance, 1u << N_PHASES), -EINVAL);
    return extproc_interest(instance, EXTPROC_PHASE_RESPONSE_BODY);
}

static extproc_on_fn on_nothing;
static enum extproc_action on_nothing(struct extproc_txn *x)
{
    return EXTPROC_ACTION_CONTINUE;
}

static int fall_back(struct extproc_instance *instance)
{
    struct instance *own = (struct instance *)instance;
    own->on[PHASE_REQUEST_HEADERS] = own->on[PHASE_REQUEST_BODY] = on_nothing;
    cr_expect_eq(extproc_interest(instance, EXTPROC_PHASE_REQUEST_HEADERS), 0);
    cr_expect_eq(extproc_fallback(instance, EXTPROC_PHASE_REQUEST_TRAILERS, 0), -EINVAL,
                 "no callback");
    cr_expect_eq(extproc_fallback(instance, EXTPROC_PHASE_REQUEST_HEADERS, 0), -EINVAL,
                 "of its interest");
    cr_expect_eq(extproc_fallback(instance, EXTPROC_PHASE_REQUEST_BODY, 4), -EINVAL,
                 "no such deed");
    cr_expect_eq(extproc_fallback(instance, 1u << N_PHASES, 0), -EINVAL);
    return extproc_fallback(instance, EXTPROC_PHASE_REQUEST_BODY, EXTPROC_FALLBACK_RESPONDS);
}

Test(api_conf, a_fallback_is_not_an_interest)
{
    cr_assert_eq(start(fall_back, "[plugin:a]\n"), 0);
    cr_expect_eq(in->interest, (uint32_t)EXTPROC_PHASE_REQUEST_HEADERS);
    cr_expect_eq(in->fallback, (uint32_t)EXTPROC_PHASE_REQUEST_BODY);
    cr_expect_eq(in->effects, EXTPROC_FALLBACK_RESPONDS);
    cr_expect_eq(extproc_fallback(&in->pub, 0, 0), -EOPNOTSUPP);
}

Test(api_conf, interest_can_be_narrowed)
{
    cr_assert_eq(start(narrow, "[plugin:a]\n"), 0);
    cr_expect_eq(in->interest, (uint32_t)EXTPROC_PHASE_RESPONSE_BODY);
}

/* ---- templates ------------------------------------------------------------------------------- */

static struct extproc_template *whole, *part;

static int compile(struct extproc_instance *instance)
{
    whole = extproc_conf_template(instance, "text", 0);
    part = extproc_conf_template_part(instance, "text", 0, EXTPROC_S("%UUID%"));
    return 0;
}

Test(api_conf, compiles_templates)
{
    cr_assert_eq(start(compile, "[plugin:a]\ntext = x-id: %UUID%\n"), 0);
    cr_expect(whole && part);
}

Test(api_conf, reports_where_a_template_is_wrong)
{
    cr_assert_eq(start(compile, "[plugin:a]\ntext = x-id: %UIUD%\n"), -EINVAL);
    cr_expect(!whole);
    INI_EXPECT(&errors, "test.ini:2: [plugin:a] text: at character 7: ~%UIUD ~%UUID?~");
}

Test(api_conf, a_template_needs_a_text)
{
    cr_assert_eq(start(compile, "[plugin:a]\n"), -EINVAL);
    cr_expect(!whole && part);
    INI_EXPECT(&errors, "test.ini:1: [plugin:a] text: ~missing value~");
}

static int init_wanting(struct extproc_instance *instance)
{
    cr_expect(extproc_conf_template(instance, "text", 0));
    cr_expect_eq(extproc_want_attribute(instance, EXTPROC_S("source.address")), 0);
    cr_expect_eq(extproc_want_attribute(instance, EXTPROC_S("request.id")), 0);
    cr_expect_eq(extproc_want_metadata(instance, EXTPROC_S("both"),
                                       EXTPROC_METADATA_READ | EXTPROC_METADATA_WRITE),
                 0);
    cr_expect_eq(extproc_want_metadata(instance, EXTPROC_S("out"), EXTPROC_METADATA_WRITE), 0);

    cr_expect_eq(extproc_want_attribute(instance, EXTPROC_S("")), -EINVAL);
    cr_expect_eq(extproc_want_attribute(instance, STR_ABSENT), -EINVAL);
    cr_expect_eq(extproc_want_attribute(instance, EXTPROC_S("\xff")), -EINVAL);
    cr_expect_eq(extproc_want_metadata(instance, EXTPROC_S("a"), 0), -EINVAL);
    cr_expect_eq(extproc_want_metadata(instance, EXTPROC_S("a"), 4), -EINVAL);
    cr_expect_eq(extproc_want_metadata(instance, EXTPROC_S(""), EXTPROC_METADATA_READ), -EINVAL);
    return 0;
}

static void expect_wanted(enum want_kind kind, const char *const *names)
{
    const struct want *w = in->wants.first[kind];
    for (; w && *names; w = w->next, names++)
        cr_expect(str_eq_c(w->name, *names), "%.*s, not %s", EXTPROC_ARG(w->name), *names);
    cr_expect(!w && !*names);
}
#define EXPECT_WANTED(kind, ...) expect_wanted(kind, (const char *const[]){__VA_ARGS__, NULL})

Test(api_conf, knows_what_is_read_beside_the_messages)
{
    start(init_wanting, "[plugin:a]\ntext = %ATTR(source.address)% %METADATA(ns:key)%\n");
    EXPECT_WANTED(WANT_ATTRIBUTE, "source.address", "request.id");
    EXPECT_WANTED(WANT_METADATA, "ns", "both");
    EXPECT_WANTED(WANT_METADATA_WRITE, "both", "out");
}

static int ask_for_undeclared_keys(struct extproc_instance *instance)
{
    extproc_conf(instance, "colour", 0);
    extproc_conf_int(instance, "sise", 0);
    extproc_conf(instance, "colour", 1);
    return 0;
}

Test(api_conf, reports_each_key_that_the_table_does_not_have_once)
{
    cr_expect_eq(start(ask_for_undeclared_keys, "[plugin:a]\n"), -EINVAL);
    INI_EXPECT(&errors, "test.ini:1: [plugin:a] ~\"colour\"~declare~",
               "test.ini:1: [plugin:a] ~\"sise\"~declare~");
}

/* ---- edits to come --------------------------------------------------------------------------- */

static int ask(struct extproc_instance *instance, enum extproc_map map, enum extproc_edit op,
               const char *name, const char *value)
{
    return extproc_check_edit(instance, map, op, extproc_str_of(name), extproc_str_of(value));
}

static int ask_about_edits(struct extproc_instance *instance)
{
    cr_expect_eq(ask(instance, EXTPROC_MAP_REQUEST, EXTPROC_EDIT_SET, ":path", NULL), 0);
    cr_expect_eq(ask(instance, EXTPROC_MAP_REQUEST, EXTPROC_EDIT_SET, ":path", "/a%20b"), 0);
    cr_expect_eq(ask(instance, EXTPROC_MAP_REQUEST, EXTPROC_EDIT_SET, ":path", "a b"), -EINVAL);
    cr_expect_eq(ask(instance, EXTPROC_MAP_REQUEST, EXTPROC_EDIT_SET, ":method", NULL), 0,
                 "after a new body");
    cr_expect_eq(ask(instance, EXTPROC_MAP_REQUEST, EXTPROC_EDIT_SET, ":status", NULL), -EPERM);
    cr_expect_eq(ask(instance, EXTPROC_MAP_REQUEST_TRAILERS, EXTPROC_EDIT_SET, ":path", NULL),
                 -EPERM);
    cr_expect_eq(ask(instance, EXTPROC_MAP_RESPONSE, EXTPROC_EDIT_SET, ":status", NULL), 0);
    cr_expect_eq(ask(instance, EXTPROC_MAP_RESPONSE_TRAILERS, EXTPROC_EDIT_SET, ":status", NULL),
                 -EPERM);
    cr_expect_eq(ask(instance, EXTPROC_MAP_IMMEDIATE_RESPONSE, EXTPROC_EDIT_SET, ":status", NULL),
                 -EPERM);
    cr_expect_eq(ask(instance, EXTPROC_MAP_IMMEDIATE_RESPONSE, EXTPROC_EDIT_APPEND, "set-cookie",
                     "a=%UUID%"),
                 0);
    cr_expect_eq(ask(instance, EXTPROC_MAP_IMMEDIATE_RESPONSE, EXTPROC_EDIT_APPEND, "x-a", "a\nb"),
                 -EINVAL);
    cr_expect_eq(ask(instance, (enum extproc_map)5, EXTPROC_EDIT_SET, "x-a", NULL), -EINVAL);
    cr_expect_eq(ask(instance, EXTPROC_MAP_REQUEST, EXTPROC_EDIT_SET, NULL, NULL), -EINVAL);
    return 0;
}

Test(api_conf, judges_edits_to_come)
{
    cr_expect_eq(start(ask_about_edits, "[plugin:a]\n"), 0);
}

static int read_edits(struct extproc_instance *instance)
{
    int r = 0;
    for (size_t i = 0; i < extproc_conf_count(instance, "text"); i++) {
        int edit = extproc_conf_edit(instance, "text", i, EXTPROC_MAP_REQUEST, EXTPROC_EDIT_SET,
                                     extproc_conf(instance, "text", i), STR_ABSENT);
        r = r ? r : edit;
    }
    return r;
}

/* Two listeners: the proxies of the first guard their routing. */
static const struct rules_name guarded[] = {
    {.name = EXTPROC_STR("host"), .remedy = "unlock routing"},
    {.name = EXTPROC_STR(":method"), .unless_replaced = true, .remedy = "unlock routing"},
};
static const struct rules guarding = {
    .proxy = "the proxy of one", .names = guarded, .n_names = sizeof guarded / sizeof *guarded};
static const struct rules open_to_all = {.proxy = "the proxy of two"};

static int start_with(const struct rules *first, const struct rules *second, const char *text)
{
    const struct rules *rules[] = {first, second};
    env.rules = rules;
    env.n_rules = second ? 2 : 1;
    int r = start(read_edits, text);
    env.rules = NULL;
    env.n_rules = 0;
    return r;
}

Test(api_conf, reports_which_configured_edit_would_have_no_effect)
{
    cr_expect_eq(start_with(&guarding, NULL,
                            "[plugin:a]\ntext = x-a\ntext = host\ntext = x a\ntext = upgrade\n"),
                 -EINVAL);
    INI_EXPECT(&errors, "test.ini:3: [plugin:a] text: host: ~proxy of one~(unlock routing)",
               "test.ini:4: [plugin:a] text: \"x a\": ~space",
               "test.ini:5: [plugin:a] text: upgrade: not allowed~connection");
}

static int read_paths(struct extproc_instance *instance)
{
    int r = 0;
    for (size_t i = 0; i < extproc_conf_count(instance, "text"); i++) {
        int edit = extproc_conf_edit(instance, "text", i, EXTPROC_MAP_REQUEST, EXTPROC_EDIT_SET,
                                     EXTPROC_S(":path"), extproc_conf(instance, "text", i));
        r = r ? r : edit;
    }
    return r;
}

Test(api_conf, accepts_what_a_template_may_become)
{
    cr_expect_eq(start(read_paths, "[plugin:a]\ntext = /a%%20b\ntext = %PATH%\ntext = /a%REQ(x)%\n"
                                   "text = %REQ(x:-b c)%/d\ntext = %PAHT%\n"),
                 0);
    INI_EXPECT(&errors, NULL);
}

Test(api_conf, refuses_text_of_a_template_that_no_value_has)
{
    cr_expect_eq(start(read_paths, "[plugin:a]\ntext = a%%\ntext = a%PATH%\ntext = %PATH%#b\n"
                                   "text = /a b%UUID%\n"),
                 -EINVAL);
    INI_EXPECT(&errors, "test.ini:2: [plugin:a] text: \":path\": ~expected /~",
               "test.ini:3: [plugin:a] text: \":path\": ~expected /~",
               "test.ini:4: [plugin:a] text: \":path\": ~without blanks and #~",
               "test.ini:5: [plugin:a] text: \":path\": ~without blanks and #~");
}

/* A response of a plugin's own has headers appended to it, whatever was asked. */
static int ask_about_a_response(struct extproc_instance *instance)
{
    for (enum extproc_edit op = 0; op <= EXTPROC_EDIT_REMOVE; op++) {
        cr_expect_eq(ask(instance, EXTPROC_MAP_IMMEDIATE_RESPONSE, op, "upgrade", "a"), -EPERM);
        cr_expect_eq(ask(instance, EXTPROC_MAP_IMMEDIATE_RESPONSE, op, "x-a", "a\nb"), -EINVAL);
        cr_expect_eq(ask(instance, EXTPROC_MAP_IMMEDIATE_RESPONSE, op, "x-a", "a"), 0);
    }
    return 0;
}

Test(api_conf, judges_a_header_of_a_response_as_the_response_does)
{
    cr_expect_eq(start(ask_about_a_response, "[plugin:a]\n"), 0);
}

Test(api_conf, reports_which_proxies_would_ignore_an_edit)
{
    cr_expect_eq(start_with(&open_to_all, &guarding, "[plugin:a]\ntext = host\n"), 0);
    INI_EXPECT(&errors,
               "test.ini:2: [plugin:a] text: warning: host: ~proxy of one~(unlock routing)");
}

Test(api_conf, an_edit_that_no_proxy_takes_is_one_mistake)
{
    cr_expect_eq(start_with(&guarding, &guarding, "[plugin:a]\ntext = host\n"), -EINVAL);
    INI_EXPECT(&errors, "test.ini:2: [plugin:a] text: host: ~every listener~(unlock routing)");
}

Test(api_conf, an_edit_that_takes_a_replaced_body_is_a_warning)
{
    cr_expect_eq(start_with(&guarding, NULL, "[plugin:a]\ntext = :method\n"), 0);
    INI_EXPECT(&errors, "test.ini:2: [plugin:a] text: warning: :method: ~replaced the body~proxy "
                        "of one~(unlock routing)");
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int take_memory(struct extproc_instance *instance)
{
    char *bytes = extproc_instance_alloc(instance, 3),
         *more = extproc_instance_alloc(instance, 5000);
    cr_assert(bytes && more && bytes != more);
    cr_expect_eq((uintptr_t)more % _Alignof(max_align_t), 0);
    cr_expect(bytes[0] == 0 && bytes[2] == 0 && more[4999] == 0);
    cr_expect(!extproc_instance_alloc(instance, SIZE_MAX));
    instance->self = bytes;
    return 0;
}

Test(api_conf, returns_memory_for_the_instances_life)
{
    cr_assert_eq(start(take_memory, "[plugin:a]\n"), 0);
    memset(in->pub.self, 1, 3);
}

/* ---- metrics --------------------------------------------------------------------------------- */

static struct extproc_metric *hits, *hits_again, *sizes, *misnamed;

static int define(struct extproc_instance *instance)
{
    hits = extproc_counter(instance, "hits", "Hits.");
    hits_again = extproc_counter(instance, "hits", NULL);
    sizes = extproc_histogram(instance, "sizes", "Sizes.");
    misnamed = extproc_counter(instance, "Hits-9", "x");
    return 0;
}

Test(api_conf, counts_under_the_sections_name)
{
    cr_assert_eq(metrics_new(&env.metrics), 0);
    cr_assert_eq(start(define, "[plugin:a]\n"), 0);

    extproc_metric_add(hits, 2);
    extproc_metric_add(hits_again, 3);
    extproc_metric_add(sizes, 100);

    struct metric_reading reading;
    cr_assert(metrics_find(env.metrics, "a", "hits", &reading));
    cr_expect_eq(reading.sum, 5);
    cr_assert(metrics_find(env.metrics, "a", "sizes", &reading));
    cr_expect_eq(reading.kind, METRIC_HISTOGRAM);
    cr_expect_eq(reading.sum, 100);
    cr_expect(!misnamed);
}

Test(api_conf, counts_nowhere_without_metrics)
{
    cr_assert_eq(start(define, "[plugin:a]\n"), 0);
    cr_expect(hits && sizes && !misnamed);
    extproc_metric_add(hits, 1);
}

/* ---- outside init() -------------------------------------------------------------------------- */

Test(api_conf, knows_what_belongs_into_init)
{
    cr_assert_eq(start(NULL, "[plugin:a]\ntext = one\n"), 0);
    struct extproc_instance *instance = &in->pub;

    cr_expect_eq(extproc_conf_refuse(instance, "text", 0, "no"), -EOPNOTSUPP);
    cr_expect_eq(extproc_conf_refuse_str(instance, "text", 0, EXTPROC_S("no")), -EOPNOTSUPP);
    cr_expect_eq(extproc_interest(instance, EXTPROC_PHASE_RESPONSE_BODY), -EOPNOTSUPP);
    cr_expect(!extproc_conf_template(instance, "text", 0));
    cr_expect(!extproc_counter(instance, "late", "Late."));
    cr_expect(!extproc_instance_alloc(instance, 1));
    cr_expect_eq(extproc_check_edit(instance, EXTPROC_MAP_REQUEST, EXTPROC_EDIT_SET, EXTPROC_S("x"),
                                    STR_ABSENT),
                 0, "belongs anywhere");
    cr_expect_eq(in->interest,
                 (uint32_t)(EXTPROC_PHASE_REQUEST_HEADERS | EXTPROC_PHASE_RESPONSE_BODY));
    INI_EXPECT(&errors, NULL);
    cr_expect_eq(extproc_want_attribute(instance, EXTPROC_S("a")), -EOPNOTSUPP);
    cr_expect_eq(extproc_want_metadata(instance, EXTPROC_S("a"), EXTPROC_METADATA_READ),
                 -EOPNOTSUPP);
}
