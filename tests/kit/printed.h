/* printed: what is written to standard output between two calls.
 *
 * Texts stay until the process ends, which is that of one test.
 */
#ifndef EXTPROCD_TESTS_KIT_PRINTED_H
#define EXTPROCD_TESTS_KIT_PRINTED_H

#include <stdio.h>
#include <stdlib.h>

struct printed {
    char *text;
    size_t len;
    FILE *before;
    struct printed *next;
};

static struct printed *printed; /* the last one */

static inline void printed_begin(void)
{
    struct printed *p = (struct printed *)calloc(1, sizeof *p);
    p->before = stdout;
    p->next = printed;
    printed = p;
    stdout = open_memstream(&p->text, &p->len);
}

static inline const char *printed_end(void)
{
    fclose(stdout);
    stdout = printed->before;
    return printed->text;
}

#endif
