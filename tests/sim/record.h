/* record: what the simulation knows of a transaction: what its plugins have seen, done and held,
 * and what has to follow from that by their sections.
 */
#ifndef EXTPROCD_TESTS_SIM_RECORD_H
#define EXTPROCD_TESTS_SIM_RECORD_H

#include "kit/kit.h"
#include "results.h"
#include "view.h"

enum { PLACES = 3, OPEN_MAX = 12, NEEDY = PLACES - 1, BLOCKING = 1 };

/* What the configuration of a round says. */
struct section {
    enum policy_action on_error, on_max_body;
    unsigned status;
    uint64_t timeout_ms;
    size_t max_body;
    unsigned every_ms;
};
struct settings {
    struct section sections[PLACES];
    enum policy_action overload;
    size_t max_waiting, max_memory, max_answer; /* 0: any */
    bool blocks;                                /* the plugin in that place is called in the pool */
    bool needy;    /* the plugin in that place is one that needs complete request bodies */
    uint32_t pace; /* time goes on once in so many events for it */
};

/* What ends a transaction: a plugin's own response, or a failure that its section does not let
 * pass. */
struct outcome {
    bool any;
    enum policy_action action;
    unsigned status;
};

/* What a plugin is at in one direction. */
struct memo {
    struct view before; /* when the callback began, which has come to no end: what undo restores */
    struct text held;   /* bytes that come again                                                  */
    uint32_t skips;     /* asked for, and not certain yet                                         */
    uint64_t due_ms;    /* when the section's time for the callback is over; 0: it has not waited */
    uint64_t from_ms,
        limit_ms; /* when it may be woken at the earliest, by a result of time, or not */
    const struct result *result;        /* that it waits for */
    bool deferred, overloaded, answers; /* in this callback */
    bool waits;                         /* it has returned, and is not done */
    bool holds_end;                     /* n_end bytes, if it holds */
    size_t n_end;
};

/* One plugin in one transaction. */
struct seat {
    struct record *record;
    unsigned place;
    bool failed;
    uint32_t skipped; /* phases */
    struct memo memos[N_LANES];
};

/* One direction, as the last callback has left it. */
struct walk {
    struct view after;
    unsigned place;
    uint32_t phase;
    bool goes_on;       /* the next callback may be one of the same message */
    bool sets_metadata; /* which the other direction sees when a message of this one is answered */
};

struct record {
    struct seat seats[PLACES];
    struct walk walks[N_LANES];
    struct outcome outcome;
    size_t allocated;
};

/* Of the round. */
extern struct settings settings;
extern struct kit *kit;

struct record *record_at(unsigned i);
void record_begin(unsigned i);
/* The proxy has sent these, as lines "name=value". */
struct text *record_headers(unsigned i, enum lane lane);
struct text *record_trailers(unsigned i, enum lane lane);
/* Does a plugin hold bytes of this direction? */
bool record_holds(const struct record *r, enum lane lane);
/* How many of its callbacks wait? */
unsigned record_n_waits(const struct record *r);

uint64_t now_ms(void);
/* How much is held, and is it too much? */
bool too_much_held(size_t *ret_held);

/* Is the first called before the second? */
bool place_before(enum lane lane, unsigned a, unsigned b);
/* What follows from a failure, by the plugin's section. */
struct outcome outcome_of_error(unsigned place);
struct outcome outcome_of_overload(void);
struct outcome outcome_of_max_body(unsigned place);

#endif
