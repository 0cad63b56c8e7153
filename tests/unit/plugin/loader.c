#include "plugin/load/loader.h"

#include "kit/lines.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct arena arena;
static const struct extproc_plugin *plugin;
static const struct extproc_key *keys;
static const char *why;
static char file[] = "/tmp/extprocd-test-XXXXXX"; /* for files that are not our plugins */

static void begin(void)
{
    arena_init(&arena, 1024);
    int fd = mkstemp(file);
    cr_assert(fd >= 0);
    close(fd);
}

static void end(void)
{
    unlink(file);
    arena_fini(&arena);
}

TestSuite(loader, .init = begin, .fini = end);

/* The error text after its name; it must be refused. */
static const char *refusal(const char *path)
{
    plugin = NULL;
    cr_assert_eq(loader_open(path, &arena, &plugin, &keys, &why), -ENOEXEC, "%s", path);
    cr_assert(!plugin);
    cr_assert(strncmp(why, path, strlen(path)) == 0, "%s", why);
    return why + strlen(path);
}

static void write_file(const char *bytes, size_t len)
{
    FILE *out = fopen(file, "w");
    cr_assert(out && fwrite(bytes, 1, len, out) == len && fclose(out) == 0);
}

/* The good plugin, its first bytes changed by the test. */
static struct {
    ElfW(Ehdr) header;
    char rest[1024 * 1024];
} copy;

static size_t read_into_copy(const char *path)
{
    FILE *in = fopen(path, "r");
    cr_assert(in);
    size_t len = fread(&copy, 1, sizeof copy, in);
    cr_assert(len > sizeof copy.header && len < sizeof copy);
    fclose(in);
    return len;
}

static size_t read_good(void)
{
    return read_into_copy(ABI_PLUGINS "/good.so");
}

/* ---- what loads ------------------------------------------------------------------------------ */

Test(loader, takes_a_plugin)
{
    cr_assert_eq(loader_open(ABI_PLUGINS "/good.so", &arena, &plugin, &keys, &why), 0);
    cr_expect_str_eq(plugin->name, "good");
    cr_expect(plugin->init && plugin->request_headers && !plugin->response_headers);
    cr_expect_str_eq(keys[0].name, "greeting");
    cr_expect_str_eq(keys[0].fallback, "hello");
    cr_expect(!keys[1].name);
}

Test(loader, takes_plugins_in_cxx17_and_cxx20)
{
    cr_expect_eq(loader_open(ABI_PLUGINS "/cxx17.so", &arena, &plugin, &keys, &why), 0);
    cr_expect_eq(loader_open(ABI_PLUGINS "/cxx20.so", &arena, &plugin, &keys, &why), 0);
    cr_expect(!keys[0].name, "a plugin without keys has a table that is empty");
}

static void on_close(struct extproc_txn *x, enum extproc_end end)
{
}

/* The host's would be called: it is a warning, and says which. */
Test(loader, warns_of_names_that_a_library_of_the_host_has_too)
{
    cr_assert_eq(loader_open(ABI_PLUGINS "/clash.so", &arena, &plugin, &keys, &why), 0);
    cr_assert_not_null(why);
    size_t n = 0;
    for (const char *at = why; (at = strstr(at, "exports ")); at++)
        n++;
    cr_expect_eq(n, 8, "%s", why);
    cr_expect(lines_match(why,
                          ABI_PLUGINS "/clash.so: ~, which is also in libc~ of the host; and 2 "
                                      "more: ~-fvisibility=hidden~"),
              "%s", why);
}

Test(loader, does_not_warn_of_names_that_a_plugin_takes_from_itself_first)
{
    cr_assert_eq(loader_open(ABI_PLUGINS "/clash_apart.so", &arena, &plugin, &keys, &why), 0);
    cr_expect_null(why, "%s", why);
}

Test(loader, copies_what_it_knows_of_structs_that_have_grown)
{
    static const struct {
        struct extproc_key key;
        void *later;
    } grown_keys[] = {{{.name = "a"}, &arena}, {{.name = "b"}, &arena}, {{NULL}, NULL}};
    static const struct {
        struct extproc_plugin plugin;
        void *later;
    } grown = {{.abi = {EXTPROC_MAGIC, EXTPROC_ABI_MAJOR, EXTPROC_ABI_MINOR, sizeof grown,
                        sizeof grown_keys[0]},
                .name = "grown",
                .keys = &grown_keys[0].key,
                .close = on_close},
               &arena};

    cr_assert_eq(loader_check("it", &grown.plugin, &arena, &plugin, &keys, &why), 0);

    cr_expect_str_eq(plugin->name, "grown");
    cr_expect_str_eq(keys[0].name, "a");
    cr_expect_str_eq(keys[1].name, "b");
    cr_expect(!keys[2].name);
    cr_expect_eq(plugin->keys, keys);
    cr_expect_eq(plugin->abi.plugin_size, sizeof *plugin, "sizes are those of the copies");
    cr_expect_eq(plugin->abi.key_size, sizeof *keys);
}

