/* turn_fail: what follows from a plugin's failure, as its section says. */
#include "plugin/run/turn_fail.h"

#include "base/str.h"
#include "plugin/run/handle.h"

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
    if (other && other->place == place)
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
