#!/usr/bin/env bash
# Installs what is missing, builds everything and runs every test; then what reads files and passes messages under the
# address and undefined-behaviour sanitizers, and clang-tidy over the sources that the newest commits touched. With options
# of ctest, the tests that they choose and nothing else.
#   bash tests/run.sh [--long] [--no-install] [ctest options...]
#     --long        also the long tests, all unit tests under the sanitizers, clang-tidy over all sources, ten minutes of
#                   each fuzz target, coverage, the benchmarks with the figures that they must reach, and two hours of
#                   random jobs that are killed and stopped (WIDEGRAM_SOAK_SECONDS in place of that)
#     --no-install  say which packages are missing and stop
set -euo pipefail
# shellcheck source=jobs/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../jobs/setup.sh"

# The tests draw pictures and read results as a user's Python does.
widegram_packages+=(python3-h5py python3-matplotlib python3-sklearn clang-tidy)
install=yes long=no chosen=no
ctest_words=()
for word in "$@"; do
  case $word in
    --long) long=yes ;;
    --no-install) install=no ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) ctest_words+=("$word") chosen=yes ;;
  esac
done
[[ $long == no ]] || widegram_packages+=(clang gcovr)

widegram_setup "$install" ON
cd "$widegram_build"
[[ $long == yes ]] || ctest_words+=(--label-exclude long)
# Many tests wait for signals, time limits and batch systems: twice as many as processors keep these busy.
ctest --output-on-failure --parallel "$((2 * $(widegram_processors)))" --no-tests=error "${ctest_words[@]}"

# The kernels' and solvers' many formulas take so long to build instrumented that --long alone does.
sanitized() {
  local build=$widegram_build-sanitize tests=(base mpi stop_request dist hdf5 gram_store result_files data prepare) target targets=()
  [[ $long == no ]] || tests+=(dkm assembly solvers spectral dkm_full jobs pipeline solving dkm_command)
  for target in "${tests[@]}"; do targets+=("test_$target"); done
  cmake -S "$widegram_root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DWIDEGRAM_SANITIZE=ON \
    -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O1 -g1" >/dev/null &&
    cmake --build "$build" --parallel "$(widegram_processors)" --target "${targets[@]}" fuzz_data fuzz_hdf5 &&
    ASAN_OPTIONS=detect_leaks=0 ctest --test-dir "$build" --output-on-failure --parallel "$(widegram_processors)" \
      --no-tests=error -R "^($(IFS='|'; echo "${tests[*]}"))\\.[13]\$|^fuzz\\.(data|hdf5)\$"
}

# What the newest commits touched, or everything.
tidy() { bash "$widegram_root/tests/tidy.sh" "$widegram_build" "$@"; }

if [[ $long == no ]]; then
  [[ $chosen == yes ]] || { sanitized && tidy; }
  exit
fi

# Which share of the lines of src, solvers and io the unit tests reach. Without those of the kernels' formulas, which take
# minutes where nothing is inlined; what runs the program is killed or runs as somebody else, who may not count.
coverage() {
  local build=$widegram_build-coverage
  cmake -S "$widegram_root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_CXX_FLAGS_RELEASE="-O1 -g1 --coverage -fprofile-update=atomic" >/dev/null &&
    cmake --build "$build" --parallel "$(widegram_processors)" &&
    find "$build" -name '*.gcda' -delete &&
    ctest --test-dir "$build" --output-on-failure --parallel "$((2 * $(widegram_processors)))" --no-tests=error \
      --label-exclude long --exclude-regex '^(program|package|slurm|networks|duals)' &&
    gcovr --root "$widegram_root" --object-directory "$build" --filter "$widegram_root/(src|solvers|io)/" --sort-uncovered \
      --fail-under-line 90
}

# Readers of files and jobs against any bytes, under the sanitizers. What is found stays in the build folder. The three run
# side by side for so long that each gets ten minutes of a processor.
fuzz() {
  local build=$widegram_build-fuzz target processors
  local -A started
  processors=$(widegram_processors)
  local seconds=$((processors < 3 ? 1800 / processors : 600))
  cmake -S "$widegram_root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_COMPILER=clang \
    -DCMAKE_CXX_COMPILER=clang++ -DWIDEGRAM_SANITIZE=ON -DWIDEGRAM_FUZZ=ON >/dev/null
  cmake --build "$build" --parallel "$processors" --target fuzz_job fuzz_data fuzz_hdf5
  for target in job data hdf5; do
    mkdir -p "$build/found/$target"
    (cd "$build/found" && ASAN_OPTIONS=detect_leaks=0 "$build/tests/fuzz/fuzz_$target" -max_total_time="$seconds" \
      -timeout=60 -verbosity=0 -artifact_prefix="$target-" "$target" "$widegram_root/tests/fuzz/corpus/$target") &
    started[$target]=$!
  done
  for target in "${!started[@]}"; do
    wait "${started[$target]}" || missed+=("fuzz_$target")
  done
}
missed=()
sanitized || missed+=(sanitized)
tidy --all || missed+=(tidy)
coverage || missed+=(coverage)
fuzz

# Benchmarks are measured alone, on two ranks, as their figures say. All of them run, whatever the ones before came to.
measure() {
  echo "== $* --check"
  mpirun -n 2 "$widegram_build/tests/bench/$1" "${@:2}" --check || missed+=("$*")
}
shopt -s nullglob
declare -A sizes=([bench_block_cg]="--n 20000 --rank 1000 --hard-rank 2000")  # others: their own
for bench in "$widegram_build"/tests/bench/bench_*; do
  [[ -x $bench && -f $bench ]] || continue
  read -ra size <<<"${sizes[$(basename "$bench")]:-}"
  measure "$(basename "$bench")" "${size[@]}"
done
measure bench_dkm_step --scale 4
measure bench_assembly --preset cntk-flatten --depth 21 --shape 3x32x32 --n 1000
bash "$widegram_root/tests/jobs/soak.sh" "$widegram_program" "$widegram_root" "${WIDEGRAM_SOAK_SECONDS:-7200}" || missed+=(soak)
[[ ${#missed[@]} -eq 0 ]] || { printf 'failed or missed its figure: %s\n' "${missed[@]}"; exit 1; }
