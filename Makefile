# scangate: the commands a person needs. `make help` lists them.
SHELL := /bin/bash
SWIFT_FLAGS := --explicit-target-dependency-import-check error
PACKAGES := $(shell grep -v '^\#' .ci/packages.txt)

.PHONY: help setup build debug test bench demo check-binary soak lint format install uninstall test-service test-devices \
	test-power test-network test-tsan fuzz

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## install what building needs (Debian packages; Swift itself must be there)
	@.ci/setup

build: setup ## the release binary: .build/release/scangate
	swift build -c release --static-swift-stdlib $(SWIFT_FLAGS) --product scangate
	swift build -c release --static-swift-stdlib $(SWIFT_FLAGS) --product tracetrack-sim

test: setup lint ## every test but those that want the machine for themselves (make test-network)
	swift test $(SWIFT_FLAGS) --skip NetworkTests --skip OutageDrainTests $(TEST_FLAGS)

bench: setup ## figures beside those of bare loops: docs/benchmarks.md (ROWS="intake latency" for some of them)
	swift build -c release --static-swift-stdlib $(SWIFT_FLAGS) --product scangate
	swift build -c release --static-swift-stdlib $(SWIFT_FLAGS) --product tracetrack-sim
	swift build -c release --static-swift-stdlib $(SWIFT_FLAGS) --product scangate-bench
	.build/release/scangate-bench --about "$$(swift --version 2>/dev/null | head -1), commit $$(git describe --always \
	--dirty)" $(BENCH_FLAGS) $(ROWS)

FUZZ_SECONDS := 600
fuzz: setup ## inputs made by libFuzzer for the parsers of what strangers send, ten minutes each (FUZZ_SECONDS=60)
	Tests/Fuzz/run $(FUZZ_SECONDS) $(FUZZ)

test-tsan: setup ## the tests under the thread sanitizer, about twenty minutes (MODULES="SpoolTests GatewayTests")
	Tests/ThreadSanitizer/run $(MODULES)

lint: ## layout and naming rules, as errors
	swift format lint --strict --recursive Sources Tests Package.swift

format: ## lay the code out
	swift format --in-place --recursive Sources Tests Package.swift

demo: build ## two scanners, a backend that goes down, a daemon that is killed: nothing lost (about 20 s once built)
	python3 Tests/Demo/demo.py .build/release

check-binary: build ## the release binary links no Foundation, holds no ICU, and is small
	.ci/check-binary .build/release/scangate

KILL_MINUTES := 30
soak: setup ## half an hour of kills of daemon, backend, broker and relay, alone and together (KILL_MINUTES=10)
	SWIFT_BACKTRACE=enable=no SCANGATE_KILL_MINUTES=$(KILL_MINUTES) swift test $(SWIFT_FLAGS) --filter KillTests.KillTests

test-network: setup ## a long day of bad networks, and a million scans that wait after an outage (root for namespaces)
	SCANGATE_TROUBLES=200 swift test $(SWIFT_FLAGS) --filter NetworkTests
	SCANGATE_BACKLOG=1000000 swift test $(SWIFT_FLAGS) --filter OutageDrainTests

PREFIX := /usr
BINDIR := $(PREFIX)/bin
LIBDIR := $(PREFIX)/lib
SHAREDIR := $(PREFIX)/share

