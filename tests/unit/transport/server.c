/* Limits, unknown paths and health, with the gRPC core as client. */
#include "unit/transport/client.h"

static struct rig rig;
static struct client client;

static void begin(void)
{
    rig.listener.limits.max_message = 1u << 20;
    rig.listener.limits.max_header_list = 16u << 10;
    rig_start(&rig);
    client_connect(&client, rig.target);
}

static void end(void)
{
    client_close(&client);
    rig_end(&rig);
}

TestSuite(server, .init = begin, .fini = end);

static void still_works(void)
{
    struct client_call c;
    client_open(&c, &client);
    cr_assert(client_say(&c, "1"));
    client_expect(&c, "1");
    client_half_close(&c);
    cr_assert_eq(client_status(&c), 0);
}

Test(server, a_message_over_the_limit_is_refused_with_both_sizes)
{
    size_t len = (1u << 20) + 1;
    char *bytes = calloc(1, len);
    struct client_call c;
    client_open(&c, &client); /* as the first message */
    client_send(&c, bytes, len);
    cr_assert_eq(client_status(&c), STATUS_RESOURCE_EXHAUSTED);
    cr_assert_str_eq(c.status_text, "Received message larger than max (1048577 vs. 1048576)");

    client_open(&c, &client); /* as a later one */
    cr_assert(client_say(&c, "1"));
    client_expect(&c, "1");
    client_send(&c, bytes, len);
    cr_assert_eq(client_status(&c), STATUS_RESOURCE_EXHAUSTED);
    cr_assert_str_eq(c.status_text, "Received message larger than max (1048577 vs. 1048576)");
    rig_wait(&rig, &rig.n_closed[TRANSPORT_RESET], 1);

    free(bytes);
    still_works();
}

Test(server, a_message_at_the_limit_passes)
{
    size_t len = 1u << 20;
    char *bytes = calloc(1, len);
    bytes[0] = '1';
    struct client_call c;
    client_open(&c, &client);
    cr_assert(client_send(&c, bytes, len));
    size_t got_len;
    char *got = client_receive(&c, &got_len);
    cr_assert_eq(got_len, len);
    free(got);
    free(bytes);
    client_half_close(&c);
    cr_assert_eq(client_status(&c), 0);
}

static int status_with_metadata(struct client_call *c, size_t len)
{
    char *value = malloc(len);
    memset(value, 'v', len);
    grpc_metadata metadata = {.key = grpc_slice_from_static_string("x-padding"),
                              .value = grpc_slice_from_copied_buffer(value, len)};
    free(value);
    client_open_with(c, &client, ECHO_PATH, &metadata, 1);
    client_half_close(c);
    int status = client_status(c);
    grpc_slice_unref(metadata.value);
    return status;
}

Test(server, metadata_over_the_limit_ends_its_call_alone)
{
    struct client_call neighbour, c;
    client_open(&neighbour, &client);

    cr_assert_eq(status_with_metadata(&c, 15u << 10), 0);
    unsigned n_open = rig.n_open;
    cr_assert_eq(status_with_metadata(&c, 17u << 10), STATUS_RESOURCE_EXHAUSTED);
    unsigned size, limit;
    cr_assert_eq(
        sscanf(c.status_text, "metadata of %u bytes, and max_header_list is %u", &size, &limit), 2,
        "%s", c.status_text);
    cr_assert_geq(size, 17u << 10);
    cr_assert_eq(limit, 16u << 10);
    cr_assert_eq(rig.n_open, n_open);

    client_half_close(&neighbour);
    cr_assert_eq(client_status(&neighbour), 0);
    still_works();
}

Test(server, an_unknown_path_is_unimplemented_immediately)
{
    static const char *const paths[] = {"/test.Echo/Walk", "/", "/grpc.health.v1.Health/List"};
    for (int round = 0; round < 5; round++)
        for (int i = 0; i < 3; i++) {
            struct client_call c;
            cr_assert(client_open_with(&c, &client, paths[i], NULL, 0));
            cr_assert_eq(client_status(&c), STATUS_UNIMPLEMENTED);
            char text[64];
            snprintf(text, sizeof text, "unknown method %s", paths[i]);
            cr_assert_str_eq(c.status_text, text);
        }
    still_works();
}

static const char for_echo[] = "\x0a\x09test.Echo", for_none[] = "\x0a\x04who?";

Test(server, health_check)
{
    struct client_call c;
    cr_assert(client_open_with(&c, &client, "/grpc.health.v1.Health/Check", NULL, 0));
    cr_assert(client_say(&c, for_echo));
    client_half_close(&c);
    client_expect(&c, "\x08\x01");
    cr_assert_eq(client_status(&c), 0);

    cr_assert(client_open_with(&c, &client, "/grpc.health.v1.Health/Check", NULL, 0));
    cr_assert(client_say(&c, for_none));
    cr_assert_eq(client_status(&c), STATUS_NOT_FOUND);
}

Test(server, health_watch_reports_the_end)
{
    struct client_call c;
    cr_assert(client_open_with(&c, &client, "/grpc.health.v1.Health/Watch", NULL, 0));
    cr_assert(client_say(&c, for_echo));
    client_half_close(&c);
    client_expect(&c, "\x08\x01");
    loop_post(&rig.loop, rig_do_drain, NULL, &rig);
    client_expect(&c, "\x08\x02");
    cr_assert_eq(client_status(&c), STATUS_UNAVAILABLE);
}
