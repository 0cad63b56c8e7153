/* rows: tables that have a row for each member of an enum.
 *
 * C fills a row that was forgotten with zeros, without a word. So the number of rows that somebody has
 * written stands behind each table, and a new member does not compile before it has been there.
 */
#ifndef EXTPROCD_BASE_ROWS_H
#define EXTPROCD_BASE_ROWS_H

#define ROWS(table, n_members, n_rows)                                                             \
    _Static_assert((n_members) == (n_rows), #table " needs a row for each of " #n_members)

#endif
