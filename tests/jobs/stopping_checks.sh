# shellcheck shell=bash
# What the tests of stopped runs share; to be sourced with PROGRAM as first argument. Sets $program, and enters a scratch folder
# that goes away at the end. A run writes into log.txt.
set -euo pipefail
program=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
fail() { echo "$*"; cat log.txt; exit 1; }
wait_for() {
  local tries
  for ((tries = 0; tries < 300; ++tries)); do
    [[ ! -e $1 ]] || return 0
    sleep 0.1
  done
  fail "no $1 after 30 seconds"
}
expect_text() { grep -q "$1" log.txt || fail "lacks: $1"; }
