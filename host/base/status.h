/* status: the status of a stream, as gRPC numbers it: https://grpc.io/docs/guides/status-codes.
 * Only the values that this host uses. */
#ifndef EXTPROCD_BASE_STATUS_H
#define EXTPROCD_BASE_STATUS_H

enum status {
    STATUS_OK = 0,
    STATUS_INVALID_ARGUMENT = 3,
    STATUS_DEADLINE_EXCEEDED = 4,
    STATUS_NOT_FOUND = 5,
    STATUS_RESOURCE_EXHAUSTED = 8,
    STATUS_UNIMPLEMENTED = 12,
    STATUS_INTERNAL = 13,
    STATUS_UNAVAILABLE = 14
};

/* "INVALID_ARGUMENT" */
const char *status_name(enum status status);

#endif
