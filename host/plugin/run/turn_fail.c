/* turn_fail: plugins that cannot do their part, and what follows from it.
 *
 * A failure has the effect that the section says. Conditions that cannot be judged, and needs that
 * the proxy does not meet, are failures too.
 */
#include "plugin/run/turn_fail.h"

#include "base/str.h"
#include "plugin/run/handle.h"
#include "plugin/wait/keep.h"

void turn_close(struct turn *turn, struct extproc_str why)
{
    turn->verdict.kind = VERDICT_CLOSE;
    turn->verdict.why = why.ptr ? why : EXTPROC_S("a plugin failed");
}

/* It leads from the proxy's access log to our lines. The id may be a client's: one that is not a
 * token (RFC 9110, 5.6.2) is omitted. */
static struct extproc_str turn_details(const struct turn *turn, const char *name, const char *word)
{
    const char *prefix = turn->txn->rules->details;
    struct extproc_str id = txn_id(turn->txn);
    if (!prefix)
        return STR_ABSENT;
    if (!str_is_token(id))
        return arena_format(turn->arena, "%s.%s.%s", prefix, name, word);
    return arena_format(turn->arena, "%s.%s.%s{%.*s}", prefix, name, word, EXTPROC_ARG(id));
}

static void turn_count_failure(const struct turn *turn, const struct instance *in)
{
    const struct metric_definition failed = {
        .name = "failures",
        .help = "Messages that a plugin has failed to process, by reason.",
        .labels = {[METRIC_CHAIN] = turn->txn->chain->name,
                   [METRIC_PLUGIN] = in->name,
                   [METRIC_PHASE] = phase_name(turn->phase),
                   [METRIC_REASON] = failure_name(turn->failure)}};
    if (in->env->metrics)
        loop_count(turn->txn->loop, metrics_define(in->env->metrics, &failed), 1);
}

/* The transaction goes on without the plugin, in the other direction too: what it waits for there
 * is of no use. */
static void turn_go_on_without(struct turn *turn, uint16_t place)
{
    struct txn *t = turn->txn;
    struct turn *other = t->lanes[other_lane(turn->event->lane)].waiting;
    t->handles[place].failed = true;
    if (other && other->place == place && other->waits.wait)
        wait_abandon(other->waits.wait);
}

bool turn_fail(struct turn *turn, uint16_t place)
{
    struct handle *h = &turn->txn->handles[place];
    const struct instance *in = handle_instance(h);
    struct failure_effect effect = failure_effect(turn->failure, &in->policy);
    turn_count_failure(turn, in);
    undo_back(turn, h);
    h->skipped |= effect.keeps_instance ? (uint8_t)phase_bit(turn->phase) : ALL_PHASES;
    if (turn->txn->observing || effect.action == POLICY_CONTINUE) {
        if (!effect.keeps_instance)
            turn_go_on_without(turn, place);
        return false;
    }

    if (effect.action == POLICY_RESPOND && turn->allowed & MAY_RESPOND) {
        turn->answer = (struct answer){
            .status = effect.status,
            .details = turn_details(turn, in->name, effect.details),
            .grpc_status = EXTPROC_NO_GRPC,
        };
        turn->verdict.kind = VERDICT_RESPOND;
    } else {
        turn_close(turn, arena_format(turn->arena, "plugin %s failed in %s", in->name,
                                      phase_name(turn->phase)));
    }
    return true;
}

/* ---- conditions ------------------------------------------------------------------------------ */

/* As txn_judge(). */
static bool turn_judge(struct turn *turn, uint16_t place, enum lane lane,
                       const struct condition **ret_failed)
{
    struct txn_view view = {
        .txn = turn->txn, .event = turn->event, .arena = turn->arena, .sent = &turn->metadata};
    return !instance_chooses(turn->txn->chain->instances[place]) ||
           txn_judge(&view, place, lane, ret_failed);
}

