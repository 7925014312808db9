#!/bin/sh
# Has 500 connections a second come and go, in every manner, for as long as the first argument says (1h), beside readers
# that stay, and fails where goroutines, descriptors or memory of the server grow. Says how it goes each minute. Linux
# alone.
set -eu
cd "$(dirname "$0")/../bench"
SOAK=${1:-1h} exec go test -count=1 -timeout 0 -v -run '^TestSoak$' ./loadtest
