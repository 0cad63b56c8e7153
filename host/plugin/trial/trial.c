/* trial: the events of a transaction, copied for one plugin, and its turns.
 *
 * While the plugin waits, further events wait as copies, those of the other direction too, since
 * the upstream would not have answered yet. When these are too many bytes, the trial of this
 * transaction is given up.
 */
#include "plugin/trial/trial.h"

#include "base/str.h"
#include "plugin/run/handle.h"
#include "plugin/trial/would.h"
#include "plugin/wait/keep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARENA_FIRST_SIZE = 1024,
    COPIES_MAX = 32 * 1024 * 1024, /* bytes of all trials of a loop */
    COPY_SIZE = 4096               /* what one takes beside its body: its memory, in part */
};

struct trials {
    struct trials_ops ops; /* first: what turns know of it */
    size_t held;           /* bytes of copies */
    struct trial *first;
};

/* An event, its copy and its turn. */
struct trial_turn {
    struct turn turn;
    struct event event;
    struct trial *trial;
    struct arena_lease *memory;
    unsigned unmet;
    size_t len; /* bytes of its body */
    struct trial_turn *next;
};

struct trial {
    struct arena arena;
    struct txn txn;
    struct trials *all;
    struct trial *next, *older; /* of the loop */
    struct trial *next_of_txn;
    struct txn *beside;         /* NULL: it is over */
    uint16_t place;             /* in its chain */
    struct trial_turn *waiting; /* NULL: none */
    struct trial_turn *queue, **queue_end;
    size_t queued; /* bytes of bodies */
    struct would would;
    enum extproc_end why; /* of the transaction beside it */
    bool stopped;         /* no further event is shown */
};

static const struct instance *instance_in(const struct trial *trial)
{
    return trial->txn.chain->instances[0];
}

/* ---- life ------------------------------------------------------------------------------------ */

static struct extproc_str trial_field(const struct txn *t, const char *name)
{
    const struct trial *trial =
        (const struct trial *)((const char *)t - offsetof(struct trial, txn));
    const struct txn *beside = trial->beside;
    return beside && beside->field ? beside->field(beside, name) : STR_ABSENT;
}

/* NULL: out of memory. */
static struct trial *trial_new(struct trials *all, struct txn *beside, uint16_t place)
{
    struct trial *trial = calloc(1, sizeof *trial);
    if (!trial)
        return NULL;
    arena_init(&trial->arena, ARENA_FIRST_SIZE);
    txn_init(&trial->txn, beside->generation, beside->loop, &trial->arena);
    trial->txn.chain = beside->chain->trials[place];
    trial->txn.rules = beside->rules;
    trial->txn.listener = beside->listener;
    if (beside->peer) /* it may end before the trial does */
        trial->txn.peer = arena_format(&trial->arena, "%s", beside->peer).ptr;
    trial->txn.max_answer = beside->max_answer;
    trial->txn.field = trial_field;
    trial->txn.id = arena_copy(&trial->arena, txn_id(beside));
    trial->beside = beside;
    trial->place = place;
    trial->queue_end = &trial->queue;
    trial->all = all;
    trial->next = all->first;
    if (all->first)
        all->first->older = trial;
    all->first = trial;
    trial->next_of_txn = beside->trials;
    beside->trials = trial;
    return trial;
}

static void turn_free(struct trial_turn *tt)
{
    tt->trial->all->held -= COPY_SIZE + tt->len;
    arena_pool_put(&tt->trial->txn.loop->memory, tt->memory);
}

static void drop_waiting(struct trial *trial)
{
    struct trial_turn *tt = trial->waiting;
    if (!tt)
        return;
    trial->waiting = NULL;
    turn_cancel(&tt->turn);
    turn_end(&tt->turn);
    turn_free(tt);
}

static void drop_queue(struct trial *trial)
{
    while (trial->queue) {
        struct trial_turn *tt = trial->queue;
        trial->queue = tt->next;
        turn_free(tt);
    }
    trial->queue_end = &trial->queue;
    trial->queued = 0;
}

static void trial_finish(struct trial *trial)
{
    drop_waiting(trial);
    drop_queue(trial);
    would_log(&trial->would, &trial->txn);
    txn_end(&trial->txn, trial->why, NULL, NULL); /* none of its plugins blocks: policy_look() */
    if (trial->older)
        trial->older->next = trial->next;
    else
        trial->all->first = trial->next;
    if (trial->next)
        trial->next->older = trial->older;
    arena_fini(&trial->arena);
    free(trial);
}