enum match turn_chooses(struct turn *turn, uint16_t place, enum phase phase)
{
    const struct condition *failed;
    if (!turn_judge(turn, place, phase_lane(phase), &failed)) {
        handle_undecided(turn, place, phase, failed);
        return MATCH_FAILED;
    }
    return turn->txn->handles[place].skipped & phase_bit(phase) ? MATCH_NO : MATCH_YES;
}

/* ---- needs ----------------------------------------------------------------------------------- */

/* Plugins whose needs the mode of a body does not meet, unless they skip the body's phase. called:
 * it was just called, and what it did is undone. True: that was the verdict. */
static bool turn_miss(struct turn *turn, uint16_t place, enum lane lane, bool called)
{
    const struct condition *failed;
    bool ahead = lane == LANE_RESPONSE && turn->event->lane == LANE_REQUEST;
    if (!txn_ready_handles(turn->txn)) {
        turn_close(turn, EXTPROC_S("out of memory"));
        return true;
    }
    if (!turn_judge(turn, place, ahead ? LANE_REQUEST : lane, &failed)) {
        handle_undecided(turn, place, turn->event->phase, failed);
        return turn_fail(turn, place);
    }
    /* Whether it needs the body of the response is known then. */
    if (turn->txn->handles[place].skipped & phase_bit(phase_of(lane, PART_BODY)) ||
        (ahead && instance_waits(turn->txn->chain->instances[place])))
        return false;
    return handle_miss(turn, place, lane, called) == EXTPROC_ACTION_FAIL && turn_fail(turn, place);
}

/* The headers in hand open a tunnel, whose bytes no plugin sees. */
static bool turn_opens_tunnel(const struct turn *turn, enum lane lane)
{
    return turn->event->lane == lane && turn->event->part == PART_HEADERS &&
           txn_framing(turn->txn, lane) == FRAMING_TUNNEL;
}

/* Is the mode of a direction's body not what the plugin in this place needs? */
static bool turn_misses(const struct turn *turn, uint16_t place, enum lane lane)
{
    const struct instance *in = turn->txn->chain->instances[place];
    const struct chain *chain = turn->txn->chain;
    enum body_mode mode = turn->txn->lanes[lane].direction.mode;
    if (chain->trials && chain->trials[place]) /* that is seen beside this transaction */
        return false;
    return (turn->unmet & 1u << lane && !chain_need_met(in, lane, mode)) ||
           (chain_must_see(in, lane) && turn_opens_tunnel(turn, lane));
}

/* The plugin that was just called, before the next one sees its edits. */
bool turn_check_called(struct turn *turn)
{
    for (enum lane lane = 0; lane < N_LANES; lane++)
        if (turn_misses(turn, turn->place, lane) && turn_miss(turn, turn->place, lane, true))
            return true;
    return false;
}

/* The others, after the walk, since one before them may answer. */
bool turn_check_needs(struct turn *turn, enum lane lane)
{
    const struct chain *chain = turn->txn->chain;
    enum phase body = phase_of(lane, PART_BODY);
    if (!chain || !turn->checks ||
        !(chain->must_see[lane] || mode_of(chain->needs[lane])->body == MODE_BODY_WHOLE))
        return false;
    for (uint16_t i = 0; i < chain->n_calls[body]; i++) {
        uint16_t place = chain->calls[body][i];
        if (turn_misses(turn, place, lane) && turn_miss(turn, place, lane, false))
            return true;
    }
    return false;
}

/* ---- held bytes ------------------------------------------------------------------------------ */

bool turn_cuts_body(struct turn *turn)
{
    size_t len;
    const struct keeper *holder = keep_holder(turn->txn->kept, turn->event->lane, &len);
    if (turn->event->part != PART_TRAILERS || !holder || turn->txn->observing)
        return false;
    turn_close(turn, arena_format(turn->arena,
                                  "plugin %s held the last %zu bytes of the %s body, and trailers "
                                  "followed (%s shows where a body ends)",
                                  turn->txn->chain->instances[holder->place]->name, len,
                                  lane_name(turn->event->lane),
                                  body_mode_name(BODY_MODE_FULL_DUPLEX_STREAMED)));
    return true;
}
