#include "base/file.h"

#include "failing.h"
#include "kit/lines.h"
#include "scene.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

static char why[FILE_WHY];
static struct file_bytes bytes;

static void given_a_folder(void)
{
    scene_begin();
    umask(0);
}
static void remove_it(void)
{
    free(bytes.ptr);
    scene_end();
}
TestSuite(file, .init = given_a_folder, .fini = remove_it, .timeout = 20);

static void make_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    cr_assert_eq(bind(fd, (const void *)&address, sizeof address), 0);
    close(fd);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void expect_unreadable(const char *path, int error, const char *words)
{
    cr_expect_eq(file_read(path, FILE_REGULAR, 1024, &bytes, why), -error, "%s", path);
    cr_expect_str_eq(why, words);
    cr_expect_eq(file_open(path, FILE_REGULAR, 1024, why), -error, "%s", path);
    cr_expect_str_eq(why, words);
}

Test(file, is_read_completely)
{
    static char text[100001];
    memset(text, 'x', 100000);
    write_file("x", text);
    cr_assert_eq(file_read("x", FILE_REGULAR, 100000, &bytes, why), 0);
    cr_assert_eq(bytes.len, 100000);
    cr_assert_str_eq(bytes.ptr, text);
    cr_assert_eq(bytes.stat.st_size, 100000);
}

Test(file, that_is_empty_is_read_as_such)
{
    write_file("x", "");
    cr_assert_eq(file_read("x", FILE_REGULAR, 10, &bytes, why), 0);
    cr_assert_eq(bytes.len, 0);
    cr_assert_str_eq(bytes.ptr, "");
}

Test(file, may_be_dev_null_which_is_empty)
{
    cr_assert_eq(file_read("/dev/null", FILE_REGULAR, 10, &bytes, why), 0);
    cr_assert_eq(bytes.len, 0);
}

Test(file, without_a_size_is_read_until_its_end)
{
    cr_assert_eq(file_read("/proc/self/status", FILE_REGULAR, 64 * 1024, &bytes, why), 0);
    cr_assert_eq(bytes.stat.st_size, 0);
    cr_assert(strstr(bytes.ptr, "SigBlk:"));
}

Test(file, that_is_too_large_is_refused_with_the_limit)
{
    write_file("x", "");
    cr_assert_eq(truncate("x", 1025), 0);
    expect_unreadable("x", EFBIG, "exceeds 1k");
    cr_assert_eq(file_read("x", FILE_REGULAR, 1000, &bytes, why), -EFBIG);
    cr_assert_str_eq(why, "exceeds 1000");
    cr_assert_eq(truncate("x", 1024 * 1024 + 1), 0);
    cr_assert_eq(file_read("x", FILE_REGULAR, 1024 * 1024, &bytes, why), -EFBIG);
    cr_assert_str_eq(why, "exceeds 1m");
    cr_assert_eq(file_read("/proc/self/status", FILE_REGULAR, 100, &bytes, why), -EFBIG);
    cr_assert_str_eq(why, "exceeds 100");
}

Test(file, of_another_kind_is_refused_without_waiting)
{
    cr_assert_eq(mkfifo("fifo", 0600), 0);
    make_socket("socket");
    expect_unreadable("fifo", EINVAL, "is a FIFO, expected a regular file");
    expect_unreadable("socket", EINVAL, "is a socket, expected a regular file");
    expect_unreadable(".", EISDIR, "is a directory, expected a regular file");
    expect_unreadable("/dev/zero", EINVAL, "is a character device, expected a regular file");
    expect_unreadable("none", ENOENT, "No such file or directory");
}

Test(file, may_be_a_pipe_on_the_command_line)
{
    int ends[2];
    char name[32];
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(write(ends[1], "[a]\n", 4), 4);
    close(ends[1]);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[0]);
    cr_assert_eq(file_read(name, FILE_REGULAR_OR_PIPE, 1024, &bytes, why), 0);
    cr_assert_str_eq(bytes.ptr, "[a]\n");
}

Test(file, that_does_not_fit_into_memory)
{
    if (failing_is_off)
        return;
    write_file("x", "text");
    fail_after(0);
    int r = file_read("x", FILE_REGULAR, 1024, &bytes, why);
    fail_no_more();
    cr_assert_eq(r, -ENOMEM);
    cr_assert_str_eq(why, "Cannot allocate memory");
}

/* ---- appending ------------------------------------------------------------------------------- */

static void expect_appendable(const char *path)
{
    cr_expect_eq(file_check_append(path, why), 0, "%s", path);
    int fd = file_open_append(path, why);
    cr_expect(fd >= 0, "%s: %s", path, why);
    cr_expect(fcntl(fd, F_GETFL) & O_APPEND);
    cr_expect(fcntl(fd, F_GETFL) & O_NONBLOCK);
    cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
}

static void expect_unappendable(const char *path, int error, const char *words)
{
    cr_expect_eq(file_check_append(path, why), -error, "%s", path);
    cr_expect(lines_match(why, words), "%s", why);
    cr_expect_eq(file_open_append(path, why), -error, "%s", path);
    cr_expect(lines_match(why, words), "%s", why);
}

Test(file, to_append_to_is_created)
{
    struct stat st;
    cr_assert_eq(file_check_append("x", why), 0);
    cr_assert_eq(access("x", F_OK), -1); /* a check leaves no trace */
    expect_appendable("x");
    cr_assert_eq(stat("x", &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0640);
}

Test(file, an_empty_path_is_refused)
{
    expect_unappendable("", ENOENT, "the path is empty");
    cr_expect_eq(file_read("", FILE_REGULAR, 100, &bytes, why), -ENOENT);
    cr_expect_str_eq(why, "the path is empty");
}

Test(file, to_append_to_may_be_a_fifo_or_a_device)
{
    cr_assert_eq(mkfifo("fifo", 0600), 0);
    expect_appendable("fifo"); /* it has no reader */
    expect_appendable("/dev/null");
    expect_appendable("/dev/full");
}

Test(file, that_waits_in_a_fifo_is_there_for_the_next_reader)
{
    char text[8] = "";
    cr_assert_eq(mkfifo("fifo", 0600), 0);
    int fd = file_open_append("fifo", why);
    cr_assert_eq(write(fd, "hello", 5), 5);
    int reader = open("fifo", O_RDONLY | O_NONBLOCK);
    cr_assert_eq(read(reader, text, sizeof text - 1), 5);
    cr_assert_str_eq(text, "hello");
    close(reader);
    cr_assert_eq(write(fd, "still", 5), 5); /* a reader that leaves is not an error */
    close(fd);
}

Test(file, that_cannot_be_appended_to)
{
    make_socket("socket");
    expect_unappendable(".", EISDIR, "is a directory~");
    expect_unappendable("socket", EINVAL, "is a socket~");
    expect_unappendable("none/x", ENOENT, "No such file or directory");
}
