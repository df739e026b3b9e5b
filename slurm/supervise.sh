# shellcheck shell=bash
# Runs widegram under its launcher and watches over it. To be sourced: slurm/common.sh and jobs/resume.sh do.
#
# Set by the caller: $job, the job file; @options, what widegram gets besides; @ranks, the launcher's words for their
# number. supervise_begin splits off @petsc_options and finds $program, @launcher and $output. From then on
#   supervise_run COMMAND [WORDS...]   runs to the end, whatever it is, and leaves its exit code in $code
#   $asked                             the signal that has asked for the end: empty, USR1, INT or TERM
#   supervise_count                    adds to $idle, the number of ends in a row that have saved nothing new
job='' asked='' running='' signals=0 idle=0 saved='' code=0
options=() petsc_options=() ranks=() launcher=()
# Prints what is saved, in whatever form; another text than before means that the job has moved.
saved_by=supervise_saved

# Signals go on to the launcher, which hands them to the ranks.
supervise_signal() {
  asked=$1
  signals=$((signals + 1))
  [[ -z $running ]] || kill -s "$1" "$running" 2>/dev/null || true
}
trap 'supervise_signal USR1' USR1
trap 'supervise_signal INT' INT
trap 'supervise_signal TERM' TERM

# supervise_key TABLE KEY: a value of the job; --set comes before the job file. Empty: the job does not say.
supervise_key() {
  local name=${1:+$1.}$2 value='' found=no i
  for ((i = 0; i < ${#options[@]}; ++i)); do
    case ${options[i]} in
      --set) [[ ${options[i + 1]:-} != "$name="* ]] || { value=${options[i + 1]#*=} found=yes; } ;;
      --set="$name="*) value=${options[i]#--set=*=} found=yes ;;
    esac
  done
  if [[ $found == no ]]; then
    value=$(awk -v table="$1" -v key="$2" '
      /^[ \t]*\[/ { current = $0; gsub(/^[ \t]*\[[ \t]*|[ \t]*\].*$/, "", current); next }
      {
        name = $0
        if (!sub(/[ \t]*=.*$/, "", name)) next
        sub(/^[ \t]*/, "", name)
        if (current != "") name = current "." name
        if (name != (table == "" ? key : table "." key)) next
        sub(/^[^=]*=[ \t]*/, "")
        quote = substr($0, 1, 1)
        if (quote == "\"" || quote == "\047") { $0 = substr($0, 2); sub(quote ".*$", "") }
        else sub(/[ \t]*(#.*)?$/, "")
        print
        exit
      }' "$job")
  fi
  case $value in \"*\" | \'*\') value=${value:1:${#value}-2} ;; esac
  printf '%s\n' "$value"
}

supervise_say() { printf '== %s: %s\n' "$(date '+%F %T')" "$*"; }

supervise_refuse() {
  printf 'widegram: error: %s\n' "$*" >&2
  exit 2
}

supervise_begin() {
  local here i
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
  [[ -r $job ]] || supervise_refuse "$job: cannot read this job file"
  for ((i = 0; i < ${#options[@]}; ++i)); do
    [[ ${options[i]} == -- ]] || continue
    petsc_options=("${options[@]:i}")
    options=("${options[@]:0:i}")
  done
  # What is left to its default here can be set in site.env or by the caller's shell.
  export OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-1}
  export OMPI_MCA_orte_execute_quiet=${OMPI_MCA_orte_execute_quiet:-1}
  read -ra launcher <<<"${WIDEGRAM_LAUNCHER:-mpirun}"
  program=${WIDEGRAM_PROGRAM:-$here/../build/widegram}
  [[ -n ${WIDEGRAM_PROGRAM:-} || -x $program ]] || program=$(command -v widegram || echo "$program")
  [[ -x $program ]] || supervise_refuse "no program at '$program': build it, or set WIDEGRAM_PROGRAM to the path of widegram"
  command -v "${launcher[0]}" >/dev/null || supervise_refuse "no ${launcher[0]} here: load the MPI that widegram was built with"
  output=$(supervise_key '' output)
  if [[ -z $output ]]; then
    output=$(supervise_key '' name)
    [[ -n $output ]] || output=$(basename "$job" .toml)
    output=runs/$output
  fi
}

# supervise_run COMMAND [WORDS...]: after a request to end nothing is started any more.
supervise_run() {
  code=75
  [[ -z $asked ]] || return 0
  # A process group of its own, so that Ctrl-C reaches the launcher once: through supervise_signal.
  set -m
  "${launcher[@]}" "${ranks[@]}" "$program" "$1" "$job" "${options[@]}" "${@:2}" "${petsc_options[@]}" </dev/null &
  running=$!
  set +m
  [[ -z $asked ]] || supervise_signal "$asked"
  # A trapped signal ends `wait` early, with a status that says nothing of the launcher. That one is kept until it is
  # asked for without a signal in between.
  local before=''
  until [[ $before == "$signals" ]]; do
    before=$signals code=0
    # bash's own word about a launcher that was killed goes with it.
    { wait "$running"; } 2>/dev/null || code=$?
  done
  running=
}

# supervise_ending: what $code means: finished; error (the same again if run again); stopped (by request, its work saved);
# lost (killed, or a rank or node has gone).
supervise_ending() {
  case $code in
    0) echo finished ;;
    2 | 3 | 4 | 5 | 126 | 127) echo error ;;
    75) echo stopped ;;
    *) echo lost ;;
  esac
}

# supervise_inspect FILE: what widegram knows of it, in JSON.
supervise_inspect() { "${launcher[@]}" -n 1 "$program" inspect --json "$1" </dev/null 2>/dev/null; }

supervise_saved() {
  local file
  for file in "$output"/*.h5; do
    [[ ! -f $file ]] || supervise_inspect "$file" || true
  done | sed -E '/"(created|host|ranks|bytes_on_disk|compiler|program_[a-z]*)":/d' | cksum
}

supervise_count() {
  local now
  now=$("$saved_by")
  if [[ $now == "$saved" ]]; then idle=$((idle + 1)); else idle=0; fi
  saved=$now
}
