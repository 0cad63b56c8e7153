/* rows: tables that have a row for each member of an enum.
 *
 * C silently fills a forgotten row with zeros. So the number of rows that were written stands after
 * each table, and a new member of the enum does not compile before each such table has been looked
 * at.
 */
#ifndef EXTPROCD_BASE_ROWS_H
#define EXTPROCD_BASE_ROWS_H

#define ROWS(table, n_members, n_rows)                                                             \
    _Static_assert((n_members) == (n_rows), #table " needs a row for each of " #n_members)

#endif
