# The SDK's header as a later minor may have it: 1.7, with a slot, a callback and a member of keys more.
/^#define EXTPROC_ABI_MINOR/ { $3 = 7; grown++ }
/^struct extproc_[a-z]+ \{/ { inside = $2 }
/^};/ && inside == "extproc_api" { print "    int (*later)(struct extproc_instance *);"; grown++ }
/^};/ && inside == "extproc_plugin" { print "    extproc_on_fn *later;"; grown++ }
/^};/ && inside == "extproc_key" { print "    const char *later;"; grown++ }
/^};/ { inside = "" }
{ print }
END { exit grown != 4 }
