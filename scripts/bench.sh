#!/bin/sh
# Measures the cost of a delivery, a connection and an idle reader, for Motacilla, the limit and other servers, and compares
# it with the targets. The first argument says how much is measured:
#   quick  about 3 minutes; writes bench/results/quick.json
#   full   three rounds, about 8 minutes; writes bench/results/full.json, docs/benchmarks.md and its plots
#   tls    readers over TLS and HTTP/2, and compression, about 8 minutes; writes bench/results/tls.json and docs/benchmarks.md
#   scale  clusters over PostgreSQL and Redis, about 4 minutes; writes bench/results/scale.json and docs/scaling.md
# Further arguments are flags of bench (`go run . -h` in bench). Linux only. Nothing else should run on the machine.
set -eu
cd "$(dirname "$0")/../bench"
how=${1:-quick}
[ $# = 0 ] || shift

missing=
case $how in
scale)
	ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql"
	command -v redis-server >/dev/null || missing="$missing redis-server"
	without="Without PostgreSQL and Redis (Debian: postgresql redis-server) nodes have no store to share."
	;;
*)
	if ! command -v nginx >/dev/null || [ ! -e /usr/lib/nginx/modules/ngx_nchan_module.so ]; then
		missing="nginx libnginx-mod-nchan"
	fi
	without="Without nginx and Nchan (Debian: nginx libnginx-mod-nchan) they are left out of the comparison."
	;;
esac
if [ -n "$missing" ]; then
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		echo "Installing:" $missing >&2
		export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 # Debian must not start the services
		apt-get update -qq
		# shellcheck disable=SC2086 # a list of words
		apt-get install -qq -y --no-install-recommends $missing </dev/null >/dev/null
	else
		echo "$without" >&2
	fi
fi

bench=$(mktemp)
trap 'rm -f "$bench"' EXIT
go build -o "$bench" .
case $how in
quick) "$bench" -rounds 2 -updates 15 -out results/quick.json "$@" ;;
full) "$bench" -rounds 3 -out results/full.json -docs ../docs "$@" ;;
tls) "$bench" -tls -n 5000 -rounds 3 -out results/tls.json -docs ../docs "$@" ;;
scale) "$bench" -scale -out results/scale.json -docs ../docs "$@" ;;
*)
	echo "usage: scripts/bench.sh [quick|full|tls|scale] [flags]" >&2
	exit 2
	;;
esac
