# The two commands that people need are `make run` and `make test`. Each installs what it lacks.

SWIFT_FLAGS = --explicit-target-dependency-import-check error -Xswiftc -warnings-as-errors
ORIGIN ?=
BENCH ?=

.PHONY: help build run test unit rigs rigs-long lint format bench clean

help:
	@echo "make run                  show what Platter does, with a sample origin and a real player"
	@echo "make run ORIGIN=https://… serve a real origin"
	@echo "make test                 all checks and tests"
	@echo "make build                the release binary: .build/release/platter"
	@echo "make rigs-long            the rigs that take longer, with their figures"
	@echo "make bench                Platter beside nginx, Varnish and others; BENCH=--quick to try it"

build:
	@Scripts/bootstrap build
	swift build -c release --product platter $(SWIFT_FLAGS)
	swift build -c release --product PlatterSampleOrigin $(SWIFT_FLAGS)
	swift build -c release --product PlatterFuzz $(SWIFT_FLAGS)

run:
	@Scripts/bootstrap run
	@$(MAKE) --no-print-directory build
	@Scripts/demo $(ORIGIN)

test:
	@Scripts/bootstrap test
	@$(MAKE) --no-print-directory lint unit build rigs

lint:
	swift format lint --strict --parallel --recursive Package.swift Sources Tests Examples
	Scripts/tidy

unit:
	swift build --build-tests $(SWIFT_FLAGS)
	Scripts/unit $(SWIFT_FLAGS)

rigs:
	python3 Rigs/run.py short

rigs-long: build
	@Scripts/bootstrap test
	python3 Rigs/run.py long

bench: build
	@Scripts/bootstrap bench
	python3 Benchmarks/run.py $(or $(BENCH),--out docs/benchmarks)

format:
	swift format -i --parallel --recursive Package.swift Sources Tests Examples

clean:
	swift package clean
