# The examples in the comments of the SDK's headers, each as a function: they must compile.
BEGIN { print "#include <extproc/text.h>\n" }
/^ \* +(return |while \(|if \(|extproc_[a-z_]+\(x, )/ && !/^ \*  ?[^ ]/ {
    sub(/^ \* +/, ""); sub(/ *\*\/$/, ""); sub(/ \.\.\.$/, " {\n    }")
    printf "enum extproc_action example_%d(struct extproc_txn *x, struct extproc_str id);\n", ++n
    printf "enum extproc_action example_%d(struct extproc_txn *x, struct extproc_str id)\n{\n", n
    print "    struct extproc_str name = id, value = id, s = id, rest = id, piece = id;"
    print "    (void)x, (void)name, (void)value, (void)s, (void)rest, (void)piece;"
    printf "    %s\n    return EXTPROC_ACTION_CONTINUE;\n}\n", $0
}
END { exit n < 6 }
