#!/bin/sh
# Takes the pictures of the page for README and docs.
set -eu
cd "$(dirname "$0")/../e2e"
exec go test -count=1 -timeout 5m -run 'TestPictures$' . -args -shots=../docs