/* ---- what is not a shared object for us ------------------------------------------------------ */

Test(loader, refuses_what_is_not_there)
{
    cr_expect(lines_match(refusal("/nowhere/x.so"), ": ~no such file~plugin_dir~"), "%s", why);
    cr_expect(lines_match(refusal(ABI_PLUGINS "/godo.so"), ": ~no such file~good.so?~"), "%s", why);
    write_file("x", 1);
    cr_assert_eq(chdir("/tmp"), 0);
    const char *elsewhere = arena_format(&arena, "/nowhere%s", strrchr(file, '/')).ptr;
    const char *beside = arena_format(&arena, ": ~no such file~.%s?~", strrchr(file, '/')).ptr;
    cr_expect(lines_match(refusal(elsewhere), beside), "%s", why);
}

Test(loader, refuses_what_it_may_not_read)
{
    int status;
    cr_assert_eq(chmod(file, 0), 0);

    pid_t child = fork(); /* root may read everything, so the child is somebody else */
    if (child == 0) {
        int r = geteuid() == 0 ? setuid(65534) : 0;
        r = r < 0 ? r : loader_open(file, &arena, &plugin, &keys, &why);
        _exit(r == -ENOEXEC && lines_match(why + strlen(file), ": ~permission~"));
    }

    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

Test(loader, refuses_what_is_not_a_file)
{
    cr_expect(lines_match(refusal("/tmp"), ": is a directory~.so~"), "%s", why);
    unlink(file);
    cr_assert_eq(mkfifo(file, 0600), 0);
    cr_expect(lines_match(refusal(file), ": is a FIFO~.so~"), "%s", why);
}

Test(loader, refuses_what_is_not_an_elf_file)
{
    const char *text = ": ~not a shared object~";
    cr_expect(lines_match(refusal(file), text), "empty");
    write_file("[plugin:a]\nfile = a.so\n", 23);
    cr_expect(lines_match(refusal(file), text), "a text");
}

Test(loader, refuses_another_machine)
{
    size_t len = read_good();
    copy.header.e_machine = copy.header.e_machine == EM_S390 ? EM_AARCH64 : EM_S390;
    write_file((const char *)&copy, len);
    cr_expect(lines_match(refusal(file), ": ~built for s390 (~extprocd for ~this machine~"), "%s",
              why);
}

Test(loader, refuses_another_word_size_and_byte_order)
{
    size_t len = read_good();
    unsigned char *ident = copy.header.e_ident;
    ident[EI_CLASS] = ident[EI_CLASS] == ELFCLASS32 ? ELFCLASS64 : ELFCLASS32;
    write_file((const char *)&copy, len);
    cr_expect(strstr(refusal(file), sizeof(void *) == 8 ? "(32-bit, " : "(64-bit, "));

    read_good();
    ident[EI_DATA] = ident[EI_DATA] == ELFDATA2LSB ? ELFDATA2MSB : ELFDATA2LSB;
    copy.header.e_machine = __builtin_bswap16(EM_S390);
    write_file((const char *)&copy, len);
    cr_expect(strstr(refusal(file), ": is built for s390 ("), "%s", why);
}

Test(loader, refuses_object_files_and_programs)
{
    size_t len = read_good();
    copy.header.e_type = ET_REL;
    write_file((const char *)&copy, len);
    cr_expect(lines_match(refusal(file), ": ~object file~cc -shared~"), "%s", why);
    copy.header.e_type = ET_EXEC;
    write_file((const char *)&copy, len);
    cr_expect(lines_match(refusal(file), ": ~executable~cc -shared~"), "%s", why);
}

Test(loader, refuses_every_part_of_a_file)
{
    size_t len = read_good();
    for (size_t i = sizeof copy.header; i < len / 2; i += 97) {
        write_file((const char *)&copy, i);
        cr_expect(lines_match(refusal(file), ": ~truncated~"), "%s", why);
    }
}

/* ---- what does not load ---------------------------------------------------------------------- */

Test(loader, refuses_a_plugin_whose_library_is_missing)
{
    cr_expect(lines_match(refusal(ABI_PLUGINS "/needs_library.so"),
                          ": ~library libextproc_absent.so not found~"),
              "%s", why);
}

Test(loader, refuses_a_plugin_whose_function_is_missing)
{
    cr_expect(lines_match(refusal(ABI_PLUGINS "/needs_symbol.so"),
                          ": ~undefined symbol absent:~-z,defs~"),
              "%s", why);
}

/* What is said of a plugin that was linked with this library. */
static const char *refusal_of_one_that_needs(const char *library)
{
    static const char absent[] = "libextproc_absent.so";
    size_t len = read_into_copy(ABI_PLUGINS "/needs_library.so");
    char *at = memmem(&copy, len, absent, sizeof absent);
    cr_assert_not_null(at);
    strcpy(at, library);
    write_file((char *)&copy, len);
    return refusal(file);
}

Test(loader, refuses_what_is_built_for_another_c_library)
{
    static const char *const libraries[] = {"libc.musl-x86_64.so", "libc.so"};
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
        cr_expect(lines_match(refusal_of_one_that_needs(libraries[i]), ": ~built for musl~glibc~"),
                  "%s: %s", libraries[i], why);
}

/* One that this program does not begin with itself. */
Test(loader, refuses_what_is_built_with_a_sanitizer)
{
    static const char *const libraries[] = {"libhwasan.so.0", "libclang_rt.hwasan.s"};
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
        cr_expect(lines_match(refusal_of_one_that_needs(libraries[i]),
                              ": is built with a sanitizer (hwasan)~-fsanitize~LD_PRELOAD~"),
                  "%s: %s", libraries[i], why);
}

Test(loader, passes_on_what_else_the_system_says)
{
    const char *said = refusal("/proc/self/exe");
    cr_expect(strstr(said, ": cannot be loaded: cannot dynamically load ") == said, "%s", said);
    cr_expect(strstr(said, "ldd -r"));
}

/* ---- what is not a plugin for us ------------------------------------------------------------- */

Test(loader, refuses_a_library_that_is_not_a_plugin)
{
    cr_expect(
        lines_match(refusal(ABI_PLUGINS "/no_symbol.so"), ": ~not a plugin~extproc_plugin_v1~"),
        "%s", why);
}

Test(loader, refuses_other_versions)
{
    cr_expect(lines_match(refusal(ABI_PLUGINS "/next_abi.so"), ": ~ABI 2~ABI 1.0~"), "%s", why);
    cr_expect(lines_match(refusal(ABI_PLUGINS "/other_major.so"), ": ~ABI 2.0~ABI 1.0~"), "%s",
              why);
    cr_expect(lines_match(refusal(ABI_PLUGINS "/newer_minor.so"), ": ~ABI 1.9~ABI 1.0~TARGET=0~"),
              "%s", why);
    cr_expect(
        lines_match(refusal(ABI_PLUGINS "/other_magic.so"), ": ~0x21214f4e~expected 0x45585031~"),
        "%s", why);
}

static enum extproc_action on_phase(struct extproc_txn *x)
{
    return EXTPROC_ACTION_CONTINUE;
}

static int on_open(struct extproc_txn *x)
{
    return 0;
}

static enum extproc_action on_result(struct extproc_txn *x, enum extproc_wake wake, void *result)
{
    return EXTPROC_ACTION_CONTINUE;
}

static void expect_refused(struct extproc_plugin p, const char *expected)
{
    p.abi = (struct extproc_abi)EXTPROC_ABI;
    p.name = "p";
    why = NULL;
    int r = loader_check("it", &p, &arena, &plugin, &keys, &why);
    if (!expected)
        cr_expect_eq(r, 0, "needs 0x%llx: %s", (unsigned long long)p.needs, why ? why : "");
    else
        cr_expect(r == -ENOEXEC && lines_match(why, expected), "needs 0x%llx: %d, %s",
                  (unsigned long long)p.needs, r, why ? why : "");
}

Test(loader, refuses_a_need_that_says_nothing_about_a_callback)
{
    static const struct {
        uint64_t need;
        const char *name, *set;
    } cases[] = {
        {EXTPROC_WHOLE_REQUEST_BODY, "WHOLE_REQUEST_BODY", "(set .request_body)"},
        {EXTPROC_WHOLE_RESPONSE_BODY, "WHOLE_RESPONSE_BODY", "(set .response_body)"},
        {EXTPROC_MUST_SEE_REQUEST_BODY, "MUST_SEE_REQUEST_BODY", "(set .request_body)"},
        {EXTPROC_MUST_SEE_RESPONSE_BODY, "MUST_SEE_RESPONSE_BODY", "(set .response_body)"},
        {EXTPROC_HEADERS_WAIT, "HEADERS_WAIT", ".request_body or .response_body"},
        {EXTPROC_HOLDS_BODY, "HOLDS_BODY", ".request_body or .response_body"},
        {EXTPROC_READS_REQUEST, "READS_REQUEST", ".response_headers"},
        {EXTPROC_CLOSE_SEES_HEADERS, "CLOSE_SEES_HEADERS", "(set .close)"},
    };
    const struct extproc_plugin complete = {.request_headers = on_phase,
                                            .request_body = on_phase,
                                            .response_headers = on_phase,
                                            .response_body = on_phase,
                                            .close = on_close};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[128];
        struct extproc_plugin with = complete;
        snprintf(expected, sizeof expected, "it: ~EXTPROC_%s~no effect~%s~", cases[i].name,
                 cases[i].set);
        expect_refused((struct extproc_plugin){.needs = cases[i].need, .request_headers = on_phase},
                       expected);
        with.needs = cases[i].need;
        expect_refused(with, NULL);
    }
    expect_refused(
        (struct extproc_plugin){.needs = EXTPROC_KEEPS_BODY, .request_trailers = on_phase}, NULL);
    expect_refused((struct extproc_plugin){.needs = UINT64_C(1) << 40, .request_headers = on_phase},
                   "it: ~0x10000000000 in .needs~");
}

