#!/bin/sh
# gofmt, and golangci-lint of the pinned version, which runs the analysers of go vet too and keeps the arrows of
# .golangci.yaml; go vet for e2e. With the argument install it installs golangci-lint only.
set -eu
cd "$(dirname "$0")/.."
version=v2.15.0
export CGO_ENABLED=0 # what make build has compiled need not be compiled again

lint=$PWD/bin/golangci-lint
if ! "$lint" version 2>/dev/null | grep -q "version ${version#v} \|version $version "; then
	GOBIN=$PWD/bin go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$version"
fi
[ "${1:-}" != install ] || exit 0

unformatted=$(gofmt -l .)
if [ -n "$unformatted" ]; then
	echo "Not formatted, run gofmt -w on:" >&2
	echo "$unformatted" >&2
	exit 1
fi
(cd e2e && go vet ./...)
for module in . examples/apps media/s3 live/tracing/otlp bench deploy; do
	(cd "$module" && "$lint" run --allow-parallel-runners ./...)
done
