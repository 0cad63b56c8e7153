/* number: a number of attributes and metadata as text. */
#include "plugin/template/number.h"

#include <stdlib.h>

struct extproc_str number_text(double number, struct arena *arena)
{
    struct extproc_str text = arena_format(arena, "%.15g", number);
    if (text.ptr && strtod(text.ptr, NULL) != number)
        text = arena_format(arena, "%.17g", number);
    return text;
}
