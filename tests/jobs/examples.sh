#!/usr/bin/env bash
# Every example job, run small on two ranks: it ends well and reports how good its predictions are.
# Usage: examples.sh PROGRAM SOURCE_FOLDER
set -euo pipefail
program=$1
source=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$source"

# cifar10_file SAMPLES: as many records of CIFAR-10's binary version, a label and 32 x 32 made-up pixels in three colours.
cifar10_file() {
  local i
  for ((i = 0; i < $1; i++)); do
    printf "\\x0$((i % 10))"
    head -c 3072 < <(seq $((7919 * i + 1)) $((7919 * i + 3000)))
  done
}

small_settings() {
  case $1 in
    fashion)
      [[ -d /usr/share/datasets/fashion-mnist ]] || return 1
      echo "data.train=fashion-mnist:train[:300] data.test=fashion-mnist:test[:100]" ;;
    digits) echo "data.train=digits:train[:400] data.test=digits:test[:100]" ;;
    dkm-digits) echo "data.train=digits:train[:120] data.test=digits:test[:40] dkm.tolerance=1e-3" ;;
    depths) echo "data.train=digits:train[:30] data.test=digits:test[:30]" ;;
    cntk-gap) echo "data.train=digits:train[:60] data.test=digits:test[:30]" ;;
    dkm-sparse) echo "data.train=digits:train[:300] data.test=digits:test[:60] dkm.epochs=5 dkm.schedule=[4]" ;;
    dkm-convolutional) echo "data.train=digits:train[:100] data.test=digits:test[:40] dkm.epochs=2 dkm.schedule=[1]" ;;
    cifar-myrtle5 | cifar-gap21 | dkm-cifar10)
      cifar10_file 24 >"$scratch/train.bin"
      cifar10_file 12 >"$scratch/test.bin"
      echo "data.train=$scratch/train.bin data.test=$scratch/test.bin"
      [[ $1 != dkm-cifar10 ]] || echo "dkm.epochs=1 dkm.samples=50 dkm.validation=0 data.train=$scratch/train.bin[:12]" ;;
    *) echo "" ;;
  esac
}

for job in jobs/examples/*.toml; do
  name=$(basename "$job" .toml)
  settings=$(small_settings "$name") || { echo "$name: skipped, its data is not installed"; continue; }
  words=(--set "output=$scratch/$name")
  for setting in $settings; do words+=(--set "$setting"); done
  command=run
  files="gram.h5 model.h5 predictions.h5 job.toml"
  if [[ $name == dkm-* ]]; then
    command=dkm
    files="dkm.h5 predictions.h5 job.toml"
    mpirun -n 2 "$program" describe "$job" "${words[@]}" | grep -q "^deep kernel machine: " ||
      { echo "FAILED: describe says nothing of $name"; exit 1; }
  fi
  mpirun -n 2 "$program" $command "$job" "${words[@]}" --quiet
  quality=$("$program" report "$scratch/$name" | sed -n 2p)
  echo "$quality"
  grep -qE '([0-9]+\.[0-9]+ %|rmse [0-9])' <<<"$quality" || { echo "FAILED: $name reports no accuracy and no RMSE"; exit 1; }
  for file in $files; do
    [[ -s $scratch/$name/$file ]] || { echo "FAILED: $name left no $file"; exit 1; }
  done
  [[ $command == run ]] || continue
  grep -qE '"engine": "(dense|offset planes|pixel diagonal|pixel pairs) \([A-Z0-9_]+\)' "$scratch/$name/metrics.json" ||
    { echo "FAILED: $name names no engine with its vector instructions"; exit 1; }
done
