# make: build, lint, test. The work is in scripts/, which run on their own too.

FUZZTIME ?= 1m
BENCH ?= quick
SOAK ?= 1h

.PHONY: all build lint test fuzz e2e bench soak generate screenshots

all: build lint test

build:
	CGO_ENABLED=0 go build -o bin/ ./cmd/motacilla

lint:
	scripts/lint.sh

test:
	scripts/deps.sh
	scripts/test.sh

e2e:
	scripts/deps.sh
	scripts/e2e.sh

# BENCH=full measures everything three times, and writes docs/benchmarks.md; BENCH=scale many nodes, and docs/scaling.md.
bench:
	scripts/bench.sh $(BENCH)

# Connections come and go, 500 a second; make test has two minutes of it.
soak:
	scripts/soak.sh $(SOAK)

fuzz:
	scripts/fuzz.sh $(FUZZTIME)

generate:
	go generate ./...

screenshots:
	scripts/deps.sh
	scripts/screenshots.sh
