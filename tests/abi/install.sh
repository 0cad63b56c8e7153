#!/bin/sh
# Installs a build tree with two other prefixes than the configured one, sees that all that names a folder names the new
# one and that the installed program finds its plugins and its configuration, and uninstalls the second.
#
#     install.sh CMAKE BUILD_DIR LIBDIR
set -eu

cmake=$1 build=$2 libdir=$3
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

fail()
{
    echo "install.sh: $*" >&2
    exit 1
}
has() # file, text
{
    grep -qF -- "$2" "$1" || fail "$1 does not have $2"
}

# ---- one prefix everywhere

installed() # prefix
{
    prefix=$1
    unit=$prefix/lib/systemd/system/extprocd.service
    ini=$prefix/etc/extprocd/extprocd.ini
    "$cmake" --install "$build" --prefix "$prefix" >"$root/log"

    for line in "ExecStart=$prefix/sbin/extprocd -c $ini" "ExecStartPre=$prefix/sbin/extprocd -t -c $ini"; do
        has "$unit" "$line"
    done
    [ -f "$prefix/$libdir/extprocd/headers.so" ] || fail "the plugins are somewhere else"
    [ -f "$prefix/share/extproc/templates/plugin.c" ] || fail "the templates are somewhere else"
    has "$prefix/share/man/man8/extprocd.8" "$prefix"
    has "$prefix/share/doc/extprocd/etc/README.md" "\`$ini\`"
    has "$prefix/share/doc/extprocd/sdk/README.md" "cp -r $prefix/share/extproc/templates"
    has "$prefix/share/extproc/templates/Makefile" "$prefix/$libdir/extprocd"
    for guide in README.md sdk/README.md etc/README.md etc/KEYS.md plugins/README.md; do
        [ -f "$prefix/share/doc/extprocd/$guide" ] || fail "there is no $guide"
    done
    ! grep -rIF /usr/local "$prefix" || fail "the configured prefix is named above"

    # The program finds what belongs to it, and says where that is, also if it was removed.
    "$prefix/sbin/extprocd" -t >"$root/out" 2>&1 || fail "-t: $(cat "$root/out")"
    [ "$(cat "$root/out")" = "$ini: ok" ] || fail "-t says: $(cat "$root/out")"
    "$prefix/sbin/extprocd" -T >"$root/out"
    has "$root/out" "plugin_dir = $prefix/$libdir/extprocd"
    mv "$ini" "$root/away.ini"
    "$prefix/sbin/extprocd" --help >"$root/out"
    has "$root/out" "(default $ini)"
    ! "$prefix/sbin/extprocd" -t 2>"$root/out" || fail "-t finds a configuration that was removed"
    has "$root/out" "$ini"
    mv "$root/away.ini" "$ini"
}

installed "$root/first"
installed "$root/second"
! grep -rIF "$root/first" "$prefix" || fail "the first prefix is named above, in what was installed with the second"

# ---- the manual pages, as a reader sees them

if command -v man >/dev/null; then
    for page in man8/extprocd.8 man5/extprocd.ini.5; do
        MANWIDTH=80 man --warnings -l "$prefix/share/man/$page" >"$root/page" 2>"$root/warnings" ||
            fail "man -l $page: $(cat "$root/warnings")"
        [ ! -s "$root/warnings" ] || fail "man -l $page warns: $(cat "$root/warnings")"
        has "$root/page" "extprocd"
    done
else
    echo "skipped: man -l of the manual pages, man is not installed"
fi

# ---- the unit

if command -v systemd-analyze >/dev/null; then
    man=no # what Documentation= names is looked for, too
    ! command -v man >/dev/null || man=yes
    verified=$(MANPATH=$prefix/share/man: systemd-analyze verify --man=$man "$unit" 2>&1) ||
        fail "systemd-analyze verify: $verified"
    [ -z "$verified" ] || fail "systemd-analyze verify warns: $verified"
    exposure=$(systemd-analyze security --offline=yes --threshold=20 "$unit" 2>&1) ||
        fail "the unit's exposure is above 2.0: $(echo "$exposure" | tail -n 1)"
else
    echo "skipped: the unit, systemd-analyze is not installed"
fi
for key in RestartSec= StartLimitBurst= network-online.target DynamicUser=yes; do
    has "$unit" "$key"
done

# ---- and away again; what the operator has changed stays

echo "; mine" >>"$ini"
"$cmake" -DBUILD="$build" -DSHIPPED="$(dirname "$0")/../../etc/extprocd.ini" \
    -P "$(dirname "$0")/../../etc/uninstall.cmake" >>"$root/log" 2>&1
[ "$(find "$prefix" -type f)" = "$ini" ] || fail "not removed: $(find "$prefix" -type f)"
