#!/bin/sh
# Runs every test with the race detector: the project's, then those of deploy, bench and the browser's, which are modules
# of their own. In CI a test that was skipped is a failure: CI has everything that a test may ask for.
set -eu
cd "$(dirname "$0")/.."

if [ -z "${CI:-}" ]; then
	go test -race ./...
	(cd deploy && go vet ./... && go test -race ./...)
	(cd bench && go vet ./... && go test -race ./...)
	exec scripts/e2e.sh
fi

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# run MODULE tests one, and keeps what it prints.
run() {
	(cd "$1" && go vet ./... && go test -race -v -timeout 12m ./...) >"$logs/$(basename "$1")" 2>&1
}

# tell MODULE STATUS says what came of it, and fails where it failed or left a test out.
tell() {
	log=$logs/$(basename "$1")
	grep -E '^(ok|FAIL|\?|panic:)|^ *--- SKIP' "$log" || true
	if [ "$2" != 0 ]; then
		grep -vE '^ *(=== |--- (PASS|SKIP))|^(ok|PASS|\?)' "$log" | tail -n 400
		exit "$2"
	fi
	if grep -qE '^ *--- SKIP' "$log"; then
		echo "Tests were skipped, see above; none may be in CI." >&2
		exit 1
	fi
}

for module in "$PWD" deploy; do
	status=0
	run "$module" || status=$?
	tell "$module" "$status"
done

# These two wait for time to pass more than they work: beside each other they take as long as one.
status=0
run bench &
bench=$!
browser=0
scripts/e2e.sh || browser=$?
wait "$bench" || status=$?
tell bench "$status"
exit "$browser"
