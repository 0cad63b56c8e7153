#!/usr/bin/env bash
# Runs what the guides name, as it is written there, against an installation in a folder of its own: the
# first plugin of README.md, the template of sdk/README.md, the examples of ini files, every `extprocd ...`.
#
#     guides.sh CMAKE BUILD_DIR PREFIX LIBDIR
set -euo pipefail

cmake=$1 build=$2 prefix=$3 libdir=$4
top=$(cd "$(dirname "$0")/.." && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

fail() { echo "guides.sh: $*" >&2; exit 1; }

DESTDIR=$root "$cmake" --install "$build" >"$root/install.log"
usr=$root$prefix
export PATH=$usr/sbin:$PATH PKG_CONFIG_PATH=$usr/$libdir/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root

# The lines of the first fenced block of a kind after a line, or of the block that is indented.
fenced() { # file, kind, line
    awk -v kind="^\`\`\`$2\$" -v from="$3" 'index($0, from) { seen = 1 } /^```/ { if (inside) exit; inside = seen && $0 ~ kind; next } inside' "$1"
}
indented() { # file, line
    awk -v from="$2" 'index($0, from) { seen = 1; next } seen && /^    / { inside = 1; sub(/^    /, ""); print; next } inside { exit }' "$1"
}
here() { sed "s|127\.0\.0\.1:50051|127.0.0.1:0|; s|^\[extprocd\]|&\nplugin_dir = $usr/$libdir/extprocd|"; }

# A line of a guide. A service that it starts is ended when it is ready.
run() { # line
    echo "$ $1"
    if [[ $1 =~ ^extprocd\ -c ]]; then
        eval "exec ${1%%#*}" >service.log 2>&1 &
        for _ in $(seq 300); do grep -q "is ready" service.log && break; kill -0 $! && sleep 0.1; done
        kill -TERM $! && wait $! || { cat service.log; fail "$1"; }
    else
        eval "$1" || fail "$1"
    fi
}
run_all() { # lines on standard input
    local line lines
    mapfile -t lines
    [ ${#lines[@]} -gt 0 ] || fail "no commands found"
    for line in "${lines[@]}"; do run "$line"; done
}

mkdir "$root/readme" && cd "$root/readme"
fenced "$top/README.md" c "## A first plugin" >hello.c
fenced "$top/README.md" ini "## A first plugin" | { echo "[extprocd]"; echo "lame_duck = 0s"; cat; } | here >hello.ini
indented "$top/README.md" "After an installation" | run_all

mkdir "$root/sdk" && cd "$root/sdk"
fenced "$top/sdk/README.md" sh "## From nothing" | sed "s|/usr/local|$usr|" >commands
while IFS= read -r line; do
    [[ $line != extprocd* ]] || [ -e ready ] || { { printf '[extprocd]\nlame_duck = 0s\n'; cat hello.ini; } | here >with; mv with hello.ini; touch ready; }
    run "$line"
done <commands
[ -e ready ] || fail "sdk/README.md has no command that runs the plugin"

# ---- ini files -----------------------------------------------------------------------------------------

mkdir "$root/ini" && cd "$root/ini"
export USER=${USER:-somebody}
fenced "$top/etc/README.md" ini "## The ini file" | here >operator.ini
run "extprocd -t -c operator.ini"
{
    fenced "$top/plugins/README.md" ini "## Examples" | sed -E "s#/(var/log|etc)/extprocd#$root/ini#" >examples
    echo "/old /new 301" >moved.map
    echo "ann:\$2b\$04\$ElWsiIvbFP6U7RMw1nBSUODOyXyhvHIgxklMGSw4Mxya/gklhR2ku" >users
    echo "shop $(printf secret | sha256sum | cut -d' ' -f1)" >keys
    echo "<h1>broken</h1>" >error.html
    echo '{"error": true}' >error.json
    printf '[extprocd]\n[listener:main]\naddress = 127.0.0.1:50051\n[chain:main]\nplugins = %s\n' \
        "$(sed -nE 's/^\[plugin:(.*)\]$/\1/p' examples | paste -sd,)"
    cat examples
} | here >catalogue.ini
run "extprocd -t -c catalogue.ini"
# The other samples of the operator's guide, with what they leave out: plugins of somebody's own, and certificates.
listener="[listener:main]
address = 127.0.0.1:50051"
begin() { printf '%s\n' "[extprocd]" "$listener" | here; }
some() { printf '[plugin:%s]\nfile = noop.so\n' "$@"; }
{
    begin
    fenced "$top/etc/README.md" ini "## Choosing" | tee sample
    some limits tags
} >conditions.ini
[ -s sample ] || fail "etc/README.md has no sample of conditions"
run "extprocd -t -c conditions.ini"
{
    begin
    printf '[chain:main]\nplugins = scan\n'
    fenced "$top/etc/README.md" ini "## Trying a plugin" | sed 's/scan\.so/headers.so/' | tee sample
    echo "request.set = x-a: 1"
} >shadow.ini
[ -s sample ] || fail "etc/README.md has no sample of a plugin in shadow"
run "extprocd -t -c shadow.ini"
{
    begin
    printf '[chain:main]\nplugins = stats, scan\n'
    fenced "$top/etc/README.md" ini "## When a plugin fails" | sed -E 's/(stats|scan)\.so/noop.so/'
} >failing.ini
run "extprocd -t -c failing.ini"
if command -v openssl >/dev/null && "$usr/sbin/extprocd" --print-keys | grep "one of h2" >/dev/null; then
    openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=here -keyout here.key -out here.crt 2>openssl.log || fail "$(cat openssl.log)"
    {
        begin
        printf 'tls_cert = here.crt\ntls_key = here.key\n'
        fenced "$top/etc/README.md" ini "## TLS" | sed "s|/etc/extprocd/clients-ca.crt|here.crt|"
        printf '[chain:main]\nplugins = any\n'
        some any
    } >tls.ini
    run "extprocd -t -c tls.ini"
fi

# The example of the manual page, and the sample at the head of each plugin.
{
    echo "[extprocd]"
    sed -n '/^\.nf/,/^\.fi/{/^\./d; s/\\-/-/g; p}' "$top/etc/man/extprocd.ini.5.in"
} | here >page.ini
run "extprocd -t -c page.ini"
mkdir pages
for kind in html json txt; do echo broken >pages/error.$kind; done
echo '{}' >pages/error.json
cp moved.map redirects.map
for plugin in "$top"/plugins/*.c; do
    name=$(basename "$plugin" .c)
    sed -n '/^ \*     \[plugin:/,/^ \*\( [^ ]\|$\)/s/^ \*     *//p' "$plugin" |
        sed -E "s#/(var/log|etc)/extprocd#$root/ini#; s#/var/www#$root/ini#" >head.ini
    [ -s head.ini ] || continue
    {
        begin
        printf '[chain:main]\nplugins = %s\n' "$(sed -nE 's/^\[plugin:([^]]*)\].*/\1/p' head.ini | paste -sd,)"
        cat head.ini
    } >"$name.ini"
    run "extprocd -t -c $name.ini"
done

# The installed file, and then all that it shows in comments, but for what this machine does not have.
here <"$top/etc/extprocd.ini" >sample.ini
run "extprocd -t -c sample.ini"
sed -E '/^; (address|include|tls_|socket_group|log_file|transport)/d; s/^; ([a-z_]+ *=)/\1/' sample.ini >all.ini
run "extprocd -t -c all.ini"
diff <(grep -c = sample.ini) <(grep -c = all.ini) >/dev/null && fail "extprocd.ini shows no keys in comments"

# ---- what a guide lists ----------------------------------------------------------------------------------

for so in "$usr/$libdir"/extprocd/*.so; do
    name=$(basename "$so" .so)
    grep -qF "| [$name]($name.c) |" "$top/plugins/README.md" || fail "plugins/README.md does not have $name"
done

# Every name that the SDK had before, with its new one.
while read -r old new; do
    grep -qF "\`$old" "$top/etc/CHANGELOG.md" && grep -qF "\`$new" "$top/etc/CHANGELOG.md" || fail "etc/CHANGELOG.md: no $old -> $new"
done < <(sed -nE 's/^# *define (extproc_[a-z_]+|EXTPROC_[A-Z_]+)(\([^)]*\))? +([A-Za-z_]+).*/\1 \3/p' "$top/sdk/include/extproc/old_names.h")

# Links lead somewhere, and what a guide names in `...` as a file of the tree is there.
for guide in README.md sdk/README.md host/README.md tests/README.md etc/README.md etc/KEYS.md plugins/README.md; do
    folder=$top/$(dirname "$guide")
    for link in $(grep -oE '\]\([^)]+\)' "$top/$guide" | sed 's/^](//; s/)$//; s/#.*//'); do
        [[ $link =~ ^https?: ]] || [ -e "$folder/$link" ] || fail "$guide links to $link"
    done
    for file in $(grep -oE '`(sdk|etc|host|tests|plugins|proto)/[A-Za-z0-9_./-]+`' "$top/$guide" | tr -d '`'); do
        [ -e "$top/$file" ] || fail "$guide names $file"
    done
done

# What tests/README.md and the other guides call: parts of run.sh, units, options of the benchmark.
for part in $(grep -ohE 'tests/run\.sh [a-z]+' "$top"/{README,sdk/README,etc/README,host/README,tests/README}.md | cut -d' ' -f2 | sort -u); do
    grep -qE "^# +$part +" "$top/tests/run.sh" || fail "tests/run.sh has no part $part"
done
for unit in $(grep -ohE 'ctest [^`]*-R [a-z/_]+' "$top/tests/README.md" | sed 's/.*-R //'); do
    [ "$(ctest --test-dir "$build" -N -R "^$unit\$" | sed -n 's/^Total Tests: //p')" = 1 ] || fail "there is no unit $unit"
done
for option in $(grep -oE '`--[a-z]+' "$top/tests/README.md" | tr -d '`' | sort -u); do
    grep -qE "^ *(echo \".*)?$option\b|\[$option\b" "$top/tests/bench/run.sh" || fail "tests/bench/run.sh has no $option"
done

# ---- commands that are named in a sentence ----------------------------------------------------------------

grep -ohE '`extprocd -[^`]*`' "$top"/{README,sdk/README,etc/README,etc/KEYS,plugins/README,host/README}.md "$top/etc/extprocd.ini" |
    tr -d '`' | sort -u | while IFS= read -r line; do
    [[ $line =~ \ -c\  ]] || line+=" -c sample.ini"
    run "$line >/dev/null"
done
