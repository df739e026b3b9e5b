# What the tests of the program share; to be sourced with PROGRAM SOURCE_FOLDER as arguments. Sets $program and
# $source, and enters a scratch folder that goes away at the end. Every failed check counts in $failures.
set -euo pipefail
program=$1
source=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
failures=0
# shellcheck source=jobs/setup.sh
source "$source/jobs/setup.sh"
processors=$(widegram_processors)

# needs_python MODULE...: sets $python to one that has them (Debian's where the first in the path does not); the test is
# skipped (77) where there is none.
needs_python() {
  local modules
  modules=$(IFS=,; echo "$*")
  for python in ${WIDEGRAM_PYTHON:-python3 /usr/bin/python3}; do
    ! "$python" -c "import $modules" 2>/dev/null || return 0
  done
  echo "skipped: no Python here has $modules"
  exit 77
}

# start RANKS WORDS...: one rank starts the way it does without a launcher.
start() {
  local ranks=$1
  shift
  if [[ $ranks == 1 ]]; then "$program" "$@"; else mpirun -n "$ranks" "$program" "$@"; fi
}

# fail TEXT: counts it, and shows what the program has said.
fail() {
  echo "FAILED: $1"
  cat out err
  failures=$((failures + 1))
}

# told: number of lines on standard error. Those of Open MPI's own on a write that the system has refused do not count:
# nothing but turning its other messages off as well would silence them.
told() { grep -cvE '^mca_fbtl_posix_i?pwritev: ' err || true; }

# fails CODE PATTERN COMMAND...: the exit code, and one line on standard error, which matches the pattern.
fails() {
  local code=$1 pattern=$2 got=0
  shift 2
  "$@" >out 2>err || got=$?
  [[ $got == "$code" && $(told) == 1 ]] && grep -qE "^widegram: error: .*$pattern" err ||
    fail "$*: exit code $got (expected $code), $(told) lines on standard error (expected 1 with '$pattern'):"
}

# expect RANKS CODE PATTERN WORDS...: the program fails on so many ranks.
expect() {
  local ranks=$1 code=$2 pattern=$3
  shift 3
  fails "$code" "$pattern" start "$ranks" "$@"
}

# works RANKS PATTERN WORDS...: exit code 0 and one line on standard output that matches.
works() {
  local ranks=$1 pattern=$2 got=0
  shift 2
  start "$ranks" "$@" >out 2>err || got=$?
  [[ $got == 0 && $(grep -cE "$pattern" out) == 1 ]] ||
    fail "$ranks ranks: widegram $*: exit code $got, expected 0 and one line with '$pattern':"
}
