#!/usr/bin/env bash
# jobs/resume.sh: it brings a job to its end through kills of ranks and launcher at random moments, stops where it is asked to,
# and does not start for ever what cannot end.
# Usage: resume_test.sh PROGRAM SOURCE_FOLDER
set -euo pipefail
program=$1
resume=$2/jobs/resume.sh
export WIDEGRAM_PROGRAM=$program
scratch=$(mktemp -d)
supervisor=''
clean_up() {
  local code=$?
  if [[ -n $supervisor ]]; then kill -TERM "$supervisor" 2>/dev/null || true; fi
  wait
  [[ $code == 0 ]] || tail -n 30 "$scratch"/*.log
  rm -rf "$scratch"
}
trap clean_up EXIT
cd "$scratch"
RANDOM=${SEED:-1}

fail() { echo "FAILED: $1"; exit 1; }
inspect() { "$program" inspect --json "$1/gram.h5" 2>/dev/null; }
content() { inspect "$1" | grep '"checksum":'; }
saves() { inspect "$1" | grep -q '"done": [1-9]'; }
says() { grep -qsE "$2" "$1" || fail "$1 does not say '$2'"; }
# within SECONDS COMMAND...
within() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.1
  done
}
# start LOG WORDS...: resume.sh in the background.
start() {
  local log=$1
  shift
  bash "$resume" job.toml --command gram "$@" >"$log" 2>&1 &
  supervisor=$!
}
# ends CODE WHAT
ends() {
  local got=0
  wait "$supervisor" || got=$?
  supervisor=''
  [[ $got == "$1" ]] || fail "$2: exit code $got, expected $1"
}
launcher() { pgrep -P "$supervisor" mpirun; }

cat >job.toml <<E2
output = "killed"
[data]
train = "digits:train[:400]"
[kernel]
preset = "cntk-gap"
depth = 10
precision = "float64"
[gram]
tile = 16
checkpoint_every = "100ms"
E2
mpirun -n 2 "$program" gram job.toml --quiet --set output=untouched

# kill_one VICTIM: after a random time, whatever the run is doing by then. 1: there was nothing left to kill.
kill_one() {
  local launcher_id victims=()
  started() { launcher >/dev/null || ! kill -0 "$supervisor" 2>/dev/null; }
  within 60 started || fail "killed: nothing is started again"
  launcher_id=$(launcher) || return 1
  sleep "$((RANDOM % 2)).$((5 + RANDOM % 5))"
  mapfile -t victims < <(pgrep -P "$launcher_id" || true)
  case $1 in
    rank) victims=("${victims[@]:RANDOM % 3:1}") ;;
    launcher) victims=("$launcher_id") ;;
  esac
  kill -KILL "${victims[@]}" 2>/dev/null || return 1
  gone() { ! kill -0 "$launcher_id" 2>/dev/null; }
  within 20 gone || fail "the launcher outlives the kill of its $1"
}

start killed.log -n 3
for victim in rank launcher ranks rank launcher; do
  until kill_one $victim; do
    # It was done before its turn came: once more, from the start.
    ends 0 "killed run"
    rm -rf killed
    start killed.log -n 3
  done
done
ends 0 "killed run"
[[ -n $(content untouched) && $(content killed) == "$(content untouched)" ]] || fail "killed: other bits than untouched"
"$program" verify killed/gram.h5 >verify.log || fail "killed/gram.h5 is damaged"
echo "ok: five kills, same bits"

start stopped.log -n 2 -- --set output=stopped
within 20 saves stopped || fail "stopped: nothing is saved"
touch stopped/stop
ends 75 "stop file"
says stopped.log "stopped by stopped/stop"
start again.log -n 2 -- --set output=stopped
ends 75 "stop file at the start"
rm stopped/stop
echo "ok: a stop file ends it, with exit code 75"

start terminated.log -n 2 -- --set output=stopped
within 20 launcher >/dev/null || fail "terminated: nothing was started"
kill -TERM "$supervisor"
ends 143 "SIGTERM"
start usr1.log -n 2 -- --set output=stopped
within 20 grep -qs samples usr1.log || fail "usr1: nothing was started"
kill -USR1 "$supervisor"
ends 75 "SIGUSR1"
says usr1.log "signal USR1"
start finished.log -n 2 -- --set output=stopped
ends 0 "what was stopped"
[[ $(content stopped) == "$(content untouched)" ]] || fail "stopped: other bits than untouched"
echo "ok: signals are passed on"

start wrong.log -n 2 -- --set kernel.depht=3
ends 2 "unknown key"
[[ $(grep -c 'unknown key' wrong.log) == 1 ]] || fail "an error of the job is met more than once"
export WIDEGRAM_MAX_IDLE_RESTARTS=2
start hopeless.log -n 2 -- --set output=hopeless --walltime 1s
ends 1 "hopeless loop"
says hopeless.log "nothing new was saved in 2 runs"
echo "ok: errors and hopeless runs are not repeated for ever"

# Ranks that outlive their launcher hold the output folder for a while: refusals (5) after a loss are waited out.
cat >refused.sh <<E2
#!/bin/sh
echo >>starts
case \$(wc -l <starts) in 1) exit 137 ;; 2) exit 5 ;; *) exit 0 ;; esac
E2
chmod +x refused.sh
export WIDEGRAM_PROGRAM=$scratch/refused.sh WIDEGRAM_MAX_IDLE_RESTARTS=3
start refused.log -n 1 -- --set output=refused
ends 0 "refused after a loss"
[[ $(wc -l <starts) == 3 ]] || fail "refused after a loss: $(wc -l <starts) starts, expected 3"
echo "ok: a refusal after a loss is waited out"
