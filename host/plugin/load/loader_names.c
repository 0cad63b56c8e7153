/* loader_names: what a plugin exports that the host has, too.
 *
 * The plugin's own calls of such a function go to the host's: the dynamic linker takes the first
 * one of a name, and the host's libraries come first. It runs, and does something else.
 */
#include "plugin/load/loader_private.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>

enum { NAMES_MAX = 8 };

/* An object's table of dynamic symbols, as it lies in memory. */
struct symbols {
    const ElfW(Sym) * table;
    const char *names;
    const uint32_t *hash; /* DT_GNU_HASH: its head is n_buckets, first, bloom_size, shift */
    bool own_first;       /* linked with -Bsymbolic */
};

static struct symbols symbols_of(const struct link_map *map)
{
    struct symbols s = {0};
    for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++) {
        const void *at = (const void *)d->d_un.d_ptr; /* glibc has made an address of it */
        if (d->d_tag == DT_SYMTAB)
            s.table = at;
        else if (d->d_tag == DT_STRTAB)
            s.names = at;
        else if (d->d_tag == DT_GNU_HASH)
            s.hash = at;
        else if (d->d_tag == DT_SYMBOLIC || (d->d_tag == DT_FLAGS && d->d_un.d_val & DF_SYMBOLIC))
            s.own_first = true;
    }
    return s;
}

/* The library that has the name in the global scope of the process; NULL: none has. */
static const char *global_home(const char *name)
{
    Dl_info info;
    const void *address = dlsym(RTLD_DEFAULT, name);
    if (!address || !dladdr(address, &info) || !info.dli_fname)
        return NULL;
    const char *slash = strrchr(info.dli_fname, '/');
    return slash ? slash + 1 : info.dli_fname;
}

struct clashes {
    struct arena *arena;
    const char *text; /* NULL: none */
    size_t n;
};

static void note(struct clashes *c, const char *name, const char *library)
{
    if (c->n++ < NAMES_MAX)
        c->text = arena_format(c->arena, "%s%sexports %s, which is also in %s of the host",
                               c->text ? c->text : "", c->text ? "; " : "", name, library)
                      .ptr;
}

static void look_at(struct clashes *c, const struct symbols *s, const ElfW(Sym) * symbol)
{
    const char *name = s->names + symbol->st_name;
    if (symbol->st_shndx == SHN_UNDEF || ELF64_ST_BIND(symbol->st_info) != STB_GLOBAL ||
        ELF64_ST_VISIBILITY(symbol->st_other) != STV_DEFAULT)
        return;
    const char *library = global_home(name);
    if (library)
        note(c, name, library);
}

/* The defined symbols are in the hash table, in buckets. Each bucket is a sequence of symbols; the
 * last one has a hash with its lowest bit set. */
static void look_at_all(struct clashes *c, const struct symbols *s)
{
    uint32_t n_buckets = s->hash[0], first = s->hash[1], n_bloom = s->hash[2];
    const uint32_t *buckets = s->hash + 4 + n_bloom * (sizeof(ElfW(Addr)) / sizeof *s->hash);
    const uint32_t *hashes = buckets + n_buckets;
    for (uint32_t b = 0; b < n_buckets; b++) {
        for (uint32_t i = buckets[b]; i >= first; i++) {
            look_at(c, s, &s->table[i]);
            if (hashes[i - first] & 1)
                break;
        }
    }
}

const char *attempt_clashes(const struct attempt *a, void *object)
{
    struct clashes c = {.arena = a->arena};
    struct link_map *map;
    if (dlinfo(object, RTLD_DI_LINKMAP, &map) != 0)
        return NULL;
    struct symbols s = symbols_of(map);
    if (s.table && s.names && s.hash && !s.own_first)
        look_at_all(&c, &s);
    if (!c.text)
        return NULL;
    const char *more =
        c.n > NAMES_MAX ? arena_format(c.arena, "; and %zu more", c.n - NAMES_MAX).ptr : "";
    return arena_format(
               c.arena,
               "%s: %s%s: the host's function would be called (compile with -fvisibility=hidden)",
               a->path, c.text, more ? more : "")
        .ptr;
}
