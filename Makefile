# make: build, lint, test. The work is in scripts/, which can be run without make too.

FUZZTIME ?= 1m
BENCH ?= quick
SOAK ?= 1h
RUNS ?= 100

.PHONY: all build lint test steady fuzz e2e bench soak generate screenshots

all: build lint test

build:
	CGO_ENABLED=0 go build -o bin/ ./cmd/motacilla

lint:
	scripts/lint.sh

test:
	scripts/deps.sh
	scripts/test.sh

# Each test RUNS times while the processors are busy; this takes many hours.
steady:
	scripts/deps.sh
	scripts/steady.sh -n $(RUNS)

e2e:
	scripts/deps.sh
	scripts/test.sh e2e

# BENCH=full measures everything three times and writes docs/benchmarks.md. BENCH=tls does so over TLS. BENCH=scale measures
# clusters and writes docs/scaling.md.
bench:
	scripts/bench.sh $(BENCH)

# 500 connections a second come and go. make test does this with 10,000 connections. Then faults of networks, browsers and
# upgrades, over TLS and without, as scripts/soak.sh says; this takes hours.
soak:
	scripts/soak.sh $(SOAK)

fuzz:
	scripts/fuzz.sh $(FUZZTIME)

generate:
	CGO_ENABLED=0 go generate ./...

screenshots:
	scripts/deps.sh
	scripts/screenshots.sh
