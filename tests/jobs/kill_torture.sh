#!/usr/bin/env bash
# Kills runs at random moments, on random numbers of ranks, and goes on where they stopped: no file may break, and the end
# must be that of a run that nobody touched.
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
depth = 12
precision = "float64"
[gram]
tile = 16
checkpoint_every = "5ms"
[solve]
ridge = 1e-3
E2
result() { grep -A2 '"test": {' "$1/metrics.json" | grep accuracy; }

mpirun -n 2 "$program" run job.toml --quiet --set output=untouched >/dev/null
RANDOM=${SEED:-1}
landed=0
for ((kill = 1; kill <= kills; ++kill)); do
  ranks=$((1 + RANDOM % 6))
  milliseconds=$((150 + RANDOM % 850))
  code=0
  # The shell's own word about a killed child goes with the child's.
  { timeout -s KILL 0.$milliseconds mpirun -n $ranks "$program" run job.toml --quiet >/dev/null; } 2>/dev/null || code=$?
  pkill -KILL -f "$program run job.toml" 2>/dev/null || true
  [[ $code == 0 ]] && rm -rf out && continue
  landed=$((landed + 1))
  [[ ! -e out/gram.h5 ]] || "$program" verify out/gram.h5 >verify.txt || { cat verify.txt; exit 1; }
done
mpirun -n 3 "$program" run job.toml --quiet >/dev/null
"$program" verify out/gram.h5
[[ $(result out) == "$(result untouched)" ]] || { echo "another result: $(result out), $(result untouched)"; exit 1; }
echo "$landed of $kills kills landed: no file broken, same result"
