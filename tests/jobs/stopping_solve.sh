#!/usr/bin/env bash
# Solves that are asked to stop: in the middle of a product that computes the Gram anew, by the time limit between two
# iterations, and inside PETSc's own solvers. What is saved is gone on from, on another number of ranks.
# Usage: stopping_solve.sh PROGRAM SOURCE_FOLDER
# shellcheck source=tests/jobs/stopping_checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/stopping_checks.sh"
cat >job.toml <<'E2'
output = "out"
[data]
train = "digits:train[:300]"
[kernel]
preset = "cntk-gap"
depth = 3
precision = "float64"
[gram]
tile = 16
mode = "recompute"
checkpoint_every = "100ms"
[solve]
method = "cg"
ridge = 1e-6
E2
# solve RANKS [OPTION...]: in the background.
solve() {
  mpirun -n "$1" "$program" solve job.toml "${@:2}" >log.txt 2>&1 &
  launcher=$!
}
# stop CODE: asks, and waits for the end with that exit code within ten seconds.
stop() {
  local code=0 begun=$SECONDS
  kill -USR1 $launcher
  wait $launcher || code=$?
  [[ $code == "$1" ]] || fail "exit code $code in place of $1"
  ((SECONDS - begun <= 10)) || fail "it took $((SECONDS - begun)) seconds to stop"
}

solve 2
wait_for out/solve.h5
stop 75
expect_text "stopped early (signal USR1): "
"$program" verify out/solve.h5 >log.txt || fail "a broken state"

begun=$SECONDS code=0
mpirun -n 3 "$program" solve job.toml --walltime 10s >log.txt 2>&1 || code=$?
[[ $code == 75 || $code == 0 ]] || fail "exit code $code at the time limit"
((SECONDS - begun <= 12)) || fail "the time limit of 10 seconds took $((SECONDS - begun))"
expect_text "goes on behind iteration"

# Variances by products that compute the Gram anew: the model is there, and a second run makes the predictions.
run_variance() {
  mpirun -n 2 "$program" run job.toml --set output=variance --set kernel.function=nngp --set solve.ridge=1e-2 \
    --set 'data.test="digits:test[:70]"' --set predict.variance=true "$@" >log.txt 2>&1 &
  launcher=$!
}
run_variance
wait_for variance/model.h5
stop 75
expect_text "stopped early (signal USR1): "
[[ ! -e variance/predictions.h5 ]] || fail "predictions of a run that was stopped ahead of them"
run_variance --set solve.ridge=1
wait $launcher || fail "the run behind a stopped one ends with $?"
"$program" verify variance/predictions.h5 >log.txt || fail "broken predictions"

# PETSc's own solver asks nobody; three seconds of work here.
solve 2 --set output=own --set kernel.preset=dense --set data.train=digits:train --set gram.mode=stored \
  -- -ksp_type cg -ksp_rtol 1e-300 -ksp_max_it 1000000000
wait_for own/job.toml
sleep 0.5
stop 75
expect_text "stopped early (signal USR1): PETSc's own -ksp_type keeps no state"
echo "solves stopped by USR1 and the time limit, and gone on from"
