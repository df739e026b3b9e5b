#!/usr/bin/env bash
# Deep kernel machines whose training is asked to stop, of each kind: by a signal and by the time limit. What is saved is gone
# on from, on another number of ranks, to the end.
# Usage: stopping_dkm.sh PROGRAM SOURCE_FOLDER
# shellcheck source=tests/jobs/stopping_checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/stopping_checks.sh"
cat >job.toml <<'E2'
[data]
train = "digits:train[:300]"
test = "digits:test[:50]"
preprocess = ["standardize"]
[gram]
checkpoint_every = "100ms"
[dkm]
E2
full=(--set output=full --set dkm.kernel=erf --set dkm.tolerance=1e-14 --set dkm.max_iterations=100000)
sparse=(--set output=sparse --set dkm.kind=sparse --set dkm.inducing=50 --set dkm.batch=50 --set dkm.epochs=100000)
convolutional=(--set output=convolutional --set dkm.kind=convolutional --set dkm.preset=dkm-resnet20 --set dkm.batch=50
  --set dkm.likelihood=categorical --set dkm.samples=50 --set dkm.epochs=100000)
# dkm RANKS [OPTION...]: in the background.
dkm() {
  mpirun -n "$1" "$program" dkm job.toml "${settings[@]}" "${@:2}" >log.txt 2>&1 &
  launcher=$!
}
# ends CODE...: waits for the end with one of these exit codes.
ends() {
  local code=0
  wait $launcher || code=$?
  [[ " $* " == *" $code "* ]] || fail "exit code $code in place of $*"
}

for kind in full sparse convolutional; do
  declare -n settings=$kind
  dkm 2
  wait_for $kind/dkm-state.h5
  kill -USR1 $launcher
  ends 75
  expect_text "stopped early (signal USR1): training had done "
  "$program" verify $kind/dkm-state.h5 >log.txt || fail "a broken state"

  if [[ $kind != full ]]; then  # a full-rank machine may have come to its end by then
    dkm 3 --walltime 4s
    ends 75
    expect_text "goes on "
    expect_text "stopped early (time limit): training had done "
  fi

  limit=dkm.epochs=1
  [[ $kind != full ]] || limit=dkm.max_iterations=1
  dkm 1 --set $limit
  ends 0
  expect_text "goes on "
  [[ -s $kind/predictions.h5 ]] || fail "no predictions"
done
