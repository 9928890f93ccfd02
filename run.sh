#!/bin/sh
# run.sh: from a bare Debian 12 to recorded handshakes.
#
#   sh run.sh         installs what is missing, builds build/overhear, and shows it at work
#   sh run.sh test    the same set-up, then every test
#
# Root (or sudo) is needed for installing alone; nothing is written outside build/ and a temporary folder.
set -eu

# What meson.build and the tests ask for. libc6-dev: gcc only recommends it.
packages='gcc libc6-dev meson ninja-build pkgconf python3
	libpcap-dev libndpi-dev libsqlite3-dev libssl-dev zlib1g-dev libzstd-dev liblz4-dev libbrotli-dev
	libsmartcols-dev libxxhash-dev libseccomp-dev libcmocka-dev sqlite3 ca-certificates'
test_packages='openssl iproute2 tcpdump'

capture=pcaps/office.pcap

say() {
	printf 'run.sh: %s\n' "$*"
}

fail() {
	printf 'run.sh: %s\n' "$*" >&2
	exit 1
}

# The packages of the list that are not installed.
missing_of() {
	for package in "$@"; do
		case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
		installed) ;;
		*) printf '%s ' "$package" ;;
		esac
	done
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		fail "installing needs root: run 'apt-get install $missing' as root, then run.sh again"
	fi
}

install_missing() {
	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		fail "this is not a Debian system; install the counterparts of these packages, then see README.md:" "$@"
	fi
	missing=$(missing_of "$@")
	if [ -z "$missing" ]; then
		return
	fi
	say "will install: $missing"
	as_root apt-get -q update
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing
}

build() {
	if [ ! -f build/build.ninja ]; then
		say 'setting up build/'
		meson setup build --buildtype=release
	fi
	say 'building build/overhear'
	if [ -t 1 ]; then
		ninja -C build
	else
		ninja -C build --quiet
	fi
}

show() {
	printf '\n$'
	for word in "$@"; do
		case $word in
		*[!A-Za-z0-9./_=-]*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	printf '\n'
	"$@"
}

demonstrate() {
	folder=$(mktemp -d)
	trap 'rm -rf "$folder"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	show build/overhear read "$capture" -o "$folder/overhear.db"
	show build/overhear list "$folder/overhear.db"
	show build/overhear diagnose "$folder/overhear.db"
	show sqlite3 -header -column "$folder/overhear.db" \
		'SELECT version, cipher, count(*) AS handshakes FROM handshakes WHERE version IS NOT NULL GROUP BY version, cipher ORDER BY handshakes DESC, version, cipher'
	printf '\n'
	say "this was $capture; README.md has the first five minutes"
}

run_tests() {
	status=0
	meson test -C build --no-rebuild --print-errorlogs || status=$?
	printf 'run.sh: '
	python3 tests/summary.py build/meson-logs/testlog.json || status=1
	return $status
}

cd "$(dirname "$0")"
case ${1-} in
'')
	install_missing $packages
	build
	demonstrate
	;;
test)
	install_missing $packages $test_packages
	build
	run_tests
	;;
*)
	printf 'usage: sh run.sh [test]\n' >&2
	exit 2
	;;
esac
