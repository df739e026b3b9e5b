#!/usr/bin/env bash
# Which room may include which: every #include "..." of the project against the table below, and the libraries that some rooms
# must not know. Prints each forbidden line; exits 1 where there is one.
#   bash tests/include_rules.sh [ROOT]
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"

declare -A may_include=(
  [src/base]=""
  [src/mpi]="src/base"
  [src/dist]="src/mpi src/base"
  [src/kernels]="src/base"
  [src/dkm]="src/kernels src/base"
  [src/gram]="src/kernels src/dist src/mpi src/base"
  [solvers]="src/dkm src/gram src/kernels src/dist src/mpi src/base"
  [io]="src/dist src/mpi src/base"
  [jobs]="src/dkm src/gram src/kernels src/dist src/mpi src/base solvers io"
)
declare -A must_not_include=(
  [src/base]='mpi\.h|petsc.*|hdf5\.h|cblas\.h'
  [src/dist]='hdf5\.h'
  [src/kernels]='mpi\.h|petsc.*|slepc.*|hdf5\.h'
  [src/dkm]='mpi\.h|petsc.*|slepc.*|hdf5\.h'
  [src/gram]='petsc.*|hdf5\.h'
  [solvers]='hdf5\.h'
  [io]='petsc.*'
)

bad=0
report() {
  echo "$1"
  bad=1
}

for room in "${!may_include[@]}"; do
  while IFS=: read -r file line text; do
    [[ $text =~ \"([^\"]+)\" ]] && header=${BASH_REMATCH[1]}
    # Headers that a library's build makes, or Highway's own re-inclusion, name no room.
    [[ $header == */* ]] || continue
    [[ $header =~ ^(src/)?[^/]+ ]] && target=${BASH_REMATCH[0]}
    [[ $target == hwy || $target == "$room" || " ${may_include[$room]} " == *" $target "* ]] ||
      report "$file:$line: $room may not include $header"
  done < <(grep -rnE '^ *#include "' "$room" --include=*.hpp --include=*.cpp --include=*.inl || true)

  libraries=${must_not_include[$room]:-}
  [[ -n $libraries ]] || continue
  while IFS=: read -r file line text; do
    report "$file:$line: $room may not know this library: $text"
  done < <(grep -rnE "^ *#include <($libraries)>" "$room" || true)
done

# Libraries report to observers; only the program prints.
while IFS=: read -r file line text; do
  report "$file:$line: a library must not print: $text"
done < <(grep -rnE '\b(std::cout|std::cerr|printf|fmt::print|puts)\b *[(<]' src solvers io --include=*.hpp --include=*.cpp --include=*.inl || true)

exit $bad