install: ## binary, unit, udev rules, first configuration and key (root; DESTDIR=DIR: files only, anybody)
	@test -x .build/release/scangate || { echo "no .build/release/scangate: run make build first" >&2; exit 1; }
	@[[ -n "$(DESTDIR)" || $$(id -u) -eq 0 ]] || { echo "make install needs root, or DESTDIR=DIR" >&2; exit 1; }
	install -D -m 755 -s .build/release/scangate "$(DESTDIR)$(BINDIR)/scangate"
	install -D -m 755 systemd/post-install "$(DESTDIR)$(LIBDIR)/scangate/post-install"
	install -D -m 644 systemd/scangate.service "$(DESTDIR)$(LIBDIR)/systemd/system/scangate.service"
	install -D -m 644 systemd/scangate-relay.service "$(DESTDIR)$(LIBDIR)/systemd/system/scangate-relay.service"
	sed -i 's,=/usr/bin/scangate,=$(BINDIR)/scangate,; s,///usr/share,//$(SHAREDIR),' \
	  "$(DESTDIR)$(LIBDIR)/systemd/system/scangate.service" "$(DESTDIR)$(LIBDIR)/systemd/system/scangate-relay.service"
	install -D -m 644 systemd/scangate.sysusers.conf "$(DESTDIR)$(LIBDIR)/sysusers.d/scangate.conf"
	install -D -m 644 systemd/scangate.tmpfiles.conf "$(DESTDIR)$(LIBDIR)/tmpfiles.d/scangate.conf"
	sed -i 's,/usr/share,$(SHAREDIR),' "$(DESTDIR)$(LIBDIR)/tmpfiles.d/scangate.conf"
	@# udev rules name the group scangate: it has to be there before udev finds them.
	@[[ -n "$(DESTDIR)" ]] || systemd-sysusers "$(LIBDIR)/sysusers.d/scangate.conf"
	install -D -m 644 -t "$(DESTDIR)$(LIBDIR)/udev/rules.d" devices/60-scangate.rules devices/72-scangate-seat.rules
	install -D -m 644 -t "$(DESTDIR)$(SHAREDIR)/scangate/devices" devices/*.toml
	install -D -m 644 systemd/scangate.toml "$(DESTDIR)$(SHAREDIR)/scangate/scangate.toml"
	@[[ "$(SHAREDIR)" == /usr/share ]] || sed -i 's,^# \(profiles = \["\)/usr/share,\1$(SHAREDIR),' "$(DESTDIR)$(SHAREDIR)/scangate/scangate.toml"
	install -D -m 644 -t "$(DESTDIR)$(SHAREDIR)/doc/scangate" docs/install.md docs/scanners.md docs/signals.md docs/configuration.md docs/sample/scangate.toml docs/sample/relay.toml
	@if [[ ! -e "$(DESTDIR)/etc/scangate/scangate.toml" ]]; then \
	  install -D -m 640 "$(DESTDIR)$(SHAREDIR)/scangate/scangate.toml" "$(DESTDIR)/etc/scangate/scangate.toml"; fi
	@if [[ -n "$(DESTDIR)" ]]; then echo "on the target, as root: $(LIBDIR)/scangate/post-install"; \
	  else "$(LIBDIR)/scangate/post-install"; echo "next: $(SHAREDIR)/doc/scangate/install.md"; fi

uninstall: ## all of that but configuration, keys, state, user and group
	@[[ -n "$(DESTDIR)" ]] || { [[ $$(id -u) -eq 0 ]] && { systemctl disable --now scangate scangate-relay 2>/dev/null || true; }; }
	rm -f "$(DESTDIR)$(BINDIR)/scangate" "$(DESTDIR)$(LIBDIR)/systemd/system/scangate.service" \
	  "$(DESTDIR)$(LIBDIR)/systemd/system/scangate-relay.service" \
	  "$(DESTDIR)$(LIBDIR)/sysusers.d/scangate.conf" "$(DESTDIR)$(LIBDIR)/tmpfiles.d/scangate.conf" \
	  "$(DESTDIR)$(LIBDIR)/udev/rules.d/60-scangate.rules" "$(DESTDIR)$(LIBDIR)/udev/rules.d/72-scangate-seat.rules"
	rm -rf "$(DESTDIR)$(LIBDIR)/scangate" "$(DESTDIR)$(SHAREDIR)/scangate" "$(DESTDIR)$(SHAREDIR)/doc/scangate"
	@[[ -n "$(DESTDIR)" || ! -d /run/systemd/system ]] || systemctl daemon-reload
	@echo "kept: $(DESTDIR)/etc/scangate (configuration, keys), $(DESTDIR)/var/lib/scangate (scans), user and group scangate"

test-service: ## the unit in a systemd container (root only; make build first)
	@Tests/Service/run

test-devices: build ## the daemon and the kernel's own drivers in a virtual machine (root only; SHORT=1: a few minutes; CHECKS="name name")
	@Tests/Devices/run $(if $(SHORT),,--long) $(CHECKS)

POINTS := 300
test-power: build ## the power cut at 300 moments, every acknowledged scan there afterwards (root only; POINTS=60)
	@Tests/PowerLoss/run .build/release --points $(POINTS) $(POWER_FLAGS)