/* A complete body has no next part, and headers wait for complete bodies only. */
Test(loader, refuses_to_hold_what_nothing_follows)
{
    static const char expected[] = "it: ~EXTPROC_HOLDS_BODY~no effect~";
    struct extproc_plugin both = {.request_body = on_phase, .response_body = on_phase};
    struct extproc_plugin one = {.request_body = on_phase};
    one.needs = EXTPROC_HOLDS_BODY | EXTPROC_WHOLE_REQUEST_BODY;
    expect_refused(one, expected);
    both.needs = one.needs; /* it may hold bodies of responses */
    expect_refused(both, NULL);
    both.needs |= EXTPROC_WHOLE_RESPONSE_BODY;
    expect_refused(both, expected);
    both.needs = EXTPROC_HOLDS_BODY | EXTPROC_HEADERS_WAIT;
    expect_refused(both, expected);
}

Test(loader, refuses_what_is_never_called)
{
    expect_refused((struct extproc_plugin){.resume = on_result}, "it: ~no callback~");
    expect_refused((struct extproc_plugin){.open = on_open, .resume = on_result},
                   "it: ~.resume~could wait~");
    expect_refused((struct extproc_plugin){.request_trailers = on_phase, .resume = on_result},
                   NULL);
}

Test(loader, takes_a_plugin_of_a_later_minor_that_asks_for_this_one)
{
    cr_expect(lines_match(refusal(ABI_PLUGINS "/later.so"), ": ~ABI 1.7~ABI 1.0~TARGET=0~"), "%s",
              why);
    cr_expect_eq(loader_open(ABI_PLUGINS "/later_target.so", &arena, &plugin, &keys, &why), 0);
    cr_expect_str_eq(keys[0].name, "greeting");
    cr_expect(!keys[1].name);
}

Test(loader, refuses_sizes_that_cannot_be)
{
    static const struct {
        const char *path, *what;
    } cases[] = {
        {ABI_PLUGINS "/tiny_symbol.so", "descriptor: 4 bytes"},
        {ABI_PLUGINS "/short_descriptor.so", "descriptor: 24 bytes"},
        {ABI_PLUGINS "/long_descriptor.so", "descriptor: 4096 bytes"},
        {ABI_PLUGINS "/short_key.so", "struct extproc_key: 8 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        snprintf(text, sizeof text, ": ~size of %s~EXTPROC_ABI~", cases[i].what);
        cr_expect(lines_match(refusal(cases[i].path), text), "%s", why);
    }
}

Test(loader, refuses_names_and_keys_that_cannot_be)
{
    cr_expect(lines_match(refusal(ABI_PLUGINS "/no_name.so"), ": ~no name~"), "%s", why);
    cr_expect(lines_match(refusal(ABI_PLUGINS "/bad_name.so"), ": ~name \"no such name\"~32~"),
              "%s", why);
    const char *said = refusal(ABI_PLUGINS "/bad_key.so");
    cr_expect(lines_match(said, ": ~table of keys: ~\"no:key\"~"), "%s", said);
}
