/* show: values and events as text, so that a test can say what it expects. */
#ifndef EXTPROCD_UNIT_WIRE_SHOW_H
#define EXTPROCD_UNIT_WIRE_SHOW_H

#include "http/event.h"

#include <stdio.h>
#include <stdlib.h>

/* {a:1 b:[true null "x"]}; an absent one is "absent". */
static void show_value(FILE *out, struct extproc_value v)
{
    static const char *const brackets[] = {[EXTPROC_KIND_LIST] = "[]", [EXTPROC_KIND_DICT] = "{}"};
    struct extproc_field f;
    switch (v.kind) {
    case EXTPROC_KIND_ABSENT:
        fputs("absent", out);
        break;
    case EXTPROC_KIND_NULL:
        fputs("null", out);
        break;
    case EXTPROC_KIND_BOOL:
        fputs(v.as.boolean ? "true" : "false", out);
        break;
    case EXTPROC_KIND_NUMBER:
        fprintf(out, "%.17g", v.as.number);
        break;
    case EXTPROC_KIND_STRING:
        fputc('"', out);
        fwrite(v.as.string.ptr, 1, v.as.string.len, out);
        fputc('"', out);
        break;
    default:
        fputc(brackets[v.kind][0], out);
        for (size_t i = 0; value_at(v, i, &f); i++) {
            fputs(i ? " " : "", out);
            if (f.key.ptr) {
                fwrite(f.key.ptr, 1, f.key.len, out);
                fputc(':', out);
            }
            show_value(out, f.value);
        }
        fputc(brackets[v.kind][1], out);
    }
}

/* All of an event in one line. Free it. */
static inline char *show_event(struct event *e, struct arena *arena)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    fprintf(out, "%s%s%s", e->has_phase ? phase_name(e->phase) : "none", e->end ? " end" : "",
            e->observing ? " observing" : "");
    if (e->has_protocol)
        fprintf(out, " %s/%s", body_mode_name(e->protocol.body_mode[LANE_REQUEST]),
                body_mode_name(e->protocol.body_mode[LANE_RESPONSE]));
    for (size_t i = 0; i < e->n_headers; i++)
        fprintf(out, " %.*s=%.*s", EXTPROC_ARG(e->headers[i].name),
                EXTPROC_ARG(e->headers[i].value));
    if (e->has_phase && phase_part(e->phase) == PART_BODY) {
        struct extproc_str body = body_bytes(&e->body, arena);
        fprintf(out, " <%.*s>", EXTPROC_ARG(body));
    }
    fputs(" attributes ", out);
    show_value(out, tree_value(&e->attributes, arena));
    fputs(" metadata ", out);
    show_value(out, tree_value(&e->metadata, arena));
    fclose(out);
    return text;
}

#endif
