/* idle: connections without a call that has said something, in the order in which they became
 * so. */
#include "transport/h2/conn/idle.h"

void idle_put(struct conn *c)
{
    struct idle_list *list = c->streams.n_heard ? &c->gate->known : &c->gate->strangers;
    c->idle_list = list;
    c->idle_since = ++c->hub->n_idled;
    c->idle_ms = c->hub->streams.loop->now_ms;
    c->next_idle = NULL;
    c->idle_link = list->end;
    *list->end = c;
    list->end = &c->next_idle;
}

void idle_put_gone(struct conn *c)
{
    struct idle_list *list = &c->gate->strangers;
    idle_take(c);
    c->idle_list = list;
    c->idle_since = 0; /* first to go */
    c->next_idle = list->first;
    c->idle_link = &list->first;
    *(c->next_idle ? &c->next_idle->idle_link : &list->end) = &c->next_idle;
    list->first = c;
}

void idle_take(struct conn *c)
{
    if (!c->idle_list)
        return;
    *c->idle_link = c->next_idle;
    *(c->next_idle ? &c->next_idle->idle_link : &c->idle_list->end) = c->idle_link;
    c->idle_list = NULL;
}
