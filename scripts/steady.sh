#!/usr/bin/env bash
# Runs every test many times with the race detector while busy loops keep all processors at work, and prints a table: test,
# runs, failures. A suite is steady if nothing fails. Each package is compiled once.
#
#   scripts/steady.sh [-n RUNS] [-j PACKAGES AT A TIME] [-l LOOPS] [-s SECONDS] [-f FOLDER] [package...]
#
# RUNS is 100, LOOPS are as many as processors. -s ends the runs of one package after so many seconds. A package is a
# folder such as ./publisher/sse or ./e2e/cluster; without one all packages of all modules are tested. FOLDER keeps the
# table and what failing runs printed (bin/steady).
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
. scripts/race.sh
runs=100 jobs=1 loops=$(getconf _NPROCESSORS_ONLN) seconds=0 folder=$PWD/bin/steady
while getopts n:j:l:s:f: option; do
	case $option in
	n) runs=$OPTARG ;;
	j) jobs=$OPTARG ;;
	l) loops=$OPTARG ;;
	s) seconds=$OPTARG ;;
	f) folder=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
for name; do
	[ -d "$name" ] || { echo "$name is no folder" >&2 && exit 2; }
done
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
rm -rf "$folder"/*
CGO_ENABLED=0 go build -o bin/testlog ./internal/testlog

# moduleOf FOLDER is the module that has the folder.
moduleOf() {
	case $1 in
	./examples/apps | ./examples/apps/*) echo examples/apps ;;
	./media/s3 | ./media/s3/*) echo media/s3 ;;
	./live/tracing/otlp | ./live/tracing/otlp/*) echo live/tracing/otlp ;;
	./e2e | ./e2e/* | ./bench | ./bench/* | ./deploy | ./deploy/*) cut -d/ -f2 <<<"$1" ;;
	*) echo . ;;
	esac
}

if (($#)); then
	packages=("$@")
else
	mapfile -t packages < <(
		for module in . examples/apps media/s3 live/tracing/otlp deploy bench e2e; do
			(cd "$module" && go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}{{end}}' ./...)
		done | sed "s#^$root#.#"
	)
fi

# Whatever ends the script ends the loops.
burning=()
trap 'kill "${burning[@]}" 2>/dev/null || true' EXIT

# package FOLDER runs the tests of one, and keeps a line for each test: name, runs, failures.
package() {
	local module name binary log began=$SECONDS n
	module=$(moduleOf "$1")
	name=$(sed 's#^\./##; s#/#_#g; s#^\.$#root#' <<<"$1")
	binary=$folder/$name.test log=$folder/$name.log
	if ! (cd "$module" && go test -c -race -vet=off -o "$binary" "$root/$1") >"$log" 2>&1; then
		echo "$1 does-not-compile 1 1" >"$folder/$name.count"
		return
	fi
	: >"$folder/$name.results"
	for ((n = 1; n <= runs; n++)); do
		((seconds == 0 || SECONDS - began < seconds)) || break
		local status=0
		(cd "$1" && go tool test2json -t -p "$1" "$binary" -test.v=test2json -test.timeout 20m) \
			</dev/null >"$folder/$name.json" 2>&1 || status=$?
		# The names of tests, with what became of each. A binary that was killed or failed as a whole counts as TestMain.
		sed -nE 's/.*"Action":"(pass|fail|skip)".*"Test":"([^"\/]*)".*/\2 \1/p' "$folder/$name.json" >>"$folder/$name.results"
		if grep -qE '"Action":"fail","Package":"[^"]*","Elapsed"' "$folder/$name.json"; then
			echo "== run $n" >>"$log"
			"$root/bin/testlog" <"$folder/$name.json" >>"$log" || true
			sed -nE 's/.*"Action":"fail".*"Test":"([^"\/]*)".*/x/p' "$folder/$name.json" | grep -q x || echo "TestMain fail" >>"$folder/$name.results"
		fi
	done
	rm -f "$binary" "$folder/$name.json"
	awk -v p="$1" '{ runs[$1]++ } $2 == "fail" { failed[$1]++ }
		END { for (t in runs) print p, t, runs[t], failed[t] + 0 }' "$folder/$name.results" | sort >"$folder/$name.count"
	rm -f "$folder/$name.results"
}

for ((i = 0; i < loops; i++)); do
	(while :; do :; done) &
	burning+=($!)
done
running=0
workers=()
for folderOfPackage in "${packages[@]}"; do
	package "$folderOfPackage" &
	workers+=($!)
	if ((++running >= jobs)); then
		wait "${workers[0]}"
		workers=("${workers[@]:1}")
		running=$((running - 1))
	fi
done
for worker in "${workers[@]}"; do
	wait "$worker"
done

cat "$folder"/*.count >"$folder/table"
awk 'BEGIN { printf "%-40s %-50s %6s %8s\n", "package", "test", "runs", "failures" }
	{ printf "%-40s %-50s %6d %8d\n", $1, $2, $3, $4; runs += $3; failed += $4 }
	END { printf "%-40s %-50s %6d %8d\n", "all", NR " tests", runs, failed; exit failed > 0 }' "$folder/table" || {
	echo "What failing runs printed is in $folder." >&2
	exit 1
}
