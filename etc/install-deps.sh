#!/usr/bin/env bash
# Installs what is missing on a Debian 12 machine, and nothing where nothing is.
#
#   etc/install-deps.sh build    what building extprocd and its plugins needs
#   etc/install-deps.sh demo     the same, and what etc/quickstart.sh needs
#   etc/install-deps.sh test     the same, and what tests/run.sh needs
set -eu

build=(gcc g++ cmake ninja-build pkg-config libgrpc-dev libnghttp2-dev libssl-dev zlib1g-dev libprotobuf-c-dev
    protobuf-c-compiler libinih-dev libjansson-dev libpcre2-dev libcrypt-dev)
demo=(make curl python3 python3-venv ca-certificates)
test=(libcriterion-dev nghttp2-client openssl clang clang-format clang-tidy libclang-rt-14-dev gcovr git groff-base man-db
    libcurl4-openssl-dev valgrind)

case ${1:-} in
build) wanted=("${build[@]}") ;;
demo) wanted=("${build[@]}" "${demo[@]}") ;;
test) wanted=("${build[@]}" "${demo[@]}" "${test[@]}") ;;
*) echo "usage: etc/install-deps.sh build|demo|test" >&2; exit 2 ;;
esac

missing=()
for package in "${wanted[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "missing packages: ${missing[*]}; install them as root, or install sudo" >&2; exit 1; }
    as_root=(sudo)
fi
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
