/* regex: a regular expression (PCRE2), compiled once, and matched in bounded time.
 *
 * Unchanging once it is compiled, so any thread may match it; what a match needs beside it belongs
 * to the thread that matches.
 */
#ifndef EXTPROCD_BASE_PATTERN_REGEX_H
#define EXTPROCD_BASE_PATTERN_REGEX_H

#include "base/arena.h"

struct regex;
struct regex_scratch; /* memory that matches take, of one thread */

enum match {
    MATCH_NO,
    MATCH_YES,
    MATCH_FAILED /* it exceeded its limit of steps or memory, so the answer is not known */
};

/* fold: case does not matter. The regex is on the heap. 0; -ENOMEM; -EINVAL with *ret_why, which
 * names the place, in the arena. */
int regex_new(struct extproc_str text, bool fold, struct arena *arena, struct regex **ret,
              const char **ret_why);
/* NULL does nothing. Returns NULL. */
struct regex *regex_free(struct regex *regex);

/* NULL: out of memory. */
struct regex_scratch *regex_scratch_new(void);
struct regex_scratch *regex_scratch_free(struct regex_scratch *scratch);

/* Is it found anywhere in a text of any bytes? scratch NULL: the answer is not known. */
enum match regex_find(const struct regex *regex, struct extproc_str text,
                      struct regex_scratch *scratch);

#endif
