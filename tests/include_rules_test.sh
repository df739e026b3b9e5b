#!/usr/bin/env bash
# The include rules hold, and the script that says so sees each kind of breach.
#   bash tests/include_rules_test.sh ROOT
set -euo pipefail
root=$1
bash "$root/tests/include_rules.sh" "$root"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch"/{src/{base,mpi,dist,kernels,gram},solvers,io,jobs}
expect_breach() {
  echo "$2" >"$scratch/$1"
  if found=$(bash "$root/tests/include_rules.sh" "$scratch"); then
    echo "not seen: '$2' in $1" >&2
    exit 1
  fi
  [[ $found == "$1:1: "* ]] || { echo "wrong report: $found" >&2; exit 1; }
  rm "$scratch/$1"
}
bash "$root/tests/include_rules.sh" "$scratch"
expect_breach src/kernels/a.cpp '#include "src/mpi/communicator.hpp"'
expect_breach src/kernels/a.cpp '#include <mpi.h>'
expect_breach solvers/a.hpp '#include "io/gram_store.hpp"'
expect_breach io/a.cpp '#include "src/kernels/network.hpp"'
expect_breach src/gram/a.cpp '  fmt::print("hello");'
