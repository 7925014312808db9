#!/bin/sh
# Measures what a delivery, a connection and an idle reader cost, ours beside the limit and other servers, and compares
# with the targets. The first argument is how much: quick (about 3 minutes, results to bench/results/quick.json) or full
# (three rounds, about 8 minutes; results to bench/results/full.json, docs/benchmarks.md and its plots). Others are
# given to bench, see `go run . -h` there. Linux alone; the machine should have nothing else to do.
set -eu
cd "$(dirname "$0")/../bench"
how=${1:-quick}
[ $# = 0 ] || shift

if ! command -v nginx >/dev/null || [ ! -e /usr/lib/nginx/modules/ngx_nchan_module.so ]; then
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		echo "Installing: nginx libnginx-mod-nchan" >&2
		export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 # not to be started
		apt-get update -qq
		apt-get install -qq -y --no-install-recommends nginx libnginx-mod-nchan </dev/null >/dev/null
	else
		echo "Without nginx and Nchan (Debian: nginx libnginx-mod-nchan) there is nothing to compare with them." >&2
	fi
fi

bench=$(mktemp)
trap 'rm -f "$bench"' EXIT
go build -o "$bench" .
case $how in
quick) "$bench" -rounds 2 -updates 15 -out results/quick.json "$@" ;;
full) "$bench" -rounds 3 -out results/full.json -docs ../docs "$@" ;;
*)
	echo "usage: scripts/bench.sh [quick|full] [flags]" >&2
	exit 2
	;;
esac
