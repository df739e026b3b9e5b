#!/usr/bin/env bash
# The program as a user starts it: exit codes, and one message for all ranks.
# Usage: command_line.sh PROGRAM SOURCE_FOLDER
set -euo pipefail
program=$1
source=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
failures=0

# start RANKS WORDS...: one rank starts the way it does without a launcher.
start() {
  local ranks=$1
  shift
  if [[ $ranks == 1 ]]; then "$program" "$@"; else mpirun -n "$ranks" "$program" "$@"; fi
}

# expect RANKS CODE PATTERN WORDS...: the exit code, and the one line on standard error that matches the pattern.
expect() {
  local ranks=$1 code=$2 pattern=$3 got=0
  shift 3
  start "$ranks" "$@" >out 2>err || got=$?
  local lines
  lines=$(wc -l <err)
  if [[ $got != "$code" || $lines != 1 ]] || ! grep -qE "^widegram: error: .*$pattern" err; then
    echo "FAILED: $ranks ranks: widegram $*: exit code $got (expected $code), $lines lines (expected 1 with '$pattern'):"
    cat err
    failures=$((failures + 1))
  fi
}

# works RANKS PATTERN WORDS...: exit code 0 and a line on standard output that matches, once.
works() {
  local ranks=$1 pattern=$2 got=0
  shift 2
  start "$ranks" "$@" >out 2>err || got=$?
  if [[ $got != 0 || $(grep -cE "$pattern" out) != 1 ]]; then
    echo "FAILED: $ranks ranks: widegram $*: exit code $got, expected 0 and one line with '$pattern':"
    cat out err
    failures=$((failures + 1))
  fi
}

printf 'data.train = "digits"\nkernel.preset = "dense"\nsolve.rigde = 1\n' >wrong.toml
printf 'data.train = "digits"\nkernel.preset = "dense"\n' >right.toml
printf 'not a result' >notes.txt

for ranks in 1 3; do
  expect $ranks 2 "unknown command 'rnu'; did you mean 'run'" rnu right.toml
  expect $ranks 2 "wrong.toml:3: unknown key 'solve.rigde'; did you mean 'ridge'" run wrong.toml
  expect $ranks 2 "missing.toml: cannot read" gram missing.toml
  expect $ranks 2 "\-\-set gram.tile=x: gram.tile must be an integer" solve right.toml --set gram.tile=x
  expect $ranks 2 "not expected: --nonsense" predict right.toml --nonsense
  expect $ranks 2 "'dkm' comes with a later version" dkm right.toml
  expect $ranks 5 "notes.txt" verify notes.txt
  expect $ranks 5 "nothing.h5" inspect nothing.h5
  expect $ranks 5 "no metrics.json" report .
done

works 3 "^widegram [0-9]+\.[0-9]+" --version
works 3 "^First steps:" --help
works 3 "^# Job files" --help-job
works 2 "^ok +ranks +2 joined" doctor
OMPI_COMM_WORLD_SIZE='' SLURM_NTASKS=4 "$program" doctor >out 2>err && got=0 || got=$?
if [[ $got != 2 ]] || ! grep -q "^FAIL  ranks" out; then
  echo "FAILED: doctor did not notice four programs of one rank each (exit code $got)"
  cat out err
  failures=$((failures + 1))
fi
"$program" --help-job | cmp -s - "$source/jobs/README.md" || {
  echo "FAILED: jobs/README.md is not what --help-job prints"
  failures=$((failures + 1))
}
exit $((failures > 0))
