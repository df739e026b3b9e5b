#!/usr/bin/env bash
# Runs a job until it is done, whatever kills it on the way, on a machine without Slurm.
#   bash jobs/resume.sh JOB.toml -n RANKS [--command run|gram|solve|dynamics|dkm] [-- widegram options]
# Ends with widegram's exit code: 0 done, 2 to 5 errors that a second run would meet again, 75 stopped (by USR1 or by a file
# named stop in the output folder), 1 where nothing new was saved in five runs in a row (WIDEGRAM_MAX_IDLE_RESTARTS).
# WIDEGRAM_PROGRAM and WIDEGRAM_LAUNCHER: the program and what starts its ranks, where they are not found by themselves.
set -euo pipefail
# shellcheck source=slurm/supervise.sh
source "$(dirname "${BASH_SOURCE[0]}")/../slurm/supervise.sh"

most_idle=${WIDEGRAM_MAX_IDLE_RESTARTS:-5}
command=run
count=''
while [[ $# -gt 0 ]]; do
  case $1 in
    -n) count=${2:-}; shift $(($# < 2 ? 1 : 2)) ;;
    --command) command=${2:-}; shift $(($# < 2 ? 1 : 2)) ;;
    --) options=("${@:2}"); break ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) supervise_refuse "resume: unknown option '$1'; see --help" ;;
    *) [[ -z $job ]] || supervise_refuse "resume: a second job file, '$1': widegram's own options come after --"
       job=$1; shift ;;
  esac
done
[[ -n $job && $count =~ ^[1-9][0-9]*$ ]] || supervise_refuse "resume: expected JOB.toml -n RANKS; see --help"
ranks=(-n "$count")
supervise_begin

# pause SECONDS: ends early where a signal comes.
pause() {
  local sleeper
  sleep "$1" &
  sleeper=$!
  wait "$sleeper" || true
  kill "$sleeper" 2>/dev/null || true
}

end_if_asked() {
  case $asked in
    USR1) exit 75 ;;
    INT) exit 130 ;;
    TERM) exit 143 ;;
  esac
}

saved=$("$saved_by")
ending=''
while :; do
  last=$ending
  supervise_run "$command"
  ending=$(supervise_ending)
  [[ $ending != finished ]] || exit 0
  end_if_asked
  # The launcher may have been killed before its ranks: for some seconds they still hold the output folder, and a run that is
  # refused because of it is no error of the job.
  [[ $last != lost || $code != 5 ]] || ending=lost
  [[ $ending != error ]] || exit "$code"
  if [[ -e $output/stop ]]; then
    supervise_say "stopped by $output/stop: remove it and start again to go on" >&2
    exit 75
  fi
  supervise_count
  if ((idle >= most_idle)); then
    supervise_say "nothing new was saved in $idle runs in a row, the last of which ended with exit code $code: giving up" >&2
    exit 1
  fi
  # At once where it moves, and after 1, 2, 4, ... seconds, at most a minute, where it does not.
  wait_for=$((idle > 6 ? 60 : (1 << idle) / 2))
  supervise_say "ended with exit code $code ($ending); starting again$( ((wait_for == 0)) || echo " in $wait_for s")" >&2
  pause "$wait_for"
  end_if_asked
done
