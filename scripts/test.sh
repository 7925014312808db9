#!/usr/bin/env bash
# Runs every test with the race detector: those of all modules, or of the modules that are named
# (. examples/apps media/s3 live/tracing/otlp deploy bench e2e).
# Prints a line for each package, and what failing tests print (internal/testlog). In CI a skipped test is a failure,
# because CI has everything that a test may need. go vet is scripts/lint.sh's.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/race.sh

CGO_ENABLED=0 go build -o bin/testlog ./internal/testlog

# module MODULE tests one. Tests wait more than they work: two packages run at a time. Those of the main module that take
# longest begin first, so that none of them is left alone at the end.
module() {
	local flags=(-race -vet=off -p 2 -timeout 75m) first=()
	case $1 in
	.) first=(./publisher/sse ./storage/sqlite ./examples/r3labspublisher ./internal/certs ./storage/postgres ./publisher/websocket) ;;
	e2e) flags+=(-count=1) ;; # go test does not know what these tests depend on
	esac
	(cd "$1" && go test -json "${flags[@]}" "${first[@]}" ./...) | bin/testlog ${CI:+-strict}
}

# all MODULE... tests one after the other, and fails if one fails.
all() {
	local status=0
	for name; do
		module "$name" || status=1
	done
	return $status
}

if (($#)); then
	all "$@"
	exit
fi

# The main module and the others run at the same time. What they share is compiled first, so that it is not compiled twice.
# Programs are not linked for that.
go list -f '{{if and .GoFiles (ne .Name "main")}}{{.ImportPath}}{{end}}' ./... | xargs go build -race
all e2e examples/apps media/s3 live/tracing/otlp deploy bench &
others=$!
status=0
all . || status=1
wait $others || status=1
exit $status