static void trial_give_up(struct trial *trial, const char *why)
{
    struct log_context context = txn_log_context(&trial->txn);
    const struct instance *in = instance_in(trial);
    context.plugin = in->name;
    trial->stopped = true;
    drop_queue(trial);
    log_line(in->env->log, EXTPROC_LEVEL_WARN, &context,
             "shadow: not shown the rest of the transaction: %s", why);
}

/* ---- turns ----------------------------------------------------------------------------------- */

static void trial_woken(void *arg);

/* False: its direction does not take the event. */
static bool turn_ready(struct trial *trial, struct trial_turn *tt)
{
    if (trial->stopped ||
        direction_asks(&trial->txn.lanes[tt->event.lane].direction, &tt->event) != TASK_RUN)
        return false;
    int r = turn_begin(&tt->turn, &trial->txn, &tt->event, &tt->memory->arena);
    tt->turn.wake = trial_woken;
    tt->turn.wake_arg = tt;
    if (r == 0) {
        turn_check(&tt->turn, tt->unmet);
        return true;
    }
    turn_end(&tt->turn);
    trial_give_up(trial, "out of memory");
    return false;
}

static void trial_run(struct trial_turn *tt)
{
    struct trial *trial = tt->trial;
    if (turn_run(&tt->turn) == TURN_WAITS) {
        trial->waiting = tt;
        return;
    }
    enum verdict_kind kind = tt->turn.verdict.kind;
    would_note(&trial->would, &tt->turn);
    if (kind == VERDICT_CLOSE)
        trial->stopped = true;
    else if (!tt->event.observing)
        turn_answer(&tt->turn);
    turn_end(&tt->turn);
    turn_free(tt);
}

static void trial_go_on(struct trial *trial)
{
    while (trial->queue && !trial->waiting) {
        struct trial_turn *tt = trial->queue;
        trial->queue = tt->next;
        trial->queue_end = trial->queue ? trial->queue_end : &trial->queue;
        trial->queued -= tt->len;
        if (turn_ready(trial, tt))
            trial_run(tt);
        else
            turn_free(tt);
    }
    if (!trial->beside && !trial->waiting)
        trial_finish(trial);
}

static void trial_woken(void *arg)
{
    struct trial_turn *tt = arg;
    struct trial *trial = tt->trial;
    trial->waiting = NULL;
    trial_run(tt);
    trial_go_on(trial);
}

/* ---- what is shown --------------------------------------------------------------------------- */

static int copy_map(struct trial_turn *tt, const struct headers *map)
{
    struct arena *arena = &tt->memory->arena;
    size_t n = headers_count(map);
    struct extproc_header *copies = arena_array(arena, n, sizeof *copies);
    if (!copies)
        return -ENOMEM;
    tt->event.headers = copies;
    for (size_t i = 0; i < n; i++) {
        const struct extproc_header *entry = headers_at(map, i);
        if (entry->name.len == 0) /* it was dropped */
            continue;
        copies->name = arena_copy(arena, entry->name);
        copies->value = arena_copy(arena, entry->value);
        if (!copies->name.ptr || (entry->value.ptr && !copies->value.ptr))
            return -ENOMEM;
        copies++;
        tt->event.n_headers++;
    }
    return 0;
}

static int copy_body(struct trial_turn *tt, struct turn *turn)
{
    struct arena *arena = &tt->memory->arena;
    struct extproc_str bytes = body_bytes(&turn->event->body, turn->arena);
    struct extproc_str *piece = arena_alloc(arena, sizeof *piece);
    if (!bytes.ptr || !piece)
        return -ENOMEM;
    *piece = arena_copy(arena, bytes);
    body_init(&tt->event.body, piece, 1);
    return piece->ptr ? 0 : -ENOMEM;
}

