/* would: what a verdict comes to, in words and counters.
 *
 * The line has names of headers, and no values, which may be secrets.
 */
#include "plugin/trial/would.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

enum { ONE_TEXT = 256 };

/* ---- the line -------------------------------------------------------------------------------- */

/* One object of the array. One that does not fit is left out, and so is what follows. */
static void add(struct would *w, const char *object)
{
    size_t len = strlen(object);
    if (w->truncated || w->len + len + 2 > sizeof w->text) {
        w->truncated = true;
        return;
    }
    if (w->len > 0)
        w->text[w->len++] = ',';
    memcpy(w->text + w->len, object, len + 1);
    w->len += len;
}

/* Names of headers are tokens, which JSON need not escape. */
static void add_headers(struct would *w, const struct turn *turn)
{
    static const char *const words[] = {
        [CELL_APPENDED] = "append", [CELL_SET] = "set", [CELL_REMOVED] = "remove"};
    const struct headers *map = turn->verdict.headers;
    char one[ONE_TEXT];
    for (uint32_t i = 0; map && i < map->n_cells; i++) {
        const struct cell *cell = &map->cells[i];
        snprintf(one, sizeof one, "{\"phase\":\"%s\",\"would\":\"%s\",\"header\":\"%.*s\"}",
                 phase_name(turn->event->phase), words[cell->state],
                 cell->name.len < ONE_TEXT / 2 ? (int)cell->name.len : ONE_TEXT / 2,
                 cell->name.ptr);
        add(w, one);
    }
}

static void add_fact(struct would *w, const struct turn *turn, const char *what, unsigned status)
{
    char one[ONE_TEXT], number[32] = "";
    if (status)
        snprintf(number, sizeof number, ",\"status\":%u", status);
    snprintf(one, sizeof one, "{\"phase\":\"%s\",\"would\":\"%s\"%s}",
             phase_name(turn->event->phase), what, number);
    add(w, one);
}

/* ---- the counters ---------------------------------------------------------------------------- */

static void count(const struct turn *turn, const char *name, const char *help, const char *kind)
{
    const struct chain *chain = turn->txn->chain;
    const struct instance *in = chain->instances[0];
    const struct metric_definition would = {
        .name = name,
        .help = help,
        .labels = {[METRIC_CHAIN] = chain->name,
                   [METRIC_PLUGIN] = in->name,
                   [METRIC_PHASE] = phase_name(turn->event->phase),
                   [METRIC_REASON] = kind}};
    if (in->env->metrics)
        loop_count(turn->txn->loop, metrics_define(in->env->metrics, &would), 1);
}

static void count_edit(const struct turn *turn, const char *kind)
{
    count(turn, "would_edit",
          "Messages that a plugin whose mode is shadow would have edited, by what of them.", kind);
}

void would_note(struct would *w, const struct turn *turn)
{
    const struct verdict *v = &turn->verdict;
    switch (v->kind) {
    case VERDICT_RESPOND:
    case VERDICT_CLOSE:
        count(turn, "would_respond",
              "Transactions that a plugin whose mode is shadow would have ended, by how.",
              v->kind == VERDICT_RESPOND ? "respond" : "close");
        add_fact(w, turn, v->kind == VERDICT_RESPOND ? "respond" : "close",
                 v->kind == VERDICT_RESPOND ? turn->answer.status : 0);
        return;
    case VERDICT_CONTINUE:
    case VERDICT_REPLACE:
        break;
    }
    if (v->headers) {
        count_edit(turn, turn->event->part == PART_TRAILERS ? "trailers" : "headers");
        add_headers(w, turn);
    }
    if (v->body) {
        count_edit(turn, "body");
        add_fact(w, turn, "edit body", 0);
    }
    if (v->metadata) {
        count_edit(turn, "metadata");
        add_fact(w, turn, "set metadata", 0);
    }
    if (v->clear_route) {
        count_edit(turn, "route");
        add_fact(w, turn, "clear route", 0);
    }
}

void would_log(const struct would *w, struct txn *t)
{
    const struct instance *in = t->chain->instances[0];
    struct log_context context = txn_log_context(t);
    if (!w->len && !w->truncated)
        return;
    context.plugin = in->name;
    /* The transaction's id makes each line one of its own, which is not suppressed as a repeated
     * one. */
    struct extproc_str line = arena_format(
        t->arena, "shadow {\"transaction\":\"%.*s\",\"chain\":\"%s\",\"would\":[%s]%s}",
        EXTPROC_ARG(str_is_token(t->id) ? t->id : EXTPROC_S("")), t->chain->name, w->text,
        w->truncated ? ",\"truncated\":true" : "");
    if (line.ptr)
        log_text(in->env->log, EXTPROC_LEVEL_INFO, &context, STR_ABSENT, line);
}
