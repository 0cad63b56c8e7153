#include "plugin/api/setup/api_file.h"

#include "base/log/writer.h"
#include "base/str.h"
#include "ini.h"
#include "plugin/api/api.h"
#include "plugin/instance.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

static struct config_errors errors;
static struct config *config;
static struct plugin_env env = {.api = &plugin_api};
static struct instance *in;
static char dir[] = "/tmp/extprocd-file-XXXXXX";

static void begin(void)
{
    cr_assert(mkdtemp(dir));
    cr_assert_eq(writer_new(&env.writer), 0);
    cr_assert_eq(metrics_new(&env.metrics), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static void end(void)
{
    in = instance_free(in);
    config_free(config);
    config_errors_fini(&errors);
    env.writer = writer_free(env.writer);
    metrics_free(env.metrics);
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(api_file, .init = begin, .fini = end, .timeout = 20);

/* A descriptor without a callback is refused. */
static void on_close(struct extproc_txn *x, enum extproc_end why)
{
}

/* An instance with this init, of the section in `config`. */
static int start_section(int (*init)(struct extproc_instance *))
{
    static const struct extproc_key keys[] = {
        {.name = "path"}, {.name = "fallback", .fallback = "x"}, {.name = NULL}};
    const struct extproc_plugin plugin = {
        .abi = EXTPROC_ABI, .name = "p", .keys = keys, .init = init, .close = on_close};
    return instance_new_linked(&plugin, &config->sections[0], &env, &errors, &in);
}

/* ... and `path` as the value of its key. */
static int start(int (*init)(struct extproc_instance *), const char *path)
{
    char text[256];
    snprintf(text, sizeof text, "[plugin:a]\npath = %s\n", path);
    config = ini_read(text, &errors);
    cr_assert_eq(chdir(dir), 0);
    return start_section(init);
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static const char *content(const char *name)
{
    static char text[256];
    int fd = open(name, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    cr_assert(n >= 0, "%s", name);
    text[n] = '\0';
    close(fd);
    return text;
}

/* ---- reading --------------------------------------------------------------------------------- */

static struct extproc_str bytes;

static int read_it(struct extproc_instance *instance)
{
    bytes = extproc_read_file(instance, "path", 0, 1024);
    return bytes.ptr ? 0 : -EINVAL;
}

Test(api_file, is_read_into_the_memory_of_the_instance)
{
    char path[64];
    snprintf(path, sizeof path, "%s/x", dir);
    write_file(path, "hello\n");
    cr_assert_eq(start(read_it, path), 0);
    cr_expect(str_eq_c(bytes, "hello\n"));
    cr_expect_eq(bytes.ptr[bytes.len], '\0');
    cr_expect(!extproc_read_file(&in->pub, "path", 0, 1024).ptr, "this is not init()");
}

Test(api_file, that_is_empty_is_not_absent)
{
    char path[64];
    snprintf(path, sizeof path, "%s/x", dir);
    write_file(path, "");
    cr_assert_eq(start(read_it, path), 0);
    cr_expect(bytes.ptr && bytes.len == 0);
}

Test(api_file, that_would_wait_is_refused_with_its_place)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "%s/fifo", dir);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_expect_eq(start(read_it, path), -EINVAL);
    snprintf(line, sizeof line,
             "test.ini:2: [plugin:a] path: cannot read %s: is a FIFO, expected a regular file",
             path);
    INI_EXPECT(&errors, line);
}

Test(api_file, that_is_too_large_is_refused)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "%s/x", dir);
    write_file(path, "");
    cr_assert_eq(truncate(path, 1025), 0);
    cr_expect_eq(start(read_it, path), -EINVAL);
    snprintf(line, sizeof line, "test.ini:2: [plugin:a] path: cannot read %s: exceeds 1k", path);
    INI_EXPECT(&errors, line);
}

static int read_what_is_absent(struct extproc_instance *instance)
{
    bytes = extproc_read_file(instance, "path", 1, 1024);
    cr_expect(!extproc_file_open(instance, NULL, 0));
    return bytes.ptr ? 0 : -EINVAL;
}

static int read_fallback(struct extproc_instance *instance)
{
    bytes = extproc_read_file(instance, "fallback", 0, 1024);
    return bytes.ptr ? 0 : -EINVAL;
}

/* Beside the ini file, wherever the program was started. */
Test(api_file, a_fallback_is_relative_to_the_file_of_its_section)
{
    char ini[64], path[64];
    snprintf(ini, sizeof ini, "%s/x.ini", dir);
    snprintf(path, sizeof path, "%s/x", dir);
    write_file(path, "hello\n");
    write_file(ini, "[plugin:a]\npath = other\n");
    config_read(ini, NULL, NULL, &errors, &config);
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(start_section(read_fallback), 0, "%s", errors.n_lines ? errors.lines[0] : "");
    cr_expect(str_eq_c(bytes, "hello\n"));
}

Test(api_file, without_a_path)
{
    cr_expect_eq(start(read_what_is_absent, "x"), -EINVAL);
    INI_EXPECT(&errors, "test.ini:1: [plugin:a] path: ~path~");
}

/* ---- appending ------------------------------------------------------------------------------- */

static struct extproc_file *file;

static int open_it(struct extproc_instance *instance)
{
    file = extproc_file_open(instance, "path", 0);
    return file ? 0 : -EINVAL;
}

Test(api_file, gets_lines)
{
    cr_assert_eq(start(open_it, "x"), 0);
    cr_expect_eq(extproc_file_append(file, EXTPROC_S("one")), 0);
    cr_expect_eq(extproc_file_append(file, EXTPROC_S("")), 0);
    cr_expect_eq(extproc_file_append(file, STR_ABSENT), -EINVAL);
    cr_expect_eq(extproc_file_append(NULL, EXTPROC_S("one")), -EINVAL);
    cr_expect_str_eq(content("x"), "one\n\n");
    cr_expect(!extproc_file_open(&in->pub, "path", 0), "this is not init()");
}

Test(api_file, is_opened_again_with_the_log)
{
    cr_assert_eq(start(open_it, "x"), 0);
    extproc_file_append(file, EXTPROC_S("before"));
    cr_assert_eq(rename("x", "x.1"), 0);
    writer_reopen(env.writer);
    extproc_file_append(file, EXTPROC_S("after"));
    cr_expect_str_eq(content("x.1"), "before\n");
    cr_expect_str_eq(content("x"), "after\n");
}

Test(api_file, that_takes_nothing_drops_what_does_not_fit)
{
    static char line[64 * 1024];
    struct metric_reading m;
    int n = 0;
    cr_assert_eq(start(open_it, "/dev/full"), 0);
    while (n < 1000 && extproc_file_append(file, (struct extproc_str){line, sizeof line}) == 0)
        n++;
    cr_expect_eq(n, 63); /* of 64 KiB and a newline in 4 MiB */
    cr_expect_eq(extproc_file_append(file, (struct extproc_str){line, sizeof line}), -ENOSPC);
    cr_assert(metrics_find(env.metrics, NULL, "file_lines_dropped", &m));
    cr_expect_eq(m.sum, 2);
}

Test(api_file, is_not_created_by_a_test_of_the_configuration)
{
    env.testing = true;
    cr_assert_eq(start(open_it, "x"), 0);
    cr_expect_eq(extproc_file_append(file, EXTPROC_S("one")), 0);
    cr_expect_eq(access("x", F_OK), -1);
}

Test(api_file, that_cannot_be_opened_is_refused_with_its_place)
{
    cr_expect_eq(start(open_it, "/nowhere/x"), -EINVAL);
    INI_EXPECT(&errors,
               "test.ini:2: [plugin:a] path: cannot open /nowhere/x: No such file or directory");
}
