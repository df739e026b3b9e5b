# shellcheck shell=bash
# What the batch scripts share; to be sourced by them, inside a Slurm job.
#   batch_begin JOB.toml [widegram options...]   site.env, the program, the job's output folder
#   batch_run COMMAND [WORDS...]                 returns once the command is done; otherwise requeues the job, or ends it
#                                                with the program's exit code
# shellcheck source=slurm/supervise.sh
source "$(dirname "${BASH_SOURCE[0]}")/supervise.sh"
batch_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

batch_source_site() {
  local file
  for file in "${WIDEGRAM_SITE:-}" "$SLURM_SUBMIT_DIR/site.env" "$batch_folder/site.env"; do
    [[ -r $file && -f $file ]] || continue
    # shellcheck source=slurm/site.env.example
    source "$file"
    return 0
  done
  supervise_say "no site.env in $SLURM_SUBMIT_DIR or $batch_folder: going on without"
}

batch_begin() {
  [[ -n ${SLURM_JOB_ID:-} ]] || supervise_refuse "this is a batch script: submit it with sbatch (without Slurm: jobs/resume.sh)"
  [[ $# -gt 0 ]] || supervise_refuse "no job file given; how to submit: see the head of the script"
  batch_source_site
  job=$1
  options=("${@:2}")
  supervise_begin
  supervise_say "job ${SLURM_JOB_ID} (restart ${SLURM_RESTART_COUNT:-0}): $job, ranks ${SLURM_NTASKS:-1}," \
    "nodes ${SLURM_JOB_NODELIST:-$(hostname)}"
}

# Slurm counts restarts; those of them that have brought nothing are counted here.
batch_restore_idle() {
  idle=0
  [[ ${SLURM_RESTART_COUNT:-0} == 0 || ! -r $output/restarts ]] || read -r idle <"$output/restarts"
}

batch_run() {
  [[ -n $saved ]] || { saved=$("$saved_by"); batch_restore_idle; }
  supervise_run "$@"
  [[ $code != 0 ]] || { rm -f "$output/restarts"; return 0; }
  supervise_say "widegram $1 has ended with exit code $code${asked:+ after SIG$asked}"
  [[ $(supervise_ending) != error && $asked != TERM && $asked != INT ]] || exit "$code"
  if [[ -e $output/stop ]]; then
    supervise_say "stopped by $output/stop: remove it and submit again to go on"
    exit "$code"
  fi
  batch_requeue
}

batch_requeue() {
  local restarts=${SLURM_RESTART_COUNT:-0} id=$SLURM_JOB_ID
  [[ -z ${SLURM_ARRAY_JOB_ID:-} ]] || id=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
  supervise_count
  if ((idle >= ${WIDEGRAM_MAX_IDLE_RESTARTS:-3})); then
    supervise_say "nothing new was saved in $idle runs: not requeued. More time (--time) or more ranks may help"
    exit "$code"
  fi
  if ((restarts >= ${WIDEGRAM_MAX_RESTARTS:-200})); then
    supervise_say "$restarts restarts: not requeued (WIDEGRAM_MAX_RESTARTS); submit again to go on"
    exit "$code"
  fi
  mkdir -p "$output"
  echo "$idle" >"$output/restarts"
  # Slurm ends this script, by SIGTERM, as soon as it has taken the job back.
  supervise_say "requeued, to go on"
  scontrol requeue "$id" || [[ $asked == TERM ]] || { supervise_say "but Slurm refuses: submit it again"; exit "$code"; }
  exit 0
}
