#include "plugin/loader.h"

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
static char file[] = "/tmp/extprocd-test-XXXXXX"; /* for what is no plugin of ours */

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

/* What is said of it behind its name; it must be refused. */
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

static size_t read_good(void)
{
    FILE *in = fopen(ABI_PLUGINS "/good.so", "r");
    cr_assert(in);
    size_t len = fread(&copy, 1, sizeof copy, in);
    cr_assert(len > sizeof copy.header && len < sizeof copy);
    fclose(in);
    return len;
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

/* ---- what is no shared object for us --------------------------------------------------------- */

Test(loader, refuses_what_is_not_there)
{
    cr_expect_str_eq(
        refusal("/nowhere/x.so"),
        ": there is no such file (a name without a slash is looked for in plugin_dir)");
}

Test(loader, refuses_what_it_may_not_read)
{
    int status;
    cr_assert_eq(chmod(file, 0), 0);

    pid_t child = fork(); /* root may read everything, so the child is somebody else */
    if (child == 0) {
        int r = geteuid() == 0 ? setuid(65534) : 0;
        r = r < 0 ? r : loader_open(file, &arena, &plugin, &keys, &why);
        _exit(r == -ENOEXEC && strcmp(why + strlen(file),
                                      ": may not be read by this user (let it read the file, and "
                                      "enter the directories above)") == 0);
    }

    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

Test(loader, refuses_what_is_no_file)
{
    cr_expect_str_eq(refusal("/tmp"),
                     ": is a directory, expected a regular file (name the .so file itself)");
    unlink(file);
    cr_assert_eq(mkfifo(file, 0600), 0);
    cr_expect_str_eq(refusal(file),
                     ": is a FIFO, expected a regular file (name the .so file itself)");
}

Test(loader, refuses_what_is_no_elf_file)
{
    const char *text = ": is no shared object (build one: cc -shared -fPIC)";
    cr_expect_str_eq(refusal(file), text, "empty");
    write_file("[plugin:a]\nfile = a.so\n", 23);
    cr_expect_str_eq(refusal(file), text, "a text");
}

Test(loader, refuses_another_machine)
{
    size_t len = read_good();
    copy.header.e_machine = copy.header.e_machine == EM_S390 ? EM_AARCH64 : EM_S390;
    write_file((const char *)&copy, len);
    const char *said = refusal(file);
    cr_expect(strstr(said, ": is built for s390 (") == said, "%s", said);
    cr_expect(strstr(said, ", this extprocd for "));
    cr_expect(strstr(said, " (build it for this machine)"));
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
    cr_expect_str_eq(refusal(file), ": is an object file, not linked yet (link it: cc -shared)");
    copy.header.e_type = ET_EXEC;
    write_file((const char *)&copy, len);
    cr_expect_str_eq(refusal(file), ": is a program, no shared object (link it: cc -shared)");
}

Test(loader, refuses_every_part_of_a_file)
{
    size_t len = read_good();
    for (size_t i = sizeof copy.header; i < len / 2; i += 97) {
        write_file((const char *)&copy, i);
        cr_expect_str_eq(refusal(file), ": is cut short (copy or build it again)", "at %zu", i);
    }
}

/* ---- what does not load ---------------------------------------------------------------------- */

Test(loader, refuses_a_plugin_whose_library_is_missing)
{
    cr_expect_str_eq(refusal(ABI_PLUGINS "/needs_library.so"),
                     ": needs the library libextproc_absent.so, which is not found (install it, or "
                     "link the plugin with an -rpath to it)");
}

Test(loader, refuses_a_plugin_whose_function_is_missing)
{
    cr_expect_str_eq(refusal(ABI_PLUGINS "/needs_symbol.so"),
                     ": uses absent, which no library has that it was linked with (link it with "
                     "-Wl,-z,defs, and what that asks for)");
}

Test(loader, passes_on_what_else_the_system_says)
{
    const char *said = refusal("/proc/self/exe");
    cr_expect(strstr(said, ": cannot be loaded: cannot dynamically load ") == said, "%s", said);
    cr_expect(strstr(said, " (`ldd -r` may tell more)"));
}

/* ---- what is no plugin for us ---------------------------------------------------------------- */

Test(loader, refuses_a_library_that_is_no_plugin)
{
    cr_expect_str_eq(refusal(ABI_PLUGINS "/no_symbol.so"),
                     ": is no plugin: it exports no extproc_plugin_v1 (define that constant, and "
                     "include <extproc/plugin.h>)");
}

Test(loader, refuses_other_versions)
{
    cr_expect_str_eq(refusal(ABI_PLUGINS "/next_abi.so"),
                     ": is built for ABI 2, this extprocd has ABI 1.0 (rebuild it with this "
                     "extprocd's headers, or use a newer extprocd)");
    cr_expect_str_eq(refusal(ABI_PLUGINS "/other_major.so"),
                     ": is built for ABI 2.0, this extprocd has ABI 1.0 (rebuild it with this "
                     "extprocd's headers)");
    cr_expect_str_eq(refusal(ABI_PLUGINS "/newer_minor.so"),
                     ": asks for ABI 1.9, this extprocd has ABI 1.0 (rebuild it with "
                     "-DEXTPROC_ABI_TARGET=0, or use a newer extprocd)");
    cr_expect_str_eq(refusal(ABI_PLUGINS "/other_magic.so"),
                     ": its descriptor begins with 0x21214f4e, not with 0x45585031 (begin it with "
                     ".abi = EXTPROC_ABI)");
}

Test(loader, takes_a_plugin_of_a_later_minor_that_asks_for_this_one)
{
    cr_expect_str_eq(refusal(ABI_PLUGINS "/later.so"),
                     ": asks for ABI 1.7, this extprocd has ABI 1.0 (rebuild it with "
                     "-DEXTPROC_ABI_TARGET=0, or use a newer extprocd)");
    cr_expect_eq(loader_open(ABI_PLUGINS "/later_target.so", &arena, &plugin, &keys, &why), 0);
    cr_expect_str_eq(keys[0].name, "greeting");
    cr_expect(!keys[1].name);
}

Test(loader, refuses_sizes_that_cannot_be)
{
    static const struct {
        const char *path, *what;
    } cases[] = {
        {ABI_PLUGINS "/tiny_symbol.so", "descriptor has 4 bytes"},
        {ABI_PLUGINS "/short_descriptor.so", "descriptor has 24 bytes"},
        {ABI_PLUGINS "/long_descriptor.so", "descriptor has 4096 bytes"},
        {ABI_PLUGINS "/short_key.so", "struct extproc_key has 8 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 ": says that its %s, which it has in no version of the SDK (begin the descriptor "
                 "with .abi = EXTPROC_ABI)",
                 cases[i].what);
        cr_expect_str_eq(refusal(cases[i].path), text);
    }
}

Test(loader, refuses_names_and_keys_that_cannot_be)
{
    cr_expect_str_eq(refusal(ABI_PLUGINS "/no_name.so"),
                     ": its descriptor has no name (set .name)");
    cr_expect_str_eq(refusal(ABI_PLUGINS "/bad_name.so"),
                     ": its name \"no such name\" cannot be (1 to 32 of A-Z a-z 0-9 _ . -)");
    const char *said = refusal(ABI_PLUGINS "/bad_key.so");
    cr_expect(strstr(said, ": its table of keys is wrong: \"no:key\" ") == said, "%s", said);
    cr_expect(strstr(said, " (correct it in the plugin)"));
}
