#!/bin/sh
# Has 500 connections a second come and go, in every manner, for as long as the first argument says (1h), beside readers
# that stay, and fails where goroutines, descriptors or memory of the server grow. Then cuts, slows and silences the
# network between nodes and their store, for up to 30 s a time. Says how it goes each minute. Linux alone.
set -eu
cd "$(dirname "$0")/../bench"
SOAK=${1:-1h} go test -count=1 -timeout 0 -v -run '^TestSoak$' ./loadtest
cd ../e2e
exec go test -race -count=1 -timeout 60m -v ./cluster -soak
