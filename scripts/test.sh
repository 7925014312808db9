#!/bin/sh
# Runs every test with the race detector, then those of bench and the browser's, which are modules of their own. In CI a
# test that was skipped is a failure: CI has everything that a test may ask for.
set -eu
cd "$(dirname "$0")/.."

if [ -z "${CI:-}" ]; then
	go test -race ./...
	(cd bench && go vet ./... && go test -race ./...)
	exec scripts/e2e.sh
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
go test -race -v -timeout 12m ./... >"$log" 2>&1 || status=$?
grep -E '^(ok|FAIL|\?|panic:)|^ *--- SKIP' "$log" || true
if [ "$status" != 0 ]; then
	grep -vE '^ *(=== |--- (PASS|SKIP))|^(ok|PASS|\?)' "$log" | tail -n 400
	exit "$status"
fi
if grep -qE '^ *--- SKIP' "$log"; then
	echo "Tests were skipped, see above; none may be in CI." >&2
	exit 1
fi

# These two wait for time to pass more than they work: beside each other they take as long as one.
(cd bench && go vet ./... && go test -race -v -timeout 12m ./...) >"$log" 2>&1 &
bench=$!
scripts/e2e.sh || status=$?
wait "$bench" || status=$?
grep -E '^(ok|FAIL|\?|panic:)|^ *--- SKIP' "$log" || true
if [ "$status" != 0 ]; then
	grep -vE '^ *(=== |--- (PASS|SKIP))|^(ok|PASS|\?)' "$log" | tail -n 200
	exit "$status"
fi
if grep -qE '^ *--- SKIP' "$log"; then
	echo "Tests were skipped, see above; none may be in CI." >&2
	exit 1
fi
