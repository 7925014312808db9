#!/bin/sh
# Runs the browser and the cluster tests, one after the other; they are a module of their own so that nobody else needs
# chromedp. In CI a test that was skipped is a failure.
set -eu
cd "$(dirname "$0")/../e2e"

go vet ./...
if [ -z "${CI:-}" ]; then
	exec go test -race -count=1 -p 1 -timeout 8m "$@" ./...
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
go test -race -count=1 -v -p 1 -timeout 8m "$@" ./... >"$log" 2>&1 || status=$?
grep -E '^(ok|FAIL|\?|panic:)|^ *--- ' "$log" || true
if [ "$status" != 0 ]; then
	grep -vE '^ *(=== |--- (PASS|SKIP))|^(ok|PASS|\?)' "$log" | tail -n 400
	exit "$status"
fi
if grep -qE '^ *--- SKIP' "$log"; then
	echo "Tests were skipped, see above; none may be in CI." >&2
	exit 1
fi
