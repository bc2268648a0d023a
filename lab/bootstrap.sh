#!/usr/bin/env bash
# Set up everything Octofleet's commands need, step by step: Python environment and engine.
# Idempotent and cached: a step whose inputs haven't changed costs nothing.
# The lab's own tools (Kubernetes, images) are `octolab provision`'s, which `octolab up` runs.
set -euo pipefail
cd "$(dirname "$0")/.."
CACHE=${OCTOFLEET_CACHE:-$HOME/.cache/octofleet}
mkdir -p "$CACHE"
export UV_PYTHON_DOWNLOADS=never
export CARGO_TERM_COLOR=never

give_up() { echo "octofleet: $*" >&2; exit 2; }

# at_least WANTED FOUND: is version FOUND at least WANTED?
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n1)" = "$1" ]; }

# step NAME COMMAND…: run quietly, print name and time; show the output only if it fails.
step() {
  local name=$1 start=$SECONDS log
  shift
  log=$(mktemp)
  printf '  %-44s' "$name"
  if "$@" >"$log" 2>&1; then
    printf 'done %4ds\n' $((SECONDS - start))
    rm -f "$log"
  else
    printf 'FAILED after %ds\n' $((SECONDS - start))
    tail -n 40 "$log" >&2
    rm -f "$log"
    exit 1
  fi
}

# cached NAME STAMP KEY COMMAND…: skip the step when STAMP already holds KEY.
cached() {
  local name=$1 stamp=$2 key=$3
  shift 3
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$key" ]; then
    printf '  %-44scached\n' "$name"
  else
    step "$name" "$@"
    printf '%s' "$key" >"$stamp"
  fi
}

key_of() { cat "$@" | sha256sum | cut -c1-32; }

debian() {
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

need_debian() {
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null || give_up "needs ${missing[*]}: install them with your system's package manager, then run this again"
  [ "$(id -u)" = 0 ] || give_up "needs root to install ${missing[*]}: run 'sudo apt-get install ${missing[*]}', then this again"
  step "Debian packages: ${missing[*]}" debian "${missing[@]}"
}

check_tools() {
  command -v cargo >/dev/null && command -v rustc >/dev/null ||
    give_up "needs Rust 1.85 or newer for the media engine: install it with rustup, put cargo on the PATH, then run this again"
  at_least 1.85.0 "$(rustc --version | awk '{print $2}')" ||
    give_up "found Rust $(rustc --version | awk '{print $2}'), needs 1.85 or newer: run 'rustup update stable', then this again"
  command -v go >/dev/null ||
    give_up "needs Go 1.24 or newer to link the lab's Kubernetes: install Go, put it on the PATH, then run this again"
  at_least 1.24 "$(go env GOVERSION | sed 's/^go//')" ||
    give_up "found Go $(go env GOVERSION), needs go1.24 or newer: upgrade Go, then run this again"
}

find_python() {
  for candidate in python3.13 python3.12 python3.11 python3; do
    command -v "$candidate" >/dev/null || continue
    "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    "$candidate" -c 'import sys; print(sys.executable)'
    return
  done
}

install_uv() {
  "$PYTHON" -m venv --clear "$CACHE/uv"
  "$CACHE/uv/bin/pip" install --quiet 'uv>=0.8'
}

install_dependencies() {
  [ -x .venv/bin/python ] || "$UV" venv --python "$PYTHON" .venv
  "$UV" pip sync --python .venv/bin/python --require-hashes requirements.lock
  rm -f "$CACHE/$HERE.project"
}

install_project() {
  "$UV" pip install --python .venv/bin/python --no-deps -e . -e bridge/engine
}

need_debian python3 python3-venv git make gcc prosody iproute2 procps
check_tools
PYTHON=$(find_python)
[ -n "$PYTHON" ] || give_up "needs Python 3.11 or newer with venv: install python3 and python3-venv, then run this again"
UV="$CACHE/uv/bin/uv"
HERE=$(pwd | sha256sum | cut -c1-12)
if [ -x "$UV" ]; then printf '  %-44scached\n' "uv"; else step "uv" install_uv; fi
[ -x .venv/bin/python ] || rm -f "$CACHE/$HERE.dependencies" "$CACHE/$HERE.project"
cached "Python dependencies" "$CACHE/$HERE.dependencies" "$(key_of requirements.lock)" install_dependencies
ls bridge/engine/python/octoengine/_native*.so >/dev/null 2>&1 || rm -f "$CACHE/$HERE.project"
mapfile -t engine < <(find bridge/engine/src -name '*.rs' | sort)
cached "Octofleet and its media engine (Rust)" "$CACHE/$HERE.project" \
  "$(key_of pyproject.toml bridge/engine/pyproject.toml bridge/engine/Cargo.toml bridge/engine/Cargo.lock "${engine[@]}")" install_project
