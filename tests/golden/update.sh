#!/bin/sh
# update.sh NAME...: write the goldens of these captures anew with build/overhear, or with $OVERHEAR; all of them where none is
# named. Then look at `git diff` before it is committed: a golden is only as good as the eye that passed it.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
program=${OVERHEAR:-$(find "$root/build" -name overhear -type f -perm -u+x | head -n 1)}
exec python3 "$root/tests/golden/golden.py" --update "$root" "$program" "$@"
