/* escape: text as it is shown to people: nothing in it acts on the terminal or the file that shows
 * it. */
#ifndef EXTPROCD_BASE_ESCAPE_H
#define EXTPROCD_BASE_ESCAPE_H

#include <extproc/plugin.h>

#include <stddef.h>
#include <stdio.h>

enum escape {
    ESCAPE_TEXT,  /* a line of text                                                          */
    ESCAPE_FIELD, /* a word of a line: without spaces                                        */
    ESCAPE_VALUE, /* a value of an ini file: a backslash is one character, as it was written */
    ESCAPE_JSON   /* between the quotes of a JSON string                                     */
};

enum { ESCAPE_ROOM = 16 };

/* The character of `s` at *at as it is shown; moves *at past it. The view is of `s` or of
 * `room`. */
struct extproc_str escape_next(enum escape how, struct extproc_str s, size_t *at,
                               char room[static ESCAPE_ROOM]);

/* All of `s`. */
void escape_print(FILE *out, enum escape how, struct extproc_str s);

#endif
