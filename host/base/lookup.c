/* lookup: from a name to an index in the caller's array: open addressing, at most half full. */
#include "base/lookup.h"

#include <stdint.h>
#include <string.h>

struct lookup_slot {
    struct lookup_name name;
    size_t place;
    bool used;
};

/* FNV-1a. */
static uint64_t hash(struct lookup_name name)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < name.first.len; i++)
        h = (h ^ (unsigned char)name.first.ptr[i]) * 0x100000001b3u;
    h = (h ^ 0xff) * 0x100000001b3u; /* so that "ab","c" and "a","bc" differ */
    for (size_t i = 0; i < name.second.len; i++)
        h = (h ^ (unsigned char)name.second.ptr[i]) * 0x100000001b3u;
    return h;
}

/* The slot of the name, or the free slot where it belongs. */
static struct lookup_slot *slot_of(const struct lookup *lookup, struct lookup_name name)
{
    size_t i = hash(name) & (lookup->n_slots - 1);
    while (lookup->slots[i].used && !(extproc_eq(lookup->slots[i].name.first, name.first) &&
                                      extproc_eq(lookup->slots[i].name.second, name.second)))
        i = (i + 1) & (lookup->n_slots - 1);
    return &lookup->slots[i];
}

bool lookup_find(const struct lookup *lookup, struct lookup_name name, size_t *ret_place)
{
    if (lookup->n_slots == 0)
        return false;
    const struct lookup_slot *slot = slot_of(lookup, name);
    if (slot->used)
        *ret_place = slot->place;
    return slot->used;
}

static bool grow(struct lookup *lookup, struct arena *arena)
{
    struct lookup larger = {.n = lookup->n, .n_slots = lookup->n_slots ? 2 * lookup->n_slots : 16};
    larger.slots = arena_array(arena, larger.n_slots, sizeof *larger.slots);
    if (!larger.slots)
        return false;
    memset(larger.slots, 0, larger.n_slots * sizeof *larger.slots);
    for (size_t i = 0; i < lookup->n_slots; i++) {
        if (lookup->slots[i].used)
            *slot_of(&larger, lookup->slots[i].name) = lookup->slots[i];
    }
    *lookup = larger;
    return true;
}

bool lookup_add(struct lookup *lookup, struct arena *arena, struct lookup_name name, size_t place)
{
    if (2 * lookup->n >= lookup->n_slots && !grow(lookup, arena))
        return false;
    *slot_of(lookup, name) = (struct lookup_slot){.name = name, .place = place, .used = true};
    lookup->n++;
    return true;
}
