/* record: the transactions of a round, and the sections of its plugins. */
#include "record.h"

#include "chance.h"
#include "plugin/wait/wait.h"

#include <string.h>

struct settings settings;
struct kit *kit;

static struct record records[OPEN_MAX];

struct record *record_at(unsigned i)
{
    DEMAND(i < OPEN_MAX);
    return &records[i];
}

static void memo_begin(struct memo *m)
{
    m->held.len = 0;
    m->skips = 0;
    m->due_ms = 0;
    m->result = NULL;
    m->waits = false;
}

/* Texts are as long as they say; what else is in them does not matter. */
void record_begin(unsigned i)
{
    struct record *r = record_at(i);
    for (unsigned place = 0; place < PLACES; place++) {
        struct seat *s = &r->seats[place];
        s->record = r;
        s->place = place;
        s->failed = false;
        s->skipped = 0;
        for (enum lane lane = 0; lane < N_LANES; lane++)
            memo_begin(&s->memos[lane]);
    }
    for (enum lane lane = 0; lane < N_LANES; lane++) {
        r->walks[lane].after.headers.len = r->walks[lane].after.trailers.len = 0;
        r->walks[lane].goes_on = r->walks[lane].sets_metadata = false;
    }
    r->outcome = (struct outcome){0};
    r->allocated = 0;
}

struct text *record_headers(unsigned i, enum lane lane)
{
    return &record_at(i)->walks[lane].after.headers;
}

struct text *record_trailers(unsigned i, enum lane lane)
{
    return &record_at(i)->walks[lane].after.trailers;
}

bool record_holds(const struct record *r, enum lane lane)
{
    for (unsigned place = 0; place < PLACES; place++)
        if (r->seats[place].memos[lane].held.len > 0)
            return true;
    return false;
}

unsigned record_n_waits(const struct record *r)
{
    unsigned n = 0;
    for (unsigned place = 0; place < PLACES; place++)
        for (enum lane lane = 0; lane < N_LANES; lane++)
            n += r->seats[place].memos[lane].waits;
    return n;
}

uint64_t now_ms(void)
{
    return kit_loop(kit)->now_ms;
}

bool too_much_held(size_t *ret_held)
{
    (void)waits_exceed(kit_waits_of(kit), ret_held); /* what follows is ours to say */
    return settings.max_waiting && *ret_held > settings.max_waiting;
}

bool place_before(enum lane lane, unsigned a, unsigned b)
{
    return lane == LANE_REQUEST ? a < b : a > b;
}

struct outcome outcome_of_error(unsigned place)
{
    const struct section *s = &settings.sections[place];
    return (struct outcome){true, s->on_error, s->status};
}

struct outcome outcome_of_overload(void)
{
    return (struct outcome){true, settings.overload, 503};
}

struct outcome outcome_of_max_body(unsigned place)
{
    return (struct outcome){true, settings.sections[place].on_max_body, 413};
}
