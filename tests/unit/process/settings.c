#include "process/setup/places.h"
#include "unit/process/scene.h"

#include <malloc.h>

TestSuite(settings, .init = setup, .fini = teardown);

/* Of strings that are copied: no byte of memory happens to be the end of one. */
Test(settings, where_plugins_are_by_default)
{
    char room[PATH_MAX];
    mallopt(M_PERTURB, 0x5a);
    cr_assert(read_text("[listener:a]\naddress = 127.0.0.1:0\n"));
    cr_expect_str_eq(settings.plugin_dir, places_plugin_dir(room));
    cr_expect_str_eq(settings.plugin_dir_shown, settings.plugin_dir);
}

Test(settings, defaults)
{
    cr_assert(read_text("[listener:a]\naddress = 127.0.0.1:0\n"));

    cr_expect_eq(settings.log.level, EXTPROC_LEVEL_INFO);
    cr_expect_not(settings.log.json);
    cr_expect_null(settings.log.file);
    cr_expect_eq(settings.lame_duck_ms, 2000u);
    cr_expect_eq(settings.drain_ms, 30000u);
    cr_expect(settings.transport && settings.transport[0]);
    cr_assert_eq(settings.n_listeners, 1u);
    cr_expect_eq(settings.listeners[0].session.modes[LANE_REQUEST], BODY_MODE_UNKNOWN);
    cr_expect_eq(settings.listeners[0].transport.limits.max_message, (size_t)16 << 20);
    cr_expect_eq(settings.listeners[0].transport.limits.max_header_list, (size_t)64 << 10);
    cr_expect_eq(settings.listeners[0].socket_mode, 0660u);
}

Test(settings, everything_said)
{
    cr_assert(read_text("[extprocd]\nlog_level = debug\nlog_format = json\nlog_file = /x\n"
                        "plugin_dir = /p\nlame_duck = 0s\ndrain = 2m\n"
                        "[listener:a]\naddress = unix:/tmp/s\nsocket_mode = 0600\n"
                        "request_body_mode = BUFFERED\nresponse_body_mode = NONE\n"
                        "max_message = 1m\nmax_header_list = 8k\nmax_streams = 5\n"));

    cr_expect_eq(settings.log.level, EXTPROC_LEVEL_DEBUG);
    cr_expect(settings.log.json);
    cr_expect_str_eq(settings.log.file, "/x");
    cr_expect_str_eq(settings.plugin_dir, "/p");
    cr_expect_eq(settings.lame_duck_ms, 0u);
    cr_expect_eq(settings.drain_ms, 120000u);
    cr_expect_eq(settings.listeners[0].socket_mode, 0600u);
    cr_expect_eq(settings.listeners[0].session.modes[LANE_REQUEST], BODY_MODE_BUFFERED);
    cr_expect_eq(settings.listeners[0].session.modes[LANE_RESPONSE], BODY_MODE_NONE);
    cr_expect_eq(settings.listeners[0].transport.limits.max_message, (size_t)1 << 20);
    cr_expect_eq(settings.listeners[0].transport.limits.max_streams, 5u);
}

Test(settings, what_all_streams_may_hold)
{
    if (!found("h2"))
        return;
    cr_assert(read_text("[listener:a]\naddress = 127.0.0.1:0\n[extprocd]\ntransport = h2\n"));
    cr_expect_eq(settings.max_held, (size_t)256 << 20);
    cr_assert(read_text("[listener:a]\naddress = 127.0.0.1:0\nmax_message = 65m\n"
                        "[extprocd]\ntransport = h2\nmax_held = 64m\n"));
    cr_expect_eq(settings.max_held, (size_t)64 << 20);
    cr_expect_eq(settings.listeners[0].transport.limits.max_queued, (size_t)64 << 20);
    expect_line("3: [listener:a] max_message: warning: ~68157440~max_held~67108864~");
}

Test(settings, what_all_streams_may_hold_where_the_transport_does_not_count)
{
    if (!found("grpc"))
        return;
    cr_assert(read_text(
        "[listener:a]\naddress = 127.0.0.1:0\n[extprocd]\ntransport = grpc\nmax_held = 1m\n"));
    cr_expect_eq(settings.max_held, 0u);
    expect_line("5: [extprocd] max_held: warning: ~no effect~transport = grpc~");
}

