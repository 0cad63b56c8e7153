/* tls_names: does a name of a client's certificate fit a rule of tls_client_names? */
#ifndef EXTPROCD_TRANSPORT_H2_CHANNEL_TLS_TLS_NAMES_H
#define EXTPROCD_TRANSPORT_H2_CHANNEL_TLS_TLS_NAMES_H

#include <extproc/plugin.h>

enum tls_name_kind { TLS_NAME_DNS, TLS_NAME_URI };

/* The rule is a name, or ends with "*", which matches any end. */
bool tls_name_matches(struct extproc_str rule, struct extproc_str name, enum tls_name_kind kind);

#endif
