#!/usr/bin/env bash
# clang-tidy, with the checks of .clang-tidy, over the sources of src, solvers, io and jobs that the newest commits touched (a
# header counts for the source beside it); with --all over all of them, which takes a quarter of an hour on two cores.
#   bash tests/tidy.sh BUILD_FOLDER [--all]
set -euo pipefail
build=$(cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
commits=10
# shellcheck source=jobs/setup.sh
source jobs/setup.sh  # for widegram_processors
command -v clang-tidy >/dev/null || { echo "tidy: clang-tidy is not installed" >&2; exit 1; }

sources() { find src solvers io jobs -name '*.cpp' | sort; }
# A shallow clone has fewer commits; what has no history is checked as a whole.
touched() {
  local oldest
  oldest=$(git rev-list --max-count=$((commits + 1)) HEAD 2>/dev/null | tail -n 1) || true
  [[ -n $oldest ]] || { sources; return; }
  git diff --name-only "$oldest" -- src solvers io jobs | sed -n 's/\.[ch]pp$/.cpp/p' | sort -u |
    while read -r file; do [[ ! -f $file ]] || echo "$file"; done
}

mapfile -t files < <(if [[ ${2:-} == --all ]]; then sources; else touched; fi)
echo "tidy: ${#files[@]} sources"
[[ ${#files[@]} -gt 0 ]] || exit 0
# What it says on standard error is how many warnings of system headers it kept to itself.
printf '%s\0' "${files[@]}" | xargs -0 -P "$(widegram_processors)" -n 4 clang-tidy -p "$build" --quiet 2>/dev/null
