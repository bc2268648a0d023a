# Octofleet. Two commands do it all: `make demo` and `make test`; each sets up what it needs.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
PY := .venv/bin
CLUSTER ?= lab
NODES ?= 5
PATHS := operator bridge/octobridge bridge/engine/python wire load lab tests

.PHONY: help
help: ## List the commands
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' Makefile

.PHONY: setup
setup: ## Python environment and media engine
	@lab/bootstrap.sh

.PHONY: lab
lab: setup ## A real multi-node Kubernetes on this machine, with our images
	@if [ "$(CLUSTER)" = lab ]; then $(PY)/octolab up --nodes $(NODES); fi

# The scenario's cluster: the lab's kubeconfig, or nothing for the current context.
define on_cluster
	if [ "$(CLUSTER)" = lab ]; then where=(--kubeconfig "$$($(PY)/octolab kubeconfig)"); else where=(); fi
endef

.PHONY: demo
demo: lab ## The main job, live: grows, shrinks, drops nobody (CLUSTER=current: your kubecontext)
	@$(on_cluster)
	$(PY)/python -m octodemo demo "$${where[@]}"

.PHONY: check
check: setup ## Format, lint, types, architecture
	@$(PY)/ruff check $(PATHS)
	$(PY)/ruff format --check $(PATHS)
	$(PY)/lint-imports
	$(PY)/pyright
	cd bridge/engine
	cargo fmt --check
	cargo clippy --quiet --all-targets -- -D warnings

.PHONY: test-engine
test-engine: setup ## The engine's own tests (Rust)
	@cd bridge/engine
	cargo test --quiet --no-default-features

.PHONY: fuzz-quick
fuzz-quick: setup ## The fuzz targets, for a few seconds
	@$(PY)/python tests/bench/bench_fuzz.py --quick

.PHONY: test-fast
test-fast: setup ## Everything that needs no cluster
	@$(PY)/octolab provision --programs
	$(PY)/octolab need chromium
	$(PY)/pytest -m "not e2e" -q

.PHONY: test-e2e
test-e2e: lab ## Everything that needs a cluster, in the lab
	@$(PY)/octolab need chromium
	OCTOFLEET_KUBECONFIG="$$($(PY)/octolab kubeconfig)" $(PY)/pytest -m e2e -q --timeout=900

.PHONY: test
test: check test-engine fuzz-quick replay test-fast test-e2e prove-lab ## Every test

.PHONY: replay
replay: setup ## The recorded Colibri2 requests against our bridge
	@$(PY)/python tests/contract/replay.py

.PHONY: prove-browser
prove-browser: lab ## Real browsers on a bridge pod: layers, a cut line, messages, screen, ICE restart
	@$(PY)/octolab need chromium
	$(on_cluster)
	$(PY)/python -m octodemo browser "$${where[@]}"

.PHONY: prove-chaos
prove-chaos: lab ## Everything killed at random for ten minutes under calls (SEED=N: again)
	@$(on_cluster)
	$(PY)/python -m octodemo chaos "$${where[@]}" $(if $(SEED),--seed "$(SEED)")

.PHONY: prove-class
prove-class: lab ## A class of 120 on one small bridge, then with autoscaling and relays
	@$(on_cluster)
	$(PY)/python -m octodemo class "$${where[@]}"

.PHONY: prove-compare
prove-compare: setup ## Our decisions against other autoscalers' and an oracle's, on the same load
	@$(PY)/python -m octofleet.simulate.proofs compare

.PHONY: prove-doctor
prove-doctor: lab ## Each classic mistake, really made, is found by its name; health is no trouble
	@$(on_cluster)
	$(PY)/python -m octodemo doctor "$${where[@]}"

.PHONY: prove-drain
prove-drain: lab ## `kubectl drain` of a node with calls on it
	@$(on_cluster)
	$(PY)/python -m octodemo drain "$${where[@]}"

.PHONY: prove-fuzz
prove-fuzz: setup ## Everything that strangers reach, fed with garbage
	@$(PY)/python tests/bench/bench_fuzz.py

.PHONY: prove-labmatch
prove-labmatch: lab ## One workload on real bridges and in the simulator (WORKLOAD=FILE: another)
	@$(on_cluster)
	$(PY)/python -m octodemo labmatch "$${where[@]}" $(if $(WORKLOAD),--workload "$(WORKLOAD)")

.PHONY: prove-loss
prove-loss: setup ## A browser's call across a network that loses one packet in twenty
	@$(PY)/octolab provision --programs
	$(PY)/octolab need chromium
	$(PY)/python -m octodemo loss

