/* What a handler learns of a request's metadata, with the gRPC core as client; and which values are
 * kept, byte by byte. */
#include "transport/metadata.h"

#include "base/str.h"
#include "unit/transport/client.h"

static const char *const names[] = {"user-agent", "x-one",        "x-two",       "x-bytes-bin",
                                    "x-none",     "content-type", "grpc-status", ":path"};
enum { N_NAMES = sizeof names / sizeof *names };

static struct rig rig;
static struct client client;
static struct client_call c;

static void begin(void)
{
    rig.metadata = names;
    rig.n_metadata = N_NAMES;
    rig_start(&rig);
    client_connect(&client, rig.target);
}

static void end(void)
{
    client_close(&client);
    rig_end(&rig);
}

TestSuite(metadata, .init = begin, .fini = end);

static grpc_metadata field(const char *name, const char *value, size_t len)
{
    return (grpc_metadata){.key = grpc_slice_from_static_string(name),
                           .value = grpc_slice_from_static_buffer(value, len)};
}

static void open_with(grpc_metadata *fields, size_t n)
{
    cr_assert(client_open_with(&c, &client, ECHO_PATH, fields, n));
}

static void expect(const char *name, const char *value)
{
    char text[64];
    snprintf(text, sizeof text, "d %s", name);
    cr_assert(client_say(&c, text));
    client_expect(&c, value);
}

Test(metadata, a_handler_asks_for_it_as_long_as_the_call_is_open)
{
    open_with((grpc_metadata[]){field("x-two", "second", 6), field("x-one", "first", 5)}, 2);
    for (int i = 0; i < 3; i++) {
        expect("x-one", "=first");
        expect("x-two", "=second");
        expect("x-none", "absent");
    }
    client_reset(&c);
}

Test(metadata, a_user_agent_is_one)
{
    open_with(NULL, 0);
    cr_assert(client_say(&c, "d user-agent"));
    size_t len;
    char *got = client_receive(&c, &len);
    cr_assert_eq(strncmp(got, "=grpc-c/", 8), 0, "%s", got);
    free(got);
    client_reset(&c);
}

Test(metadata, an_empty_value_is_there)
{
    open_with((grpc_metadata[]){field("x-one", "", 0)}, 1);
    expect("x-one", "=");
    client_reset(&c);
}

Test(metadata, values_of_one_name_are_joined_in_their_order)
{
    open_with((grpc_metadata[]){field("x-one", "a", 1), field("x-two", "!", 1),
                                field("x-one", "", 0), field("x-one", "ccc", 3)},
              4);
    expect("x-one", "=a,,ccc");
    client_reset(&c);
}

Test(metadata, binary_values_are_base64_without_padding)
{
    open_with((grpc_metadata[]){field("x-bytes-bin", "\0\1\2\377", 4),
                                field("x-bytes-bin", "\377\376", 2),
                                field("x-bytes-bin", "abc", 3)},
              3);
    expect("x-bytes-bin", "=AAEC/w,//4,YWJj");
    client_reset(&c);
}

Test(metadata, what_is_the_protocols_own_is_not_there)
{
    open_with(NULL, 0);
    expect("content-type", "absent");
    expect("grpc-status", "absent");
    expect(":path", "absent");
    client_reset(&c);
}

Test(metadata, what_was_not_named_is_not_kept)
{
    open_with((grpc_metadata[]){field("x-three", "3", 1)}, 1);
    expect("x-three", "absent");
    client_reset(&c);
}

Test(metadata, calls_have_their_own)
{
    struct client_call other;
    open_with((grpc_metadata[]){field("x-one", "a", 1)}, 1);
    other = c;
    open_with((grpc_metadata[]){field("x-two", "b", 1)}, 1);
    expect("x-one", "absent");
    expect("x-two", "=b");
    client_reset(&c);
    c = other;
    expect("x-one", "=a");
    expect("x-two", "absent");
    client_reset(&c);
}

Test(metadata, a_call_that_is_refused_leaves_nothing)
{
    grpc_metadata one = field("x-one", "a", 1);
    cr_assert(client_open_with(&c, &client, "/test.Echo/Walk", &one, 1));
    cr_assert_eq(client_status(&c), STATUS_UNIMPLEMENTED);
    open_with(NULL, 0);
    expect("x-one", "absent");
    client_reset(&c);
}

/* ---- which values are kept ------------------------------------------------------------------- */

static const struct transport_options options = {.metadata = names, .n_metadata = N_NAMES};
static struct metadata *kept;

static void drop(void)
{
    kept = metadata_free(kept);
}

TestSuite(metadata_kept, .fini = drop);

static void add(const char *name, const char *value)
{
    cr_assert_eq(metadata_add(&kept, &options, extproc_str_of(name), extproc_str_of(value)), 0);
}

static void expect_kept(const char *name, const char *value)
{
    struct extproc_str got = metadata_find(kept, name);
    cr_assert(str_eq_c(got, value), "%.*s", EXTPROC_ARG(got));
}

Test(metadata_kept, nothing_costs_nothing)
{
    add("x-three", "3");
    add("content-type", "application/grpc");
    cr_assert_null(kept);
    cr_assert_null(metadata_find(kept, "x-one").ptr);
}

Test(metadata_kept, the_padding_of_binary_values_is_optional)
{
    add("x-bytes-bin", "AAE=");
    add("x-bytes-bin", "AA==");
    add("x-bytes-bin", "AAEC");
    add("x-one", "a=b==");
    expect_kept("x-bytes-bin", "AAE,AA,AAEC");
    expect_kept("x-one", "a=b==");
}

Test(metadata_kept, bytes_of_any_length_are_encoded)
{
    static const char *const texts[] = {"", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"};
    for (size_t len = 0; len < sizeof texts / sizeof *texts; len++) {
        cr_assert_eq(metadata_add_bytes(&kept, &options, EXTPROC_S("x-bytes-bin"),
                                        (struct extproc_str){"foobar", len}),
                     0);
        expect_kept("x-bytes-bin", texts[len]);
        drop();
    }
}

Test(metadata_kept, many_values_take_memory_as_they_are_long)
{
    char all[2000] = "0";
    add("x-one", "0");
    for (unsigned i = 1; i < 400; i++) {
        char text[8];
        snprintf(text, sizeof text, "%u", i);
        add("x-one", text);
        strcat(strcat(all, ","), text);
    }
    expect_kept("x-one", all);
}