static int copy_event(struct trial_turn *tt, struct turn *turn)
{
    const struct event *event = turn->event;
    struct txn_lane *lane = turn_lane(turn);
    struct arena *arena = &tt->memory->arena;
    tt->event = (struct event){.end = event->end, .observing = event->observing};
    event_is(&tt->event, event->phase);
    tt->event.attributes = event->attributes;
    tt->event.metadata = event->metadata;
    if (tree_keep(&tt->event.attributes, arena) < 0 || tree_keep(&tt->event.metadata, arena) < 0)
        return -ENOMEM;
    switch (event->part) {
    case PART_HEADERS:
        return copy_map(tt, &lane->headers);
    case PART_TRAILERS:
        return copy_map(tt, &lane->trailers);
    case PART_BODY:
        return copy_body(tt, turn);
    case N_PARTS:
        break;
    }
    return 0;
}

/* The metadata that plugins have sent to the proxy, which those after them see. */
static int copy_sent(struct trial *trial, const struct turn *turn)
{
    const struct metadata_sent *before = turn->txn->sent;
    int r = 0;
    if (!turn->metadata.first && !before)
        return 0;
    if (!trial->txn.sent)
        trial->txn.sent = arena_zalloc(&trial->arena, sizeof *trial->txn.sent);
    if (!trial->txn.sent)
        return -ENOMEM;
    if (before)
        r = metadata_add_sent(trial->txn.sent, &before->metadata);
    return r < 0 ? r : metadata_add_sent(trial->txn.sent, &turn->metadata);
}

static struct trial *trial_of(struct txn *beside, uint16_t place)
{
    struct trial *trial = beside->trials;
    while (trial && trial->place != place)
        trial = trial->next_of_txn;
    return trial;
}

/* NULL: there is no memory. */
static struct trial_turn *turn_new(struct trial *trial, struct turn *turn)
{
    struct arena_lease *memory = arena_pool_take(&trial->txn.loop->memory, txn_budget(&trial->txn));
    struct trial_turn *tt = memory ? arena_alloc(&memory->arena, sizeof *tt) : NULL;
    if (!tt) {
        arena_pool_put(&trial->txn.loop->memory, memory);
        return NULL;
    }
    tt->trial = trial;
    tt->memory = memory;
    tt->next = NULL;
    tt->unmet = turn->unmet;
    tt->len = turn->event->part == PART_BODY ? turn->event->body.len : 0;
    trial->all->held += COPY_SIZE + tt->len;
    if (copy_event(tt, turn) == 0 && copy_sent(trial, turn) == 0)
        return tt;
    turn_free(tt);
    return NULL;
}

static void trial_show(struct trials_ops *ops, struct turn *turn, uint16_t place)
{
    struct trial *trial = trial_of(turn->txn, place);
    if (!trial)
        trial = trial_new((struct trials *)ops, turn->txn, place);
    if (!trial || trial->stopped)
        return;
    for (enum lane lane = 0; lane < N_LANES; lane++)
        trial->txn.lanes[lane].direction.mode = turn->txn->lanes[lane].direction.mode;
    size_t len = turn->event->part == PART_BODY ? turn->event->body.len : 0;
    if (len > keep_limit(instance_in(trial)) - trial->queued) {
        trial_give_up(trial, "its copies exceed max_body (1m where the section has none)");
        return;
    }
    if (trial->all->held > COPIES_MAX) {
        trial_give_up(trial, "copies for all transactions exceed 32m");
        return;
    }
    struct trial_turn *tt = turn_new(trial, turn);
    if (!tt) {
        trial_give_up(trial, "out of memory");
        return;
    }
    *trial->queue_end = tt;
    trial->queue_end = &tt->next;
    trial->queued += tt->len;
    trial_go_on(trial);
}

static void trial_over(struct trials_ops *ops, struct txn *beside, enum extproc_end why)
{
    for (struct trial *trial = beside->trials, *next; trial; trial = next) {
        next = trial->next_of_txn;
        trial->beside = NULL;
        trial->why = why;
        if (why == EXTPROC_END_DRAINED)
            trial_finish(trial);
        else
            trial_go_on(trial);
    }
    beside->trials = NULL;
}

/* ---- all of them ----------------------------------------------------------------------------- */

struct trials *trials_new(void)
{
    struct trials *all = calloc(1, sizeof *all);
    if (all)
        all->ops = (struct trials_ops){.show = trial_show, .over = trial_over};
    return all;
}

struct trials_ops *trials_ops(struct trials *all)
{
    return all ? &all->ops : NULL;
}

void trials_close(struct trials *all)
{
    while (all && all->first)
        trial_finish(all->first);
}

struct trials *trials_free(struct trials *all)
{
    trials_close(all);
    free(all);
    return NULL;
}
