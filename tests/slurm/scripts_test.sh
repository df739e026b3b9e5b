#!/usr/bin/env bash
# The batch scripts of slurm/ under a real controller with two nodes: a time limit with requeue, a requeue without end, scancel,
# an array, scaling, and a node that goes down. Installs Slurm where it is missing; 77 (skipped) where it cannot.
# Usage: scripts_test.sh PROGRAM SOURCE_FOLDER
set -euo pipefail
if [[ $(id -u) -ne 0 ]]; then
  sudo -n true 2>/dev/null || { echo "skipped: a controller of its own wants root or sudo"; exit 77; }
  exec sudo -n bash "$0" "$@"
fi
program=$1
source=$2
scripts=$source/slurm
scratch=$(mktemp -d)
clean_up() {
  local code=$?
  trap - EXIT INT TERM
  if [[ $code != 0 && $code != 77 && -n ${SLURM_CONF:-} ]]; then
    tail -n 40 "$scratch"/*.log
    cluster_logs
  fi
  cluster_stop
  rm -rf "$scratch"
  exit "$code"
}
trap clean_up EXIT
trap 'exit 143' INT TERM
# shellcheck source=tests/slurm/cluster.sh
source "$source/tests/slurm/cluster.sh"
cluster_install || { echo "skipped: slurm-wlm and munge cannot be installed"; exit 77; }
cd "$scratch"

fail() { echo "FAILED: $1"; exit 1; }
passed() { echo "ok (${SECONDS} s): $1"; }
# submit SBATCH-WORDS...: the job's number in $id. Whatever ctest has set for programs of one machine stays out of jobs.
submit() { id=$(env -u OMPI_MCA_rmaps_base_oversubscribe sbatch --parsable --time=10 "$@"); }
state_is() { [[ $(scontrol show job "$1" -o | grep -o "$2=[^ ]*") == "$2=$3" ]]; }
ended() { [[ -z $(squeue -h -j "$1" -o %T 2>/dev/null) ]]; }
# ends ID STATE WHAT
ends() {
  within 300 ended "$1" || fail "$3: job $1 does not end"
  state_is "$1" JobState "$2" || fail "$3: job $1 is not $2: $(scontrol show job "$1" -o)"
}
says() { grep -qE "$2" "$1" || fail "$1 does not say '$2'"; }
# kill_rank ID: one of the job's ranks, as the kernel kills where memory runs out.
kill_rank() {
  local pid
  for pid in $(pgrep -x "${program##*/}"); do
    tr '\0' '\n' <"/proc/$pid/environ" | grep -qx "SLURM_JOB_ID=$1" || continue
    kill -KILL "$pid"
    return
  done
  fail "job $1 has no rank to kill"
}
tiles_saved() { "$program" inspect --json "$1/gram.h5" 2>/dev/null | grep -q '"done": [1-9]'; }
# What a Gram holds, whoever computed it and when.
content() { "$program" inspect --json "$1/gram.h5" | grep '"checksum":'; }
same_bits() {
  "$program" verify "$1/gram.h5" >verify.log || fail "$1/gram.h5 is damaged"
  "$program" inspect --json "$1/gram.h5" | grep -q '"complete": true' || fail "$1/gram.h5 is not complete"
  [[ -n $(content reference) && $(content "$1") == "$(content reference)" ]] ||
    fail "$1/gram.h5 does not hold the reference's bits"
}

cat >slow.toml <<E2
output = "reference"
[data]
train = "digits:train[:520]"
[kernel]
preset = "cntk-gap"
depth = 10
precision = "float64"
[gram]
tile = 16
checkpoint_every = "1s"
E2
cat >quick.toml <<E2
name = "quick"
[data]
train = "digits:train[:300]"
test = "digits:test[:50]"
[kernel]
preset = "dense"
E2
cat >site.env <<E2
export WIDEGRAM_PROGRAM='$program'
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1
export OMPI_MCA_btl=tcp,self OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_oob_tcp_if_include=lo
E2
both_nodes=(--nodes=2 --ntasks=2 --ntasks-per-node=1)

cluster_start || fail "the controller or its nodes do not start"
passed "controller and two nodes are up"

# One run that nobody touches: the bits that all others must end with.
submit "${both_nodes[@]}" --output=reference.log "$scripts/gram.sbatch" slow.toml
ends "$id" COMPLETED "uninterrupted run"
same_bits reference
passed "uninterrupted run over both nodes"

# What must not go on for ever.
submit --ntasks=1 --output=idle.log --export=ALL,WIDEGRAM_MAX_IDLE_RESTARTS=2 "$scripts/solve.sbatch" slow.toml \
  --set output=idle --walltime 1s
