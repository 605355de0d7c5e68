# scangate: the commands a person needs. `make help` lists them.
SHELL := /bin/bash
SWIFT_FLAGS := --explicit-target-dependency-import-check error
PACKAGES := $(shell grep -v '^\#' .ci/packages.txt)

.PHONY: help setup build debug test bench demo check-binary soak lint format

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## install what building needs (Debian packages; Swift itself must be there)
	@.ci/setup

build: setup ## the release binary: .build/release/scangate
	swift build -c release --static-swift-stdlib $(SWIFT_FLAGS) --product scangate
	swift build -c release --static-swift-stdlib $(SWIFT_FLAGS) --product tracetrack-sim

test: setup lint ## every test
	swift test $(SWIFT_FLAGS)

bench: setup ## figures beside those of bare loops: docs/benchmarks.md (ROWS="intake latency" for some of them)
	swift build -c release --static-swift-stdlib $(SWIFT_FLAGS) --product scangate
	swift build -c release --static-swift-stdlib $(SWIFT_FLAGS) --product tracetrack-sim
	swift build -c release --static-swift-stdlib $(SWIFT_FLAGS) --product scangate-bench
	.build/release/scangate-bench --about "$$(swift --version 2>/dev/null | head -1), commit $$(git describe --always \
	--dirty)" $(BENCH_FLAGS) $(ROWS)

lint: ## layout and naming rules, as errors
	swift format lint --strict --recursive Sources Tests Package.swift

format: ## lay the code out
	swift format --in-place --recursive Sources Tests Package.swift

demo: build ## two scanners, a backend that goes down, a daemon that is killed: nothing lost (about 20 s once built)
	python3 Tests/Demo/demo.py .build/release

check-binary: build ## the release binary links no Foundation, holds no ICU, and is small
	.ci/check-binary .build/release/scangate

soak: setup ## two thousand kills of daemon and backend (about ten minutes)
	SWIFT_BACKTRACE=enable=no SCANGATE_KILLS=1000 swift test $(SWIFT_FLAGS) --filter KillTests