Test(settings, what_plugins_that_wait_may_hold)
{
    cr_assert(read_text("[listener:a]\naddress = 127.0.0.1:0\n"));
    cr_expect_eq(settings.max_waiting, (size_t)128 << 20);
    cr_expect_eq(settings.overload, POLICY_RESPOND);
    cr_assert(read_text("[listener:a]\naddress = 127.0.0.1:0\n"
                        "[extprocd]\nmax_held = 64m\noverload = continue\n"));
    cr_expect_eq(settings.max_waiting, (size_t)32 << 20);
    cr_expect_eq(settings.overload, POLICY_CONTINUE);
    expect_error("[listener:a]\naddress = 127.0.0.1:0\n[extprocd]\noverload = close\n",
                 "4: [extprocd] overload: ~close~respond~continue~");
}

Test(settings, what_a_transaction_may_take)
{
    cr_assert(read_text("[listener:a]\naddress = 127.0.0.1:0\n"));
    cr_expect_eq(settings.max_transaction_memory, (size_t)64 << 20);
    cr_assert(read_text("[listener:a]\naddress = 127.0.0.1:0\nmax_message = 2m\n"
                        "[extprocd]\nmax_transaction_memory = 1m\n"));
    cr_expect_eq(settings.max_transaction_memory, (size_t)1 << 20);
    expect_line("3: [listener:a] max_message: warning: ~2097152~max_transaction_memory~1048576~");
    cr_assert(read_text("[listener:a]\naddress = 127.0.0.1:0\nmax_message = 2m\n"
                        "[extprocd]\nmax_transaction_memory = 0\n"));
    cr_expect_eq(settings.max_transaction_memory, 0);
}

Test(settings, a_listener_is_needed)
{
    expect_error("[extprocd]\n", " ~[listener:NAME]~");
}

/* A consequence of an error is not a second error. */
Test(settings, a_listener_whose_section_is_misspelt_is_one_mistake)
{
    static const char *const texts[] = {"[listner:a]\naddress = 127.0.0.1:0\n",
                                        "[listener]\naddress = 127.0.0.1:0\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        cr_expect_not(read_text(texts[i]));
        cr_expect_eq(errors.n_errors, 1u, "%s", errors.lines[0]);
        config_errors_fini(&errors);
    }
}

Test(settings, an_unknown_section_has_its_neighbour_named)
{
    expect_error("[listner:a]\naddress = 127.0.0.1:0\n",
                 "1: [listner:a] unknown section~[listener:NAME]~");
}

Test(settings, an_unknown_key_has_its_neighbour_named)
{
    expect_error("[listener:a]\naddress = 127.0.0.1:0\nmax_mesage = 1m\n",
                 "3: [listener:a] max_mesage: unknown key~max_message~");
}

Test(settings, a_section_with_the_wrong_kind_of_name)
{
    expect_error("[listener]\naddress = 127.0.0.1:0\n",
                 "1: [listener] ~missing section name~[listener:NAME]~");
}

Test(settings, extprocd_takes_no_name)
{
    expect_error("[extprocd:a]\n[listener:a]\naddress = 127.0.0.1:0\n",
                 "1: [extprocd:a] ~unexpected section name~[extprocd]~");
}

Test(settings, a_wrong_address)
{
    expect_error("[listener:a]\naddress = localhost:1\n",
                 "2: [listener:a] address: ~\"localhost:1\"~host names are not resolved~");
}

Test(settings, a_wrong_mode)
{
    expect_error("[listener:a]\naddress = unix:/tmp/s\nsocket_mode = 0999\n",
                 "3: [listener:a] socket_mode: ~\"0999\"~octal~0660");
}

Test(settings, a_group_that_is_not_there)
{
    expect_error("[listener:a]\naddress = unix:/tmp/s\nsocket_group = no-such-group\n",
                 "3: [listener:a] socket_group: ~\"no-such-group\"~group~");
}

Test(settings, a_number_out_of_range)
{
    expect_error("[listener:a]\naddress = 127.0.0.1:0\nmax_streams = 0\n",
                 "3: [listener:a] max_streams: invalid value \"0\": expected 1 to 2147483647");
}

Test(settings, one_address_for_two_listeners)
{
    expect_error("[listener:a]\naddress = 127.0.0.1:9\n[listener:b]\naddress = 127.0.0.1:9\n",
                 "4: [listener:b] address: ~[listener:a]~line 1~");
}

Test(settings, every_error_is_reported)
{
    cr_expect_not(read_text("[extprocd]\nlog_level = loud\ndrain = soon\n"
                            "[listener:a]\naddress = here\n[what]\n"));
    cr_expect_eq(errors.n_errors, 4u);
}
