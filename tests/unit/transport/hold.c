/* A handler that holds a call, with the gRPC core as client. */
#include "unit/transport/client.h"

static struct rig rig;
static struct client client;
static struct client_call c, neighbour;

static void begin(void)
{
    rig_start(&rig);
    client_connect(&client, rig.target);
    client_open(&c, &client);
}

static void begin_waiting(void)
{
    rig.waits = true;
    begin();
}

static void end(void)
{
    client_close(&client);
    rig_end(&rig);
}

TestSuite(hold, .init = begin, .fini = end);
TestSuite(hold_from_open, .init = begin_waiting, .fini = end);

static unsigned count_of(const unsigned *count)
{
    pthread_mutex_lock(&rig.mutex);
    unsigned n = *count;
    pthread_mutex_unlock(&rig.mutex);
    return n;
}

/* A call of the same connection goes on; by then, what was sent before it has come. */
static void neighbour_goes_on(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        cr_assert(client_say(&neighbour, "1"));
        client_expect(&neighbour, "1");
    }
}

static void hold_it(void)
{
    cr_assert(client_say(&c, "w"));
    rig_wait(&rig, &rig.n_message, 1);
    client_open(&neighbour, &client);
}

static void resume_it(void)
{
    loop_post(&rig.loop, rig_resume, NULL, &rig);
}

Test(hold, nothing_is_handed_over_until_the_handler_resumes)
{
    /* Given a call that is held, */
    hold_it();

    /* when its client goes on and ends, */
    cr_assert(client_say(&c, "1 first"));
    cr_assert(client_say(&c, "2 second"));
    client_half_close(&c);

    /* then nothing of it comes, and other calls go on; */
    neighbour_goes_on(50);
    cr_assert_eq(count_of(&rig.n_message), 1 + 50);
    cr_assert_eq(count_of(&rig.n_half_close), 0);

    /* all of it comes afterwards, in its order. */
    resume_it();
    client_expect(&c, "1 first");
    client_expect(&c, "2 second");
    client_expect(&c, "2 second");
    cr_assert_eq(client_status(&c), 0);
    cr_assert_eq(count_of(&rig.n_half_close), 1);
    client_reset(&neighbour);
}

Test(hold, what_has_waited_comes_from_the_loop)
{
    hold_it();
    cr_assert(client_say(&c, "1"));
    neighbour_goes_on(10);
    resume_it();
    client_expect(&c, "1");
    cr_assert_eq(count_of(&rig.n_message_while_resumed), 0);
    client_reset(&c);
    client_reset(&neighbour);
}

Test(hold, it_can_be_held_again_while_messages_wait)
{
    hold_it();
    cr_assert(client_say(&c, "w again"));
    cr_assert(client_say(&c, "1 after"));
    neighbour_goes_on(10);
    resume_it();
    rig_wait(&rig, &rig.n_message, 1 + 10 + 1);
    neighbour_goes_on(10);
    cr_assert_eq(count_of(&rig.n_message), 1 + 10 + 1 + 10);
    resume_it();
    client_expect(&c, "1 after");
    client_reset(&c);
    client_reset(&neighbour);
}

Test(hold, without_a_message_that_waits_it_goes_on_as_before)
{
    hold_it();
    resume_it();
    resume_it();
    cr_assert(client_say(&c, "1"));
    client_expect(&c, "1");
    client_half_close(&c);
    cr_assert_eq(client_status(&c), 0);
    client_reset(&neighbour);
}

Test(hold, a_half_close_alone_waits_too)
{
    hold_it();
    client_half_close(&c);
    neighbour_goes_on(10);
    cr_assert_eq(count_of(&rig.n_half_close), 0);
    resume_it();
    cr_assert_eq(client_status(&c), 0);
    cr_assert_eq(count_of(&rig.n_half_close), 1);
    client_reset(&neighbour);
}

enum { N_SENT = 512, SENT_LEN = 16384, SENT_MOST = N_SENT / 2 };
static unsigned n_sent;

static void *send_much(void *arg)
{
    char *text = calloc(1, SENT_LEN);
    *text = '0';
    while (n_sent < N_SENT && client_send(&c, text, SENT_LEN))
        rig_count(&rig, &n_sent, 1);
    free(text);
    return NULL;
}

Test(hold, a_client_may_send_only_so_much_ahead)
{
    /* Given a call that is held, and a client that sends as much as it may, */
    pthread_t sender;
    hold_it();
    pthread_create(&sender, NULL, send_much, NULL);
    rig_wait(&rig, &n_sent, 1);

    /* then it has to wait, while others go on, */
    for (unsigned i = 0; i < 200; i++) {
        neighbour_goes_on(1);
        cr_assert_leq(count_of(&n_sent), SENT_MOST);
    }

    /* until the handler resumes. */
    resume_it();
    rig_wait(&rig, &rig.n_message, 1 + 200 + N_SENT);
    pthread_join(sender, NULL);
    client_reset(&c);
    client_reset(&neighbour);
}

Test(hold, a_reset_is_noticed_and_drops_what_waits)
{
    hold_it();
    cr_assert(client_say(&c, "1"));
    neighbour_goes_on(10);
    client_reset(&c);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_RESET], 1);
    neighbour_goes_on(1);
    cr_assert_eq(count_of(&rig.n_message), 1 + 10 + 1);
    client_reset(&neighbour);
}

Test(hold, a_reset_after_the_half_close_is_noticed)
{
    hold_it();
    client_half_close(&c);
    neighbour_goes_on(10);
    client_reset(&c);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_RESET], 1);
    cr_assert_eq(count_of(&rig.n_half_close), 0);
    client_reset(&neighbour);
}

Test(hold, the_handler_can_end_it)
{
    hold_it();
    cr_assert(client_say(&c, "1"));
    neighbour_goes_on(10);
    loop_post(&rig.loop, rig_finish_held, NULL, &rig);
    cr_assert_eq(client_status(&c), 7);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_FINISHED], 1);
    cr_assert_eq(count_of(&rig.n_message), 1 + 10);
    client_reset(&neighbour);
}

Test(hold_from_open, the_first_message_waits)
{
    cr_assert(client_say(&c, "1"));
    client_half_close(&c);
    rig_wait(&rig, &rig.n_open, 1);
    cr_assert_eq(count_of(&rig.n_message), 0);
    resume_it();
    client_expect(&c, "1");
    cr_assert_eq(client_status(&c), 0);
}
