#!/usr/bin/env bash
# Gets a machine ready: finds which Debian packages are missing and installs them, then configures and builds widegram.
# Run it, or source it and call widegram_setup (quickstart.sh and tests/run.sh do).
#   bash jobs/setup.sh [--no-install] [--tests]
#     --no-install  say what is missing and stop, for clusters whose administrators install
#     --tests       build the tests and benchmarks as well
set -euo pipefail

widegram_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
widegram_build=${WIDEGRAM_BUILD:-$widegram_root/build}
widegram_program=$widegram_build/widegram
widegram_packages=(
  g++ cmake ninja-build pkg-config openmpi-bin libopenmpi-dev libpetsc-real-dev libscalapack-openmpi-dev
  libhdf5-openmpi-dev libopenblas-dev libgtest-dev libcli11-dev libtomlplusplus-dev libfmt-dev nlohmann-json3-dev
  libhwy-dev libxxhash-dev zlib1g-dev dataset-fashion-mnist)

# A limit of threads, which nproc listens to, is meant for ranks and not for builds.
widegram_processors() { env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc; }

widegram_missing_packages() {
  local package
  for package in "${widegram_packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || echo "$package"
  done
}

widegram_install() {
  local missing=() as_root=()
  if ! command -v dpkg-query >/dev/null; then
    echo "setup: no Debian packages here; widegram needs what these hold: ${widegram_packages[*]}" >&2
    return 0
  fi
  mapfile -t missing < <(widegram_missing_packages)
  if [[ ${#missing[@]} -eq 0 ]]; then
    echo "setup: all packages are installed"
    return 0
  fi
  echo "setup: missing packages: ${missing[*]}"
  if [[ $1 == no ]]; then
    echo "setup: ask your administrator for them, or run without --no-install" >&2
    return 1
  fi
  if [[ $(id -u) -ne 0 ]]; then
    command -v sudo >/dev/null || { echo "setup: run as root: apt-get install ${missing[*]}" >&2; return 1; }
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
}

# What Open MPI and OpenBLAS should know; anything that is set already stays.
widegram_environment() {
  export OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-1}
  # mpirun need not add a page of its own to the program's one message.
  export OMPI_MCA_orte_execute_quiet=${OMPI_MCA_orte_execute_quiet:-1}
  export OMPI_MCA_rmaps_base_oversubscribe=${OMPI_MCA_rmaps_base_oversubscribe:-1}
  if [[ $(id -u) -eq 0 ]]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  fi
}

widegram_configure_and_build() {
  local tests=$1
  cmake -S "$widegram_root" -B "$widegram_build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DWIDEGRAM_TESTS="$tests" >/dev/null
  if [[ $tests == ON ]]; then
    cmake --build "$widegram_build" --parallel "$(widegram_processors)"
  else
    cmake --build "$widegram_build" --parallel "$(widegram_processors)" --target widegram
  fi
}

# Some OpenBLAS versions take a newer processor with AVX-512 for an older one and run at half its speed. The doctor sees
# which kernels were chosen; only where they are the narrow ones is the choice made by hand.
widegram_blas_kernels() {
  [[ -z ${OPENBLAS_CORETYPE:-} ]] || return 0
  local findings
  findings=$("$widegram_program" doctor 2>/dev/null || true)
  if [[ $findings == *OPENBLAS_CORETYPE=SKYLAKEX* ]]; then
    export OPENBLAS_CORETYPE=SKYLAKEX
    echo "setup: OPENBLAS_CORETYPE=SKYLAKEX, for OpenBLAS would not use this processor's AVX-512"
  fi
}

# widegram_setup INSTALL(yes|no) TESTS(ON|OFF)
widegram_setup() {
  widegram_install "$1"
  widegram_environment
  widegram_configure_and_build "$2"
  widegram_blas_kernels
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  install=yes tests=OFF
  for word in "$@"; do
    case $word in
      --no-install) install=no ;;
      --tests) tests=ON ;;
      -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
      *) echo "setup: unknown option '$word'; see --help" >&2; exit 2 ;;
    esac
  done
  widegram_setup "$install" "$tests"
  echo "setup: built $widegram_program"
fi
