/* A handler that sends as much as there is room for, with the gRPC core as client. */
#include "unit/transport/client.h"

static struct rig rig;
static struct client client;
static struct client_call c;

static void begin(void)
{
    rig_start(&rig);
    client_connect(&client, rig.target);
    client_open(&c, &client);
}

static void end(void)
{
    client_close(&client);
    rig_end(&rig);
}

TestSuite(backpressure, .init = begin, .fini = end);

static void expect_all(void)
{
    size_t len;
    for (unsigned i = 0; i < N_STREAMED; i++) {
        char *bytes = client_receive(&c, &len);
        cr_assert_not_null(bytes, "%u of %u", i, N_STREAMED);
        cr_assert_eq(len, STREAMED_LEN);
        free(bytes);
    }
}

Test(backpressure, a_handler_stops_when_there_is_no_room_and_goes_on_when_there_is)
{
    /* Given a client that reads nothing yet, */
    cr_assert(client_say(&c, "s"));

    /* when a handler sends as long as there is room, then there is none soon; */
    rig_wait(&rig, &rig.n_until_refused, 1);
    cr_assert_geq(rig.n_until_refused, TRANSPORT_ROOM / STREAMED_LEN);
    cr_assert_leq(rig.n_until_refused, TRANSPORT_ROOM / STREAMED_LEN + 1);

    /* and when the client reads, it is called until all is sent. */
    expect_all();
    cr_assert_eq(client_status(&c), 0);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_FINISHED], 1);
    cr_assert_geq(rig.n_room, N_STREAMED * STREAMED_LEN / TRANSPORT_ROOM - 1);
}

Test(backpressure, a_call_that_ends_without_room_is_never_called)
{
    cr_assert(client_say(&c, "s"));
    rig_wait(&rig, &rig.n_until_refused, 1);
    client_reset(&c);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_RESET], 1);
}

/* The answer and the next read would be one, and nothing would be known of the answer until the
 * client says more. */
Test(backpressure, one_large_answer_leaves_room_when_it_has_gone)
{
    enum { LEN = 2 * TRANSPORT_ROOM };
    char *bytes = calloc(1, LEN);
    bytes[0] = 'q';
    cr_assert(client_send(&c, bytes, LEN));
    size_t len;
    char *answer = client_receive(&c, &len);
    cr_assert_eq(len, LEN);
    rig_wait(&rig, &rig.n_room, 1);
    free(answer);
    free(bytes);
    client_reset(&c);
}
