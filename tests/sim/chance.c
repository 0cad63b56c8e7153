/* chance: one number decides all. */
#include "chance.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t begun_with, state, digest;
static void (*explain)(void);

void chance_begin(uint64_t seed)
{
    begun_with = seed;
    state = seed * 0x9e3779b97f4a7c15 + 1;
    digest = 0;
}

uint32_t chance(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    uint32_t drawn = (uint32_t)((state >> 33) % n);
    digest = (digest ^ drawn ^ n) * 0x100000001b3;
    return drawn;
}

uint64_t chance_digest(void)
{
    return digest;
}

void chance_explains(void (*fn)(void))
{
    explain = fn;
}

void chance_complain(const char *file, int line, const char *text)
{
    fprintf(stderr, "%s:%d: %s\n(repeat it with: sim %llu)\n", file, line, text,
            (unsigned long long)begun_with);
    if (explain)
        explain();
    abort();
}
