/* lines: what a program wrote, compared with patterns in which ~ stands for any text of a line.
 *
 * So a test pins the file, the line, the key and the words that carry the reason, and not the
 * sentence around them.
 */
#ifndef EXTPROCD_TESTS_KIT_LINES_H
#define EXTPROCD_TESTS_KIT_LINES_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The complete text matches; both may have several lines. */
static inline bool lines_match(const char *text, const char *pattern)
{
    for (; *pattern != '~'; text++, pattern++) {
        if (*text != *pattern)
            return false;
        if (!*text)
            return true;
    }
    do {
        if (lines_match(text, pattern + 1))
            return true;
    } while (*text && *text++ != '\n');
    return false;
}

/* A line of the text begins at `text` and has the pattern in it; at its end if the pattern ends
 * with a newline. */
static inline bool line_has(const char *text, const char *pattern)
{
    char *line = strndup(text, strcspn(text, "\n"));
    char *around = (char *)malloc(strlen(pattern) + sizeof "~~");
    bool found;
    strcat(strcat(strcpy(around, "~"), pattern), "~");
    if (strstr(around, "\n~"))
        strcpy(strstr(around, "\n~"), "");
    found = lines_match(line, around);
    free(around);
    free(line);
    return found;
}

/* Some line of the text has the pattern in it. */
static inline bool lines_have(const char *text, const char *pattern)
{
    for (;;) {
        if (line_has(text, pattern))
            return true;
        text += strcspn(text, "\n");
        if (!*text++)
            return false;
    }
}

#endif
