/* loader_needed: what libraries a shared object asks for, before dlopen() gets to look for them.
 *
 * Two kinds must not even be tried. An object that was built for musl would bring a second C
 * library into the process, and dlopen() only says that this one is not found. A sanitizer's
 * library, where the process did not begin with it, ends the process.
 */
#include "plugin/load/loader_private.h"

#include <elf.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

enum { SEGMENTS_MAX = 64, ENTRIES_MAX = 512, NAME_ROOM = 64 };

/* The parts of a file that say where things are. */
struct object {
    int fd;
    ElfW(Phdr) segments[SEGMENTS_MAX];
    size_t n_segments;
    ElfW(Dyn) entries[ENTRIES_MAX];
    size_t n_entries;
};

static bool read_at(int fd, void *to, size_t len, uint64_t at)
{
    return pread(fd, to, len, (off_t)at) == (ssize_t)len;
}

static bool read_segments(struct object *o, const ElfW(Ehdr) * header)
{
    o->n_segments = header->e_phnum < SEGMENTS_MAX ? header->e_phnum : SEGMENTS_MAX;
    return read_at(o->fd, o->segments, o->n_segments * sizeof *o->segments, header->e_phoff);
}

static bool read_entries(struct object *o)
{
    for (size_t i = 0; i < o->n_segments; i++) {
        const ElfW(Phdr) *segment = &o->segments[i];
        if (segment->p_type != PT_DYNAMIC)
            continue;
        o->n_entries = segment->p_filesz / sizeof *o->entries;
        if (o->n_entries > ENTRIES_MAX)
            o->n_entries = ENTRIES_MAX;
        return read_at(o->fd, o->entries, o->n_entries * sizeof *o->entries, segment->p_offset);
    }
    return false;
}

/* The place in the file of an address in memory; 0: it has none. */
static uint64_t place_of(const struct object *o, uint64_t address)
{
    for (size_t i = 0; i < o->n_segments; i++) {
        const ElfW(Phdr) *segment = &o->segments[i];
        if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
            address - segment->p_vaddr < segment->p_filesz)
            return address - segment->p_vaddr + segment->p_offset;
    }
    return 0;
}

static uint64_t names_of(const struct object *o)
{
    for (size_t i = 0; i < o->n_entries; i++) {
        if (o->entries[i].d_tag == DT_STRTAB)
            return place_of(o, o->entries[i].d_un.d_ptr);
    }
    return 0;
}

static bool begins(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

static const char *sanitizer_of(const char *library)
{
    static const struct {
        const char *library, *name;
    } sanitizers[] = {{"libasan.", "asan"},     {"libclang_rt.asan", "asan"},
                      {"libtsan.", "tsan"},     {"libclang_rt.tsan", "tsan"},
                      {"libhwasan.", "hwasan"}, {"libclang_rt.hwasan", "hwasan"}};
    for (size_t i = 0; i < sizeof sanitizers / sizeof *sanitizers; i++) {
        if (begins(library, sanitizers[i].library))
            return sanitizers[i].name;
    }
    return NULL;
}

static int judge(struct attempt *a, const char *library)
{
    if (begins(library, "libc.musl-") || strcmp(library, "libc.so") == 0)
        return attempt_refuse(
            a, "is built for musl, and this extprocd for glibc (build it on a glibc system)");
    if (!a->sanitizer)
        a->sanitizer = sanitizer_of(library);
    return 0;
}

int attempt_check_needed(struct attempt *a, int fd, const ElfW(Ehdr) * header)
{
    struct object o = {.fd = fd};
    uint64_t names = 0;
    int r = 0;
    if (read_segments(&o, header) && read_entries(&o))
        names = names_of(&o);
    for (size_t i = 0; names && r == 0 && i < o.n_entries; i++) {
        char library[NAME_ROOM + 1] = "";
        if (o.entries[i].d_tag != DT_NEEDED)
            continue;
        if (pread(fd, library, NAME_ROOM, (off_t)(names + o.entries[i].d_un.d_val)) > 0)
            r = judge(a, library);
    }
    return r;
}
