#!/bin/sh
# Soaks the server, for an hour or for as long as the first argument says. 500 connections a second come and go in every
# manner, while other readers stay. The test fails if the goroutines, descriptors or memory of the server grow. Then the
# network between nodes and their store is cut, slowed and silenced, for up to 30 s each time, with readers over TLS and without. Then
# the browser tests are run over TLS, with HTTP/1.1 and with HTTP/2. At last servers with 10,000 streams are upgraded 20 times, and
# processes are killed in upgrades. Linux only.
set -eu
cd "$(dirname "$0")/../e2e"
SOAK=${1:-1h} go test -count=1 -timeout 0 -v -run '^TestSoak$' ./loadtest
go test -race -count=1 -timeout 3h -v ./cluster -soak
for wire in TLS HTTP2; do
	go test -race -count=1 -timeout 40m . -over $wire
done
exec go test -count=1 -timeout 60m -v ./upgrade -soak
