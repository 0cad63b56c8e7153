/* Calls that the client compresses: the transport on nghttp2 unpacks them, and compresses its
 * answers; the other refuses them. */
#include "unit/transport/client.h"

static struct rig rig;
static struct client client;
static bool unpacks; /* the transport does */

static void begin(void)
{
    rig.listener.limits.max_message = 1 << 20;
    rig_start(&rig);
    client_connect(&client, rig.target);
    unpacks = strcmp(rig.ops->name, "h2") == 0;
}

static void end(void)
{
    client_close(&client);
    rig_end(&rig);
}

TestSuite(compression, .init = begin, .fini = end);

/* What it says of one call alone is this metadata. */
static void open_packed(struct client_call *c)
{
    grpc_metadata metadata = {.key =
                                  grpc_slice_from_static_string("grpc-internal-encoding-request"),
                              .value = grpc_slice_from_static_string("gzip")};
    cr_assert(client_open_with(c, &client, ECHO_PATH, &metadata, 1));
}

/* A message of so many bytes, which are nearly all the same. */
static char *message(size_t len)
{
    char *bytes = malloc(len);
    memset(bytes, 'x', len);
    bytes[0] = '1';
    return bytes;
}

static int send_packed(struct client_call *c, size_t len)
{
    char *zeros = calloc(1, len);
    open_packed(c);
    client_send(c, zeros, len);
    free(zeros);
    return client_status(c);
}

Test(compression, messages_and_answers)
{
    static const size_t lengths[] = {1, 100, 5000, 300000, 1 << 20};
    struct client_call c;
    if (!unpacks) {
        cr_assert_eq(send_packed(&c, 100), STATUS_UNIMPLEMENTED, "%s", c.status_text);
        return;
    }
    open_packed(&c);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t len = 0;
        char *sent = message(lengths[i]), *got;
        cr_assert(client_send(&c, sent, lengths[i]));
        cr_assert_not_null(got = client_receive(&c, &len));
        cr_assert_eq(len, lengths[i]);
        cr_assert(memcmp(got, sent, len) == 0);
        free(got);
        free(sent);
    }
    client_half_close(&c);
    cr_assert_eq(client_status(&c), 0);
}

/* gRPC would unpack it all before it looks at the size. */
Test(compression, a_bomb_is_never_a_message)
{
    struct client_call c;
    int status = unpacks ? STATUS_RESOURCE_EXHAUSTED : STATUS_UNIMPLEMENTED;
    cr_assert_eq(send_packed(&c, 64u << 20), status, "%s", c.status_text);
    if (unpacks)
        cr_assert_str_eq(c.status_text,
                         "Received message larger than max (more than 1048576 vs. 1048576)");
    cr_assert_eq(rig.n_message, 0);

    client_open(&c, &client);
    cr_assert(client_say(&c, "1 still works"));
    client_expect(&c, "1 still works");
    client_half_close(&c);
    cr_assert_eq(client_status(&c), 0);
}
