/* file: the one way to open a file that a configuration names.
 *
 * Nothing here waits: a FIFO without a peer, a terminal or a device is opened without blocking, and
 * is refused where the configuration means a file. What is read completely has a limit. Every error
 * has its words, which follow the path in a message: "PATH: is a FIFO, expected a regular file".
 */
#ifndef EXTPROCD_BASE_FILE_H
#define EXTPROCD_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

enum { FILE_WHY = 128 }; /* bytes of an error's words, with their NUL */

/* What a file may be. */
enum file_kinds {
    FILE_REGULAR = 1,         /* or /dev/null */
    FILE_REGULAR_OR_PIPE = 2, /* of a command line: -c <(...) */
};

struct file_bytes {
    char *ptr; /* from malloc; a NUL follows the last byte */
    size_t len;
    struct stat stat; /* of the file that was read, whatever its path names by now */
};

/* A descriptor to read from a file of at most `max` bytes: it does not block, and is closed by
 * exec. Negative: -errno with *ret_why; -EISDIR, -EINVAL: another kind of file; -EFBIG: a larger
 * one. */
int file_open(const char *path, enum file_kinds kinds, size_t max, char ret_why[static FILE_WHY]);

/* The complete content, at most `max` bytes. 0 with *ret, or as file_open(). A pipe is read until
 * its writers have closed it. */
int file_read(const char *path, enum file_kinds kinds, size_t max, struct file_bytes *ret,
              char ret_why[static FILE_WHY]);

/* A descriptor to append to (created with 0640): a regular file, a FIFO, a terminal or another
 * character device. A FIFO needs no reader: what is written waits in it. As file_open(). */
int file_open_append(const char *path, char ret_why[static FILE_WHY]);

/* Would file_open_append() succeed? Leaves no trace: a file that is missing is not created, but its
 * directory must be there. 0, or as file_open(). */
int file_check_append(const char *path, char ret_why[static FILE_WHY]);

/* A descriptor of our own for standard output or error: where the system can open it again, one
 * that does not block, so that those who share it see no change. *ret_may_wait: it could not, and
 * write(2) may wait. -1: it is closed. */
int file_open_standard(int number, bool *ret_may_wait);

#endif
