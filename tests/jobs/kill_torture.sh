#!/usr/bin/env bash
# Kills runs that fill Gram files, on random numbers of ranks, at random moments and in random ways, and goes on where they
# stopped. After every kill each file verifies good, no saved tile has gone, and the next run computes none of them again;
# every Gram that gets finished has the bits of one that nobody touched.
# Usage: kill_torture.sh PROGRAM SOURCE_FOLDER [KILLS]       SEED=n repeats a run's choices
set -euo pipefail
program=$1
kills=${3:-10}
seed=${SEED:-$((10#$(date +%N) % 32768))}
RANDOM=$seed
scratch=$(mktemp -d)
name=$(basename "$program")

# Processes of this test alone: those that work in its folder.
strays() {
  local process
  for process in /proc/[0-9]*; do
    [[ $(readlink "$process/cwd") == "$scratch"* ]] || continue
    case $(cat "$process/comm") in "${name:0:15}" | mpirun | orted | orterun) echo "${process#/proc/}" ;; esac
  done 2>/dev/null
}
end_strays() {
  local left
  while mapfile -t left < <(strays) && ((${#left[@]} > 0)); do
    kill -KILL "${left[@]}" 2>/dev/null || true
    sleep 0.05
  done
}
trap 'end_strays; rm -rf "$scratch"' EXIT
cd "$scratch"

# Slow entries and small tiles: most of a run's time has tiles to lose.
cat >conv.toml <<'E2'
output = "conv"
[data]
train = "digits:train[:352]"
test = "digits:test[:48]"
[kernel]
preset = "cntk-gap"
depth = 10
precision = "float64"
[gram]
tile = 16
checkpoint_every = "5ms"
E2
cat >dense.toml <<'E2'
output = "dense"
[data]
train = "digits:train[:704]"
test = "digits:test[:48]"
[kernel]
preset = "dense"
activation = "erf"
weight_variance = 1
depths = [1000, 2500]
precision = "float32"
[gram]
tile = 16
checkpoint_every = "5ms"
E2
declare -A files=([conv]="gram.h5" [dense]="gram.h5 gram-depth1000.h5")
declare -A saved  # "TRAIN_TILES TEST_TILES" of job/file after the last kill

fail() {
  echo "FAILED with SEED=$seed after $landed kills: $*"
  cat log.txt
  exit 1
}
# tiles FILE: a line "/train DONE ALL CHECKSUM" for each of its matrices.
tiles() {
  "$program" inspect "$1" --json | tr -d ' \n",' | grep -oE '/[a-z_]+:\{done:[0-9]+all:[0-9]+checksum:[0-9a-f]+' |
    sed -E 's/:\{done:([0-9]+)all:([0-9]+)checksum:/ \1 \2 /'
}
# same_bits JOB: a finished job against the untouched run.
same_bits() {
  local file
  for file in ${files[$1]}; do
    "$program" verify "$1/$file" >verify.txt || fail "$(cat verify.txt)"
    [[ $(tiles "$1/$file") == "$(tiles "untouched-$1/$file")" ]] || fail "$1/$file: other bits than those of an untouched run"
  done
}
forget() {
  local file
  rm -rf "$1"
  for file in ${files[$1]}; do unset "saved[$1/$file]"; done
}

# start JOB: in the background; waits for a random moment, at times in the run's first second, else among its tiles.
start() {
  touch mark
  mpirun -n $ranks "$program" gram "$1.toml" >log.txt 2>&1 &
  launcher=$!
  if ((RANDOM % 4 > 0)); then
    until [[ $1/gram.h5 -nt mark ]] || ! kill -0 $launcher 2>/dev/null; do sleep 0.02; done
  fi
  sleep "$(printf '0.%03d' $((RANDOM % 1000)))"
}
# strike: ends the run in a random way; returns its exit code.
strike() {
  local code=0 started
  mapfile -t started < <(pgrep -P $launcher)
  case $((RANDOM % 8)) in
    0 | 1 | 2) way="kill -9 of all"; kill -KILL $launcher "${started[@]}" 2>/dev/null || true ;;
    3 | 4) way="kill -9 of a rank"
      if ((${#started[@]} > 0)); then kill -KILL "${started[RANDOM % ${#started[@]}]}" 2>/dev/null || true
      else kill -KILL $launcher 2>/dev/null || true; fi ;;
    5) way="kill -9 of the launcher"; kill -KILL $launcher 2>/dev/null || true ;;
    6) way="USR1"; kill -USR1 $launcher 2>/dev/null || true ;;
    7) way="TERM"; kill -TERM $launcher 2>/dev/null || true ;;
  esac
  # The shell's own word about a killed child goes with the child's.
  { wait $launcher; } 2>/dev/null || code=$?
  return $code
}
# All ranks end by themselves, whoever was killed.
wait_for_all() {
  local tenths
  for ((tenths = 0; tenths < 600; ++tenths)); do
    [[ -n $(strays) ]] || return 0
    sleep 0.1
  done
  fail "$way on $ranks ranks: processes live on after a minute: $(strays)"
}
# check_files JOB: after a kill.
check_files() {
  local file part done all sum train_now test_now train_before test_before train_all=0 progress=0 missing=0
  for file in ${files[$1]}; do
    [[ -e $1/$file ]] || continue
    "$program" verify "$1/$file" >verify.txt || fail "$way on $ranks ranks: $(cat verify.txt)"
    read -r train_before test_before <<<"${saved[$1/$file]:-0 0}"
    train_now=0 test_now=0
    while read -r part done all sum; do
      if [[ $part == /train ]]; then train_now=$done train_all=$all; else test_now=$done; fi
    done < <(tiles "$1/$file")
    ((train_now >= train_before && test_now >= test_before)) ||
      fail "$way on $ranks ranks: $1/$file has lost tiles: $train_before and $test_before before, $train_now and $test_now now"
    ((progress += train_now + test_now - train_before - test_before, missing += train_all - train_before)) || true
    saved[$1/$file]="$train_now $test_now"
  done
  computed=$((computed + progress))
  check_reuse "$1" "$progress" $((train_all - missing))
}
# check_reuse JOB PROGRESS KEPT: a run that has saved tiles has first taken the KEPT ones that were in all files of the job;
# each has 256 entries, those on the diagonal 136. The program rounds what it tells to three digits.
check_reuse() {
  local kept=$3 edges told
  edges=$((kept < edge_tiles[$1] ? kept : edge_tiles[$1]))
  (($2 > 0 && kept > 0)) || return 0
  told=$(sed -nE 's/^gram +([0-9.e+]+)( [kM])? of .* entries reused from .*/\1\2/p' log.txt | sed 's/ k/e3/; s/ M/e6/')
  awk -v told="${told:-0}" -v least=$((kept * 256 - edges * 120)) 'BEGIN { exit !(told * 1.01 >= least) }' ||
    fail "$1 on $ranks ranks: ${told:-no} entries reused, at least $((kept * 256 - edges * 120)) were saved"
}

declare -A edge_tiles=([conv]=22 [dense]=44)  # on the diagonal
landed=0 computed=0 finished=0 early=0
declare -A ways
begun=$SECONDS
for job in conv dense; do
  mpirun -n 2 "$program" gram $job.toml --quiet --set output=untouched-$job >log.txt 2>&1 || fail "the untouched run"
done
echo "seed $seed, untouched runs took $((SECONDS - begun)) s"
jobs=(conv dense)
while ((landed < kills)); do
  job=${jobs[RANDOM % 2]} ranks=$((1 + RANDOM % 6)) code=0
  start $job
  strike || code=$?
  wait_for_all
  if [[ $code == 0 ]]; then
    # It was faster than the kill.
    same_bits $job
    forget $job
    finished=$((finished + 1))
    continue
  fi
  landed=$((landed + 1))
  ways[$way]=$((${ways[$way]:-0} + 1))
  [[ -e $job/gram.h5 ]] || early=$((early + 1))
  check_files $job
done
for job in conv dense; do
  ranks=$((1 + RANDOM % 6))
  mpirun -n $ranks "$program" gram $job.toml >log.txt 2>&1 || fail "the end on $ranks ranks"
  same_bits $job
  finished=$((finished + 1))
done
for way in "${!ways[@]}"; do echo "  ${ways[$way]} x $way"; done
echo "$landed kills landed ($early before there was a file) while $computed tiles were saved: no file broken, no saved tile" \
  "lost or computed again, $finished Grams finished with the same bits, $((SECONDS - begun)) s"
