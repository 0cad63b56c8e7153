/* yaml: texts and lists of them as YAML has them, on standard output. */
#include "process/proxy/yaml.h"

#include <stdio.h>

void yaml_text(struct extproc_str text)
{
    putchar('"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < ' ' || c == 0x7f)
            printf("\\x%02x", c);
        else
            putchar(c);
    }
    putchar('"');
}

void yaml_list(const char *key, const struct recipe_names *names)
{
    for (size_t i = 0; i < names->n; i++) {
        if (i == 0)
            printf("%s: [", key);
        else
            fputs(", ", stdout);
        yaml_text(names->items[i]);
    }
    if (names->n > 0)
        fputs("]\n", stdout);
}
