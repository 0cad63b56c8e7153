/* template_private: what a compiled template is. */
#ifndef EXTPROCD_PLUGIN_TEMPLATE_TEMPLATE_PRIVATE_H
#define EXTPROCD_PLUGIN_TEMPLATE_TEMPLATE_PRIVATE_H

#include <extproc/plugin.h>

enum template_kind {
    TEMPLATE_TEXT,
    TEMPLATE_HEADER,
    TEMPLATE_ATTRIBUTE,
    TEMPLATE_METADATA,
    TEMPLATE_UUID,
    TEMPLATE_TIME
};

struct template_part {
    enum template_kind kind;
    enum extproc_map map;        /* HEADER */
    struct extproc_str name;     /* TEXT: itself; METADATA: the key; TIME: the format, with a NUL */
    struct extproc_str space;    /* METADATA: the namespace */
    struct extproc_str fallback; /* instead of what is absent */
};

struct extproc_template {
    size_t n_parts;
    struct template_part parts[];
};

#endif
