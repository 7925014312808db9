#!/bin/sh
# gofmt, go vet, golangci-lint of the pinned version, and the arrows of .golangci.yaml.
set -eu
cd "$(dirname "$0")/.."
version=v2.15.0

unformatted=$(gofmt -l .)
if [ -n "$unformatted" ]; then
	echo "Not formatted, run gofmt -w on:" >&2
	echo "$unformatted" >&2
	exit 1
fi
go vet ./...

lint=$PWD/bin/golangci-lint
if ! "$lint" version 2>/dev/null | grep -q "version ${version#v} \|version $version "; then
	GOBIN=$PWD/bin go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$version"
fi
for module in . bench deploy; do
	(cd "$module" && "$lint" run --allow-parallel-runners ./...)
done
