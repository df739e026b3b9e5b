#!/usr/bin/env bash
# The program on damaged Gram files: `verify` names the damage, `gram` mends what it can and refuses the rest with one message,
# and no damage ends a program by a signal.
# Usage: damaged_files.sh PROGRAM SOURCE_FOLDER
source "$(dirname "${BASH_SOURCE[0]}")/program_checks.sh"
cat >job.toml <<'E2'
output = "run"
[data]
train = "digits:train[:200]"
test = "digits:test[:40]"
[kernel]
preset = "dense"
[gram]
tile = 16
E2
tiles() { "$program" inspect "$1" --json | grep -A13 '"tiles"' | grep -E 'done|all|checksum'; }
"$program" gram job.toml --quiet --set output=whole
mkdir run
bytes=$(stat -c %s whole/gram.h5)
RANDOM=${SEED:-3}
# pick END: a random $place below it. Not in a subshell, which would leave the next one the same.
pick() { place=$(((RANDOM << 15 | RANDOM) % $1)); }
# overwrite PLACE COUNT SOURCE: in the copy.
overwrite() { dd if="$3" of=run/gram.h5 bs=1 seek="$1" count="$2" conv=notrunc status=none; }

# --- A tile of each matrix: the last chunks of the file are the test block, before them lies the Gram, 13 x 13 squares of 1 kB.
for ranks in 1 3; do
  cp whole/gram.h5 run
  overwrite $((bytes - 1024 - 100)) 30 /dev/urandom
  overwrite $((bytes - (3 * 13 + 6) * 1024 - 100)) 8 /dev/urandom
  overwrite $((bytes - (3 * 13 + 13) * 1024)) 1024 /dev/urandom
  start $ranks verify run/gram.h5 >out 2>err && fail "$ranks ranks: damage was not found" || code=$?
  [[ $code == 5 && $(grep -c '^  tile (' out) == 3 ]] || fail "exit code $code, other than three tiles:"
  start $ranks gram job.toml --quiet >out 2>err || fail "$ranks ranks: it was not mended:"
  grep -q '"reused_entries": 20100' run/metrics.json && fail "$ranks ranks: damaged tiles were reused"
  start $ranks verify run/gram.h5 >out 2>err || fail "$ranks ranks: damage is left:"
  cmp -s run/gram.h5 whole/gram.h5 || [[ $(tiles run/gram.h5) == "$(tiles whole/gram.h5)" ]] || fail "$ranks ranks: other bits"
done

# --- Anything: the program says good and is right, or bad.
declare -A seen
for ((k = 0; k < 12; ++k)); do
  cp whole/gram.h5 run
  pick "$bytes"
  case $((k % 6)) in
    0) what="a piece of seal or structure" && pick 16384 && overwrite $place 8 /dev/urandom ;;
    1) what="a piece of the tiles" && pick $(((13 * 13 + 3 * 13) * 1024 - 8)) && overwrite $((bytes - 8 - place)) 8 /dev/urandom ;;
    2) what="a cut" && truncate -s $place run/gram.h5 ;;
    3) what="zeros" && overwrite $((place / 4096 * 4096)) 4096 /dev/zero && truncate -s "$bytes" run/gram.h5 ;;
    4) what="appended bytes" && head -c $((1 + RANDOM)) /dev/urandom >>run/gram.h5 ;;
    5) what="the first page and more" && pick 4096 && overwrite 0 4096 /dev/urandom && overwrite $((4096 + place)) 64 /dev/urandom ;;
  esac
  codes=
  for words in "inspect run/gram.h5" "verify run/gram.h5" "gram job.toml --quiet" "verify run/gram.h5"; do
    code=0
    # shellcheck disable=SC2086
    start 1 $words >out 2>err || code=$?
    codes+="$code "
  done
  seen[$codes]=$((${seen[$codes]:-0} + 1))
  case $codes in
    "0 0 0 0 ") cmp -s run/gram.h5 whole/gram.h5 || [[ $(tiles run/gram.h5) == "$(tiles whole/gram.h5)" ]] || fail "$k ($what): good and not as it was" ;;
    "0 5 0 0 ") [[ $(tiles run/gram.h5) == "$(tiles whole/gram.h5)" ]] || fail "$k ($what): mended to other bits" ;;
    "0 5 5 5 " | "5 5 5 5 ") ;;
    *) fail "$k ($what): exit codes $codes" ;;
  esac
done
for codes in "${!seen[@]}"; do echo "${seen[$codes]} files: exit codes of inspect, verify, gram, verify: $codes"; done
exit $((failures > 0))