idle=$id
mkdir stopped
touch stopped/stop
submit --ntasks=1 --output=stopped.log "$scripts/gram.sbatch" slow.toml --set output=stopped
ends "$id" FAILED "stop file"
state_is "$id" ExitCode 75:0 || fail "stop file: $(scontrol show job "$id" -o)"
says stopped.log "stopped by stopped/stop"
passed "a stop file ends the requeueing"

# A sweep over three ridges, on one Gram.
submit --ntasks=2 --output=sweep-gram.log "$scripts/gram.sbatch" quick.toml
submit --ntasks=1 --dependency=afterok:"$id" --array=0-2 --output=sweep-%a.log \
  "$scripts/sweep_array.sbatch" quick.toml solve.ridge 0.1 0.01 0.001 -- --verbose
for task in 0 1 2; do ends "${id}_$task" COMPLETED "sweep, task $task"; done
for value in 0.1 0.01 0.001; do
  folder=runs/quick/solve.ridge=$value
  says "$folder/metrics.json" "\"ridge\": $value"
  says "$folder/metrics.json" '"reused_entries": 45150'
done
passed "an array over three ridges, with one Gram"

study=(quick.toml --ranks 1,2 --sizes 200 --weak 300 --repeats 1 --command gram)
submit --array=0-3%1 --ntasks=2 --output=scaling-%a.log "$scripts/scaling.sbatch" "${study[@]}"
for task in 0 1 2 3; do ends "${id}_$task" COMPLETED "scaling, task $task"; done
submit --ntasks=2 --output=scaling.log "$scripts/scaling.sbatch" "${study[@]}"
ends "$id" COMPLETED "scaling"
awk -F, '$8 == "assembly" { print $1, $2, $4, $5, $6, $7 }' runs/quick/scaling.csv >points
diff - points <<E2 || fail "scaling.csv holds other points"
1 200 1 0 0 1
2 200 1 0 0 1
1 300 0 1 0 1
2 424 0 1 0 1
E2
passed "scaling over two rank counts, a point an array task"

# The controller looks at time limits twice a minute. The job starts a few seconds before, with a limit that is due already.
limits_checked() {
  local last
  last=$(grep 'Testing job time limits' "$cluster/slurmctld.log" | tail -n 1 | grep -oE '[0-9]{4}-[0-9T:-]*')
  local age=$(($(date +%s) - $(date -d "$last" +%s)))
  ((age >= 24 && age <= 26))
}
within 60 limits_checked || fail "the controller does not look at time limits"
submit "${both_nodes[@]}" --time=1 --signal=B:USR1@50 --output=limit.log "$scripts/gram.sbatch" slow.toml --set output=limit
ends "$id" COMPLETED "time limit"
says limit.log "exit code 75 after SIGUSR1"
says limit.log "restart 1"
says limit.log "entries reused from gram.h5"
same_bits limit
[[ ! -e limit/restarts ]] || fail "limit/restarts is left behind"
passed "time limit, requeue, finish, same bits"

# By now the job that never gets anywhere has been given up.
ends "$idle" FAILED "no progress"
state_is "$idle" ExitCode 75:0 || fail "no progress: $(scontrol show job "$idle" -o)"
says idle.log "nothing new was saved in 2 runs"
passed "runs that save nothing end the requeueing"

# scancel, while tiles are being computed.
submit "${both_nodes[@]}" --output=cancelled.log "$scripts/gram.sbatch" slow.toml --set output=cancelled
within 30 tiles_saved cancelled || fail "scancel: the job saves nothing"
scancel "$id"
ends "$id" CANCELLED "scancel"
state_is "$id" Restarts 0 || fail "scancel: the job was requeued"
"$program" verify cancelled/gram.h5 >verify.log || fail "scancel has left a damaged gram.h5"
! "$program" inspect --json cancelled/gram.h5 | grep -q '"complete": true' || fail "scancel came too late to test anything"
submit "${both_nodes[@]}" --output=continued.log "$scripts/gram.sbatch" slow.toml --set output=cancelled
within 30 grep -qs ' tiles ' continued.log || fail "after scancel: the job computes nothing"
kill_rank "$id"
ends "$id" COMPLETED "after scancel"
says continued.log "exit code 137"
says continued.log "restart 1"
says continued.log "entries reused from gram.h5"
same_bits cancelled
passed "scancel leaves a good file; the next job loses a rank, is requeued and completes it"

# A node goes down; the job waits for it.
submit "${both_nodes[@]}" --output=node.log "$scripts/gram.sbatch" slow.toml --set output=node
within 30 tiles_saved node || fail "node down: the job saves nothing"
scontrol update nodename=n2 state=down reason=test
within 20 state_is "$id" JobState PENDING || fail "node down: the job is not requeued"
scontrol update nodename=n2 state=resume
ends "$id" COMPLETED "node down"
state_is "$id" Restarts 1 || fail "node down: not one restart: $(scontrol show job "$id" -o)"
says node.log "entries reused from gram.h5"
same_bits node
passed "a node goes down, the job is requeued and finishes with the same bits"
