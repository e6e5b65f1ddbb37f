#!/bin/sh
# packages.sh NAME...: installs those Debian packages that are missing; needs root or sudo for that.
# Daemons that come with a package are not started by its installation: the tests start their own.
set -eu

missing=
for name in "$@"; do
    status=$(dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null || true)
    case $status in ii*) ;; *) missing="$missing $name" ;; esac
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "these packages are missing, and installing them needs root or sudo:$missing" >&2; exit 1; }
    as_root=sudo
fi
echo "installing from Debian:$missing"

policy=/usr/sbin/policy-rc.d
made=
if ! [ -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
    $as_root chmod 755 $policy
    made=1
fi
trap '[ -z "$made" ] || $as_root rm -f $policy' EXIT

log=$(mktemp)
if ! { $as_root apt-get update -qq && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -20 "$log" >&2
    rm -f "$log"
    exit 1
fi
rm -f "$log"
