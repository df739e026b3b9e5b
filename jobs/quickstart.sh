#!/usr/bin/env bash
# From a bare Debian 12 machine to test accuracy: installs what is missing, builds, checks the launch, runs the main job on
# digits and on Fashion-MNIST with two ranks, and prints a table.
#   bash jobs/quickstart.sh [--no-install]
set -euo pipefail
# shellcheck source=jobs/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

install=yes
for word in "$@"; do
  case $word in
    --no-install) install=no ;;
    -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "quickstart: unknown option '$word'; see --help" >&2; exit 2 ;;
  esac
done

ranks=2
cd "$widegram_root"
widegram_setup "$install" OFF

echo
echo "== Is this machine ready? (widegram doctor)"
mpirun -n $ranks "$widegram_program" doctor

folders=(runs/digits)
echo
echo "== digits, $ranks ranks"
mpirun -n $ranks "$widegram_program" run jobs/examples/digits.toml
if [[ -d /usr/share/datasets/fashion-mnist ]]; then
  echo
  echo "== Fashion-MNIST, 5,000 training and 1,000 test images, $ranks ranks"
  mpirun -n $ranks "$widegram_program" run jobs/examples/fashion.toml
  folders+=(runs/fashion)
fi

echo
echo "== What came out (widegram report)"
"$widegram_program" report "${folders[@]}"
echo
as_root=
[[ $(id -u) -eq 0 ]] && as_root=" OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"
echo "Next, four times the images (in a shell with the settings that this script has made for itself):"
echo "  export OPENBLAS_NUM_THREADS=1${OPENBLAS_CORETYPE:+ OPENBLAS_CORETYPE=$OPENBLAS_CORETYPE}$as_root"
echo "  mpirun -n $ranks ${widegram_program#"$widegram_root"/} run jobs/examples/fashion.toml --set data.train=fashion-mnist:train[:20000] --set output=runs/fashion-20k"
