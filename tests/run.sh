#!/usr/bin/env bash
# Installs what is missing, builds everything and runs every test.
#   bash tests/run.sh [--long] [--no-install] [ctest options...]
#     --long        the long tests as well, and the benchmarks with the figures that they must reach
#     --no-install  say which packages are missing and stop
set -euo pipefail
# shellcheck source=jobs/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../jobs/setup.sh"

install=yes long=no
ctest_words=()
for word in "$@"; do
  case $word in
    --long) long=yes ;;
    --no-install) install=no ;;
    -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) ctest_words+=("$word") ;;
  esac
done

widegram_setup "$install" ON
cd "$widegram_build"
[[ $long == yes ]] || ctest_words+=(--label-exclude long)
ctest --output-on-failure --parallel "$(nproc)" --no-tests=error "${ctest_words[@]}"
[[ $long == yes ]] || exit 0

# Benchmarks are measured alone, on two ranks, as their figures say. All of them run, whatever the ones before came to.
missed=()
measure() {
  echo "== $* --check"
  mpirun -n 2 "$widegram_build/tests/bench/$1" "${@:2}" --check || missed+=("$*")
}
shopt -s nullglob
for bench in "$widegram_build"/tests/bench/bench_*; do
  [[ -x $bench && -f $bench ]] || continue
  measure "$(basename "$bench")"
done
measure bench_assembly --preset cntk-flatten --depth 21 --shape 3x32x32 --n 1000
[[ ${#missed[@]} -eq 0 ]] || { printf 'missed its figure: %s\n' "${missed[@]}"; exit 1; }
