/* loader_elf: what a file is, before dlopen() gets to see it.
 *
 * dlopen() looks at the ELF header too, but says "invalid ELF header" where an operator needs to
 * hear that he copied a file for another machine; and a file that was copied in part it maps, and
 * then dies of SIGBUS where the rest should be.
 */
#include "base/file.h"
#include "base/str.h"
#include "plugin/load/loader_private.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

typedef ElfW(Ehdr) elf_header; /* of our own class */

/* Our own header, by the name that the linker defines: it says which machine we are built for. */
extern const elf_header own_header __asm__("__ehdr_start") __attribute__((visibility("hidden")));

/* ---- the machine ----------------------------------------------------------------------------- */

static const char *machine_name(const elf_header *header)
{
    static const struct {
        unsigned machine;
        const char *name;
    } machines[] = {
        {EM_X86_64, "x86-64"}, {EM_386, "x86"},     {EM_AARCH64, "arm64"},
        {EM_ARM, "arm"},       {EM_RISCV, "riscv"}, {EM_PPC64, "ppc64"},
        {EM_S390, "s390"},     {EM_MIPS, "mips"},   {EM_LOONGARCH, "loongarch"},
    };
    unsigned machine = header->e_machine;
    if (header->e_ident[EI_DATA] != own_header.e_ident[EI_DATA])
        machine = __builtin_bswap16(header->e_machine);
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
        if (machines[i].machine == machine)
            return machines[i].name;
    }
    return "another machine";
}

static const char *class_name(const elf_header *header)
{
    return header->e_ident[EI_CLASS] == ELFCLASS32 ? "32-bit" : "64-bit";
}

static const char *order_name(const elf_header *header)
{
    return header->e_ident[EI_DATA] == ELFDATA2MSB ? "big-endian" : "little-endian";
}

/* Type and machine are at the same offset in both classes. */
static int check_header(struct attempt *a, const elf_header *header)
{
    const elf_header *own = &own_header;
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return attempt_refuse(a, "is not a shared object (build one with cc -shared -fPIC)");
    if (header->e_ident[EI_CLASS] != own->e_ident[EI_CLASS] ||
        header->e_ident[EI_DATA] != own->e_ident[EI_DATA] || header->e_machine != own->e_machine)
        return attempt_refuse(a,
                              "is built for %s (%s, %s), and this extprocd for %s (%s, %s) (build "
                              "it for this machine)",
                              machine_name(header), class_name(header), order_name(header),
                              machine_name(own), class_name(own), order_name(own));
    switch (header->e_type) {
    case ET_DYN:
        return 0;
    case ET_REL:
        return attempt_refuse(a,
                              "is an object file, not a shared object (link it with cc -shared)");
    default:
        return attempt_refuse(a, "is an executable, not a shared object (link it with cc -shared)");
    }
}

/* ---- the file -------------------------------------------------------------------------------- */

/* Is all of the file there that dlopen() would map? */
static int check_length(struct attempt *a, int fd, const elf_header *header, uint64_t len)
{
    for (unsigned i = 0; i < header->e_phnum; i++) {
        ElfW(Phdr) segment;
        uint64_t at = header->e_phoff + (uint64_t)i * sizeof segment;
        uint64_t end;
        if (at > len || pread(fd, &segment, sizeof segment, (off_t)at) != (ssize_t)sizeof segment ||
            __builtin_add_overflow(segment.p_offset, segment.p_filesz, &end) || end > len)
            return attempt_refuse(a, "is truncated (copy or build it again)");
    }
    return 0;
}

static int check_file(struct attempt *a, int fd)
{
    struct stat st;
    elf_header header = {0}; /* a short file leaves zeros: not a shared object */
    if (fstat(fd, &st) < 0 || pread(fd, &header, sizeof header, 0) < 0)
        return attempt_refuse(a, "cannot be read: %s", strerror(errno));
    int r = check_header(a, &header);
    if (r == 0)
        r = check_length(a, fd, &header, (uint64_t)st.st_size);
    return r < 0 ? r : attempt_check_needed(a, fd, &header);
}

/* The file in the folder whose name is nearest to one that is not there; "": none is near. */
static const char *nearest_in(const char *folder, const char *name, struct arena *arena)
{
    const char *pair[2] = {NULL, NULL}; /* the nearest so far, and the next one */
    struct dirent *e;
    DIR *dir = opendir(folder);
    while (dir && (e = readdir(dir))) {
        if (e->d_name[0] == '.' || !(pair[1] = arena_format(arena, "%s", e->d_name).ptr))
            continue;
        pair[0] = pair[0] ? str_nearest(name, pair, 2) : str_nearest(name, &pair[1], 1);
    }
    if (dir)
        closedir(dir);
    return pair[0] ? pair[0] : "";
}

static int refuse_absent(struct attempt *a)
{
    const char *name = strrchr(a->path, '/') + 1;
    const char *folder = arena_format(a->arena, "%.*s", (int)(name - a->path), a->path).ptr;
    const char *nearest = folder ? nearest_in(folder, name, a->arena) : "";
    const char *beside = arena_format(a->arena, "./%s", name).ptr;
    const char *object = arena_format(a->arena, "%s.so", a->path).ptr;
    if (object && access(object, F_OK) == 0)
        return attempt_refuse(a, "no such file (did you mean %s.so?)", name);
    if (*nearest)
        return attempt_refuse(a, "no such file (did you mean %s?)", nearest);
    if (beside && strcmp(beside, a->path) != 0 && access(beside, F_OK) == 0)
        return attempt_refuse(a, "no such file (did you mean %s?)", beside);
    return attempt_refuse(a, "no such file (a name without a slash is a file in plugin_dir)");
}

static int refuse_open(struct attempt *a, int r, const char *why)
{
    switch (r) {
    case -EISDIR:
    case -EINVAL:
        return attempt_refuse(a, "%s (name the .so file itself)", why);
    case -ENOENT:
    case -ENOTDIR:
        return refuse_absent(a);
    case -EACCES:
        return attempt_refuse(a, "permission denied (this user needs read permission for the file, "
                                 "and search permission for the directories above it)");
    default:
        return attempt_refuse(a, "cannot be opened: %s", why);
    }
}

int attempt_check_elf(struct attempt *a)
{
    char why[FILE_WHY];
    int fd = file_open(a->path, FILE_REGULAR, SIZE_MAX, why);
    if (fd < 0)
        return refuse_open(a, fd, why);
    int r = check_file(a, fd);
    close(fd);
    return r;
}
