/* chance: what happens next, and how a run ends where something is not as it should be. */
#ifndef EXTPROCD_TESTS_SIM_CHANCE_H
#define EXTPROCD_TESTS_SIM_CHANCE_H

#include <stdint.h>

/* The same sequence for the same seed. */
void chance_begin(uint64_t seed);
/* A number below n. */
uint32_t chance(uint32_t n);
/* Of what was drawn so far: two runs with the same number are the same. */
uint64_t chance_digest(void);

/* Prints what does not hold, and the seed, calls fn of chance_explains(), and ends the program. */
_Noreturn void chance_complain(const char *file, int line, const char *text);
void chance_explains(void (*fn)(void));
#define DEMAND(holds) ((holds) ? (void)0 : chance_complain(__FILE__, __LINE__, "not so: " #holds))

#endif
