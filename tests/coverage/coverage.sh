#!/bin/sh
# coverage.sh [FOLDER]: the lines of dissectors, src/packet and src/flow that the unit tests, the replayed fuzz corpora, the captures of
# pcaps/ and, where it lies beside the tree, the public corpus run through; file by file, from a build of its own in FOLDER. Fails where it
# is less than LEAST percent of all. Run by hand and by whoever wants the figure: it builds everything without optimizing.
set -eu
LEAST=95
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:-$root/build/coverage}
corpus=$root/../shared/corpus

command -v gcovr >/dev/null || { echo "coverage.sh: gcovr is not installed: apt-get install gcovr" >&2; exit 77; }
[ -f "$folder/build.ninja" ] || meson setup "$folder" "$root" --buildtype=debugoptimized -Doptimization=0 -Db_coverage=true
ninja -C "$folder"
find "$folder" -name '*.gcda' -delete
# A test that fails is told by the ordinary run; what it ran through counts all the same.
meson test -C "$folder" --no-rebuild --suite unit --suite fuzz || true

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for capture in "$root"/pcaps/*.pcap; do
	keys=${capture%.pcap}.keys
	if [ -f "$keys" ]; then
		"$folder/overhear" read -q -k "$keys" -o "$scratch/out.db" "$capture" || true
	else
		"$folder/overhear" read -q -o "$scratch/out.db" "$capture" || true
	fi
	rm -f "$scratch"/out.db*
done
if [ -f "$corpus/all.lst" ]; then
	python3 "$corpus/kit/overhear_rows.py" "$folder/overhear" "$corpus/pcaps" "$corpus/all.lst" "$scratch/rows" >/dev/null || true
fi

cd "$folder"
gcovr -r "$root" --object-directory "$folder" -f "$root/dissectors/" -f "$root/src/packet/" -f "$root/src/flow/" \
	--gcov-ignore-parse-errors --fail-under-line "$LEAST" "$folder/dissectors" "$folder/src/packet" "$folder/src/flow"
