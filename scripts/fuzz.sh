#!/bin/sh
# Runs every fuzz target for the given time (10s), or with so many inputs (10000x), one on each processor at a time. Each
# package is compiled once.
set -eu
cd "$(dirname "$0")/.."
each=${1:-10s}

# Go's fuzzer may fail with "context deadline exceeded" if its time ends in the middle of an input (golang/go#75804). That
# is not a finding: a finding has a failing input, which the fuzzer writes. Such a run is repeated, at most three times.
if [ $# = 4 ]; then # EACH BINARIES FOLDER TARGET
	binary=$2/$(echo "$3" | tr -c 'a-zA-Z0-9\n' _) corpus=$(go env GOCACHE)/fuzz/motacilla/$3
	log=$(mktemp)
	trap 'rm -f "$log"' EXIT
	for try in 1 2 3; do
		status=0
		(cd "$3" && "$binary" -test.run='^$' -test.fuzz="^$4\$" -test.fuzztime="$each" -test.fuzzcachedir="$corpus" \
			-test.parallel=1 -test.fuzzminimizetime=10x) </dev/null >"$log" 2>&1 || status=$?
		if [ "$status" = 0 ]; then
			echo "$4: $(grep '^fuzz:' "$log" | tail -n 1 | sed 's/^fuzz: //')"
			exit 0
		fi
		if ! grep -q 'context deadline exceeded' "$log" || grep -q 'Failing input written' "$log"; then
			break
		fi
		echo "$4: the time ended in the middle of an input, try $try" >&2
	done
	cat "$log"
	exit "$status"
fi

targets=$(grep -rHoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | grep -vE '^\./(e2e|bench|deploy)/' |
	sed -E 's#^(.*)/[^/]*_test\.go:func (Fuzz.*)$#\1 \2#' | sort -u)
if [ -z "$targets" ]; then
	echo "There are no fuzz targets." >&2
	exit 1
fi
# What an input reaches guides the fuzzer. In so many inputs it does not get far: then only the packages of this module tell what
# is reached, and what they import need not be compiled once more, with the standard library.
case $each in
*x) guided=-gcflags=github.com/motacilla-live/motacilla/...=-d=libfuzzer ;;
*) guided=-fuzz=. ;;
esac
export CGO_ENABLED=0 # what make build has compiled need not be compiled again
binaries=$(mktemp -d)
trap 'rm -rf "$binaries"' EXIT
for package in $(echo "$targets" | cut -d' ' -f1 | uniq); do
	go test -c -vet=off "$guided" -ldflags="-s -w" -o "$binaries/$(echo "$package" | tr -c 'a-zA-Z0-9\n' _)" "$package"
done
echo "$(echo "$targets" | wc -l) fuzz targets, $each each"
echo "$targets" | xargs -n 2 -P "$(getconf _NPROCESSORS_ONLN)" "$0" "$each" "$binaries"
