#!/usr/bin/env bash
# A run that is asked to stop, in every way there is, ends with 75 and its work saved; the end is that of a run that nobody
# stopped; and two runs do not work in one folder.
# Usage: stopping.sh PROGRAM SOURCE_FOLDER
# shellcheck source=tests/jobs/stopping_checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/stopping_checks.sh"
cat >job.toml <<'E2'
output = "out"
[data]
train = "digits:train[:900]"
test = "digits:test[:100]"
[kernel]
preset = "cntk-gap"
depth = 10
precision = "float64"
[gram]
tile = 16
E2
records() { "$program" inspect "$1/gram.h5" --json | grep -A9 '"tiles"' | grep checksum; }
done_tiles() { "$program" inspect out/gram.h5 --json | grep -A3 '"/train"' | grep '"done"' | tr -dc 0-9; }
# start RANKS OPTION...: in the background, until its first tiles are saved.
start() {
  local ranks=$1 before=0
  shift
  [[ ! -e out/gram.h5 ]] || before=$(done_tiles)
  mpirun -n "$ranks" "$program" gram job.toml --quiet "$@" >log.txt 2>&1 &
  launcher=$!
  for ((wait = 0; wait < 200; ++wait)); do
    sleep 0.1
    [[ -e out/gram.h5 ]] && (($(done_tiles) > before)) && return
  done
  fail "no tile was saved in 20 seconds"
}
# expect CODE: of the run in the background, within ten seconds, with more tiles than before.
expect() {
  local code=0 begun=$SECONDS
  wait $launcher || code=$?
  [[ $code == "$1" ]] || fail "exit code $code in place of $1"
  ((SECONDS - begun <= 10)) || fail "it took $((SECONDS - begun)) seconds to stop"
  "$program" verify out/gram.h5 >verify.txt || fail "a broken file"
}

start 2
mpirun -n 1 "$program" gram job.toml --quiet >second.txt 2>&1 && fail "a second run was let into the folder"
grep -q "out: another run is at work in this folder (process" second.txt || { cat second.txt; exit 1; }
kill -USR1 $launcher
wait $launcher || [[ $? == 75 ]] || fail "exit code after USR1"
expect_text "stopped early (signal USR1): gram: .* tiles computed and saved; run the same command again to go on"
[[ $(wc -l <log.txt) == 1 ]] || fail "more than one message"
grep -q '"stopped": "stopped early (signal USR1)' out/metrics.json || fail "metrics.json does not say so"

start 3
touch out/stop
expect 75
before=$(done_tiles)
code=0
mpirun -n 2 "$program" gram job.toml --quiet >log.txt 2>&1 || code=$?
[[ $code == 75 && $(done_tiles) == "$before" ]] || fail "went on in spite of the stop file: $code"
expect_text "out/stop is there: remove it to go on"
rm out/stop

# By the launcher, which leaves two seconds and then says 1; and one rank alone by its batch system.
start 2
kill -TERM $launcher
expect 1
start 1
kill -INT "$(pgrep -P $launcher | head -1)"
expect 75
start 1
kill -TERM "$(pgrep -P $launcher | head -1)"
expect 75
expect_text "stopped early (signal TERM)"

code=0
mpirun -n 2 "$program" gram job.toml --quiet --walltime 3s >log.txt 2>&1 || code=$?
[[ $code == 75 ]] || fail "exit code $code at the time limit"
expect_text "stopped early (time limit): .* tiles computed and saved"

mpirun -n 4 "$program" gram job.toml --quiet || fail "the end"
mpirun -n 2 "$program" gram job.toml --quiet --set output=untouched || fail "the untouched run"
[[ $(records out) == "$(records untouched)" ]] || fail "other bits: $(records out), $(records untouched)"
echo "stopped by USR1, a stop file, TERM, INT and the time limit: same bits"
