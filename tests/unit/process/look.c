/* What is in the way of a listener, as -t sees it. */
#include "process/listen/look.h"

#include "unit/process/scene.h"

static char dir[] = "/tmp/extprocd-look-XXXXXX";

static void begin(void)
{
    setup();
    cr_assert_not_null(mkdtemp(dir));
}

static void end(void)
{
    rmdir(dir);
    teardown();
}

TestSuite(look, .init = begin, .fini = end);

static void look_at(const char *keys, const char *more)
{
    char text[512];
    snprintf(text, sizeof text, "[listener:a]\naddress = %s\n%s", keys, more);
    cr_assert(read_text(text), "%s", text);
    config_errors_fini(&errors);
    listener_look(&settings.listeners[0], &arena, &errors);
}

static void expect_nothing(const char *address, const char *more)
{
    look_at(address, more);
    cr_expect_eq(errors.n_lines, 0, "%s: %s", address, errors.n_lines ? errors.lines[0] : "");
}

static void expect_warning(const char *address, const char *more, const char *wanted)
{
    look_at(address, more);
    cr_expect_eq(errors.n_warnings, 1);
    cr_expect_eq(errors.n_errors, 0, "it may be right on the machine where it will run");
    expect_line(wanted);
}

Test(look, an_address_of_this_machine)
{
    expect_nothing("127.0.0.1:0", "");
    expect_nothing("0.0.0.0:50051", "");
}

/* A port that is in use may be our own, which is to be replaced. */
Test(look, a_port_in_use_is_not_in_the_way)
{
    struct sockaddr_storage name;
    struct address a;
    socklen_t len = sizeof name;
    const char *why;
    char text[ADDRESS_TEXT];
    cr_assert(address_parse("127.0.0.1:0", &a, &why));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&a.socket, a.len), 0);
    cr_assert_eq(listen(fd, 1), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&a.socket, &len), 0);
    address_format(&a, text);
    expect_nothing(text, "");
    close(fd);
}

Test(look, an_address_of_another_machine)
{
    expect_warning("192.0.2.1:0", "",
                   "2: [listener:a] address: warning: ~\"192.0.2.1:0\" is not an address of this "
                   "machine");
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    if (fd < 0) /* a machine without IPv6 */
        return;
    close(fd);
    expect_warning("[2001:db8::1]:0", "",
                   "2: [listener:a] address: warning: ~\"[2001:db8::1]:0\"~of this machine");
}

Test(look, the_folder_of_a_socket)
{
    char address[64], wanted[128];
    snprintf(address, sizeof address, "unix:%s/socket", dir);
    expect_nothing(address, "");
    expect_nothing("unix:/socket", "");

    snprintf(address, sizeof address, "unix:%s/none/socket", dir);
    snprintf(wanted, sizeof wanted, "2: [listener:a] address: warning: ~\"%s/none\"~No such file~",
             dir);
    expect_warning(address, "", wanted);
}

Test(look, a_folder_that_is_a_file)
{
    char address[64];
    snprintf(address, sizeof address, "unix:%s/socket", file);
    expect_warning(address, "", "2: [listener:a] address: warning: ~Not a directory");
}

Test(look, body_modes_that_are_served_and_one_that_is_not)
{
    expect_nothing("127.0.0.1:0", "request_body_mode = STREAMED\nresponse_body_mode = BUFFERED\n");
    expect_nothing("127.0.0.1:0", "request_body_mode = NONE\n");
    expect_warning("127.0.0.1:0", "response_body_mode = BUFFERED_PARTIAL\n",
                   "3: [listener:a] response_body_mode: warning: BUFFERED_PARTIAL is not "
                   "supported~UNIMPLEMENTED~");
}
