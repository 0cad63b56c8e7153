/* crew: threads that begin together, and a count of what was as it should be.
 *
 * Only the thread that started them checks, after the last one has ended; a thread notes what it
 * saw in memory of its own. So the tests themselves share nothing but what they test.
 */
#ifndef TESTS_THREADS_CREW_H
#define TESTS_THREADS_CREW_H

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { CREW_MAX = 8 };

struct crew_member {
    void (*work)(void *arg);
    void *arg;
};

struct crew_start {
    struct crew_member member;
    pthread_barrier_t *together;
};

static inline void *crew_main(void *arg)
{
    struct crew_start *start = arg;
    pthread_barrier_wait(start->together);
    start->member.work(start->member.arg);
    return NULL;
}

/* Each member in a thread of its own; returns when all have. */
static inline void crew_run(const struct crew_member *members, unsigned n)
{
    struct crew_start starts[CREW_MAX];
    pthread_t threads[CREW_MAX];
    pthread_barrier_t together;
    pthread_barrier_init(&together, NULL, n);
    for (unsigned i = 0; i < n; i++) {
        starts[i] = (struct crew_start){members[i], &together};
        if (pthread_create(&threads[i], NULL, crew_main, &starts[i]) != 0)
            abort();
    }
    for (unsigned i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&together);
}

static struct {
    unsigned passed, failed;
} checks;

#define CHECK(holds) check((holds), #holds, __FILE__, __LINE__)
static inline bool check(bool holds, const char *text, const char *file, int line)
{
    if (holds)
        checks.passed++;
    else
        checks.failed++;
    if (!holds)
        printf("%s:%d: FAILED: %s\n", file, line, text);
    return holds;
}

/* The program's last line, and what its main() returns. */
static inline int check_totals(void)
{
    printf("%u passed, %u failed\n", checks.passed, checks.failed);
    return checks.failed > 0 || checks.passed == 0;
}

#endif
