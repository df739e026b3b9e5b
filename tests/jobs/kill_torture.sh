#!/usr/bin/env bash
# Kills runs that fill several Gram files at random moments, on random numbers of ranks, and goes on where they stopped: no
# file may break, and the end must be that of a run that nobody touched.
# Usage: kill_torture.sh PROGRAM SOURCE_FOLDER [KILLS]
set -euo pipefail
program=$1
kills=${3:-40}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
cat >job.toml <<'E2'
output = "out"
[data]
train = "digits:train"
test = "digits:test"
[kernel]
preset = "dense"
depths = [4, 12]
both = true
precision = "float64"
[gram]
tile = 16
checkpoint_every = "5ms"
[solve]
ridge = 1e-3
E2
files=(gram.h5 gram-nngp.h5 gram-depth4.h5 gram-depth4-nngp.h5)
result() { grep -A2 '"test": {' "$1/metrics.json" | grep accuracy; }

mpirun -n 2 "$program" run job.toml --quiet --set output=untouched >/dev/null
RANDOM=${SEED:-1}
landed=0
for ((kill = 1; kill <= kills; ++kill)); do
  ranks=$((1 + RANDOM % 6))
  milliseconds=$((150 + RANDOM % 850))
  code=0
  mpirun -n $ranks "$program" run job.toml --quiet >/dev/null 2>&1 &
  launcher=$!
  sleep 0.$milliseconds
  # The ranks are the launcher's children: all go at once.
  mapfile -t started < <(pgrep -P $launcher)
  kill -KILL $launcher "${started[@]}" 2>/dev/null || true
  # The shell's own word about a killed child goes with the child's.
  { wait $launcher; } 2>/dev/null || code=$?
  [[ $code == 0 ]] && rm -rf out && continue
  landed=$((landed + 1))
  for file in "${files[@]}"; do
    [[ ! -e out/$file ]] || "$program" verify "out/$file" >verify.txt || { cat verify.txt; exit 1; }
  done
done
mpirun -n 3 "$program" run job.toml --quiet >/dev/null
for file in "${files[@]}"; do "$program" verify "out/$file"; done
[[ $(result out) == "$(result untouched)" ]] || { echo "another result: $(result out), $(result untouched)"; exit 1; }
echo "$landed of $kills kills landed: no file broken, same result"
