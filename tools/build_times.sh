#!/usr/bin/env bash
# build_times.sh: times the builds that CONTRIBUTING.md names, without ccache, in a folder of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
build=build/times
jobs=$(nproc)

timed() {  # LABEL COMMAND...
  local label=$1 begin=$EPOCHREALTIME
  shift
  "$@" >/dev/null
  awk -v label="$label" -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN {printf "%-40s %6.1f s\n", label, b - a}'
}

build_all() { cmake --build "$build" --target crumb unit_tests -j "$jobs"; }
configure() {
  cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCRUMB_CCACHE=OFF
}
build_after_change_of() {  # FILE: as if it had been edited
  touch "$1"
  build_all
}

rm -rf "$build"
grep -m1 'model name' /proc/cpuinfo | cut -d: -f2- | xargs echo "machine:"
echo "CPUs: $jobs"
timed "configure" configure
timed "clean build with tests" build_all
timed "rebuild after one kernel's source" build_after_change_of src/kernels/matmul_avx512.cc
timed "rebuild after one command" build_after_change_of src/cli/study_command.cc
timed "rebuild with nothing changed" build_all
