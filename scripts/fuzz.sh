#!/bin/sh
# Runs every fuzz target, for the given time each; with a second argument for at most so many seconds in all.
set -eu
cd "$(dirname "$0")/.."
each=${1:-10s}
budget=${2:-}

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Go's fuzzer may say "context deadline exceeded" when its time ends in the middle of an input (golang/go#75804). That is
# no finding: one that is writes the input. Such a run is done again, and fails when it ends so three times.
fuzz() {
	for try in 1 2 3; do
		status=0
		go test -fuzzminimizetime 10x -run='^$' -fuzz="^$2\$" -fuzztime="$each" "$1" </dev/null >"$log" 2>&1 || status=$?
		cat "$log"
		[ "$status" != 0 ] || return 0
		grep -q 'context deadline exceeded' "$log" || return "$status"
		! grep -q 'Failing input written' "$log" || return "$status"
		echo "$2 ended with its time, try $try." >&2
	done
	return "$status"
}

targets=$(grep -rHoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | grep -vE '^\./(e2e|bench)/' |
	sed -E 's#^(.*)/[^/]*_test\.go:func (Fuzz.*)$#\1 \2#' | sort -u)
count=$(echo "$targets" | grep -c . || true)
if [ "$count" = 0 ]; then
	echo "There are no fuzz targets." >&2
	exit 1
fi
if [ -n "$budget" ] && [ $((count * ${each%s})) -gt "$budget" ]; then
	each=$((budget / count))
	[ "$each" -ge 2 ] || each=2
	each=${each}s
fi
echo "$count fuzz targets, $each each"
echo "$targets" | while read -r pkg target; do
	fuzz "$pkg" "$target"
done
