/* counts: what was counted, in lines of the log, as many as it takes. */
#include "process/run/counts.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINE_MAX_LEN = 1000 }; /* a line goes on up to the metric in which it becomes longer */

struct text {
    struct log *log;
    const char *head;
    size_t len;
    char bytes[2 * LINE_MAX_LEN];
};

static void end_line(struct text *text)
{
    if (text->len)
        log_line(text->log, EXTPROC_LEVEL_INFO, NULL, "%s: %s", text->head, text->bytes);
    text->len = 0;
}

EXTPROC_PRINTF(2, 3)
static void put(struct text *text, const char *fmt, ...)
{
    size_t room = sizeof text->bytes - text->len;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text->bytes + text->len, room, fmt, ap);
    va_end(ap);
    if (n > 0)
        text->len += (size_t)n < room ? (size_t)n : room - 1;
}

/* A plugin's own name may be one that the host has too. */
static void put_name(struct text *text, const struct metric_reading *m, const char *what)
{
    const char *before = "{";
    put(text, "%s%s%s%s", text->len ? " " : "", m->own ? "plugin_" : "", m->name, what);
    for (enum metric_label l = 0; l < N_METRIC_LABELS; l++) {
        if (!m->labels[l][0])
            continue;
        put(text, "%s%s=\"%s\"", before, metric_label_name(l), m->labels[l]);
        before = ",";
    }
    if (*before == ',')
        put(text, "}");
}

static void put_metric(struct text *text, const struct metric_reading *m)
{
    switch (m->kind) {
    case METRIC_COUNTER:
    case METRIC_GAUGE:
        put_name(text, m, "");
        put(text, "=%lld", (long long)m->sum);
        break;
    case METRIC_HISTOGRAM:
        put_name(text, m, "_count");
        put(text, "=%llu", (unsigned long long)m->count);
        put_name(text, m, "_sum");
        put(text, "=%llu", (unsigned long long)m->sum);
        break;
    }
}

static void log_all(const struct metrics *metrics, struct log *log, bool zero)
{
    struct text text = {.log = log, .head = zero ? "counters at 0" : "counters"};
    struct metric_reading m;
    for (size_t i = 0; metrics_read(metrics, i, &m); i++) {
        bool is_zero = !m.sum && !m.count;
        if (is_zero && zero)
            put_name(&text, &m, "");
        else if (is_zero == zero)
            put_metric(&text, &m);
        if (text.len >= LINE_MAX_LEN)
            end_line(&text);
    }
    end_line(&text);
}

void counts_log(const struct metrics *metrics, struct log *log)
{
    log_all(metrics, log, false);
    log_all(metrics, log, true);
}