.PHONY: prove-relay
prove-relay: setup ## One meeting on three bridges: packets counted on the wire between them
	@$(PY)/octolab provision --programs
	$(PY)/python -m octodemo relay

# Takes a lab away whatever comes, without a word unless something of it is left: the last line is
# the proof's.
define taken_away
	trap 'left="$$($(PY)/octolab down $(1) 2>&1)" || { echo "$$left" >&2; exit 1; }' EXIT
endef

# A lab of its own: three regions, far from one another.
WAN := --name wan
define on_wan
	$(call taken_away,$(WAN))
	$(PY)/octolab up $(WAN) --network 10.81.0.0/16 --nodes 3 --regions eu,us,asia \
	  --rtt eu-us=80ms,eu-asia=220ms,us-asia=150ms --loss eu-asia=0.5%
	where=(--kubeconfig "$$($(PY)/octolab kubeconfig $(WAN))")
endef

.PHONY: prove-regions
prove-regions: setup ## People in three regions, with bridges near them and with all in one region
	@$(on_wan)
	$(PY)/python -m octodemo regions "$${where[@]}"

.PHONY: prove-regionloss
prove-regionloss: setup ## All bridges of one region killed at once
	@$(on_wan)
	$(PY)/python -m octodemo regionloss "$${where[@]}"

.PHONY: prove-restart
prove-restart: lab ## The operator killed 20 times at random
	@$(on_cluster)
	$(PY)/python -m octodemo restart "$${where[@]}"

.PHONY: prove-crashpoints
prove-crashpoints: lab ## The operator killed after each single write of its steps
	@$(on_cluster)
	$(PY)/python -m octodemo crashpoints "$${where[@]}"

.PHONY: prove-upgrade
prove-upgrade: lab ## Bridges change their version under 40 people; a broken version goes back
	@$(on_cluster)
	$(PY)/python -m octodemo upgrade "$${where[@]}"

.PHONY: prove-twocluster
prove-twocluster: lab ## One platform on two Kubernetes: a region joins, is evacuated, its link breaks
	@$(call taken_away,--name octoc)
	$(PY)/octolab up --name octoc --network 10.80.0.0/16 --nodes 2
	$(PY)/python -m octodemo twocluster --home octo --far octoc

.PHONY: prove-hpa
prove-hpa: lab ## A real HorizontalPodAutoscaler on a region
	@$(on_cluster)
	$(PY)/python -m octodemo hpa "$${where[@]}"

.PHONY: prove-setups
prove-setups: setup ## What one small bridge, five, and three regions of them hold
	@$(PY)/octolab provision --programs
	$(PY)/python -m octodemo setups

.PHONY: prove-soak
prove-soak: setup ## People join and leave a bridge at 50/s for ten minutes
	@$(PY)/octolab provision --programs
	$(PY)/python tests/bench/bench_soak.py

.PHONY: prove-load
prove-load: setup ## Twenty calls of ten on two cores, load included
	@$(PY)/python tests/bench/bench_load.py

.PHONY: prove-peers
prove-peers: setup ## CPU per forwarded packet beside Janus, LiveKit and pion
	@$(PY)/python tests/bench/bench_peers.py

.PHONY: prove-week
prove-week: setup ## A million joins on two hundred bridges, simulated on one core
	@$(PY)/python -m octofleet.simulate.proofs week

.PHONY: prove-lab
prove-lab: lab ## `octolab down` leaves nothing
	@$(PY)/octolab down

.PHONY: clean-lab
clean-lab: ## Take the lab away, whatever state it is in
	@if [ -x $(PY)/octolab ]; then $(PY)/octolab down; fi

.PHONY: bench-engine
bench-engine: setup ## CPU per forwarded packet: bare loop, engine, whole bridge
	@$(PY)/python tests/bench/bench_engine.py

PROOFS := replay bench-engine prove-peers prove-load prove-soak prove-fuzz prove-compare prove-week \
  prove-loss prove-relay prove-setups prove-browser prove-doctor prove-drain prove-regions prove-regionloss prove-restart \
  prove-upgrade prove-crashpoints prove-hpa prove-class prove-twocluster prove-labmatch prove-chaos demo prove-lab

.PHONY: prove
prove: $(PROOFS) ## Every proof

.PHONY: format
format: setup ## Format everything
	@$(PY)/ruff check --fix $(PATHS)
	$(PY)/ruff format $(PATHS)
	cd bridge/engine && cargo fmt
