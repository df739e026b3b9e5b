#!/usr/bin/env bash
# soak.py with a Python that has what it needs. Skipped (77) where there is none.
# Usage: soak.sh PROGRAM SOURCE_FOLDER SECONDS [--seed N]
# shellcheck source=tests/jobs/program_checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/program_checks.sh"
needs_python h5py numpy
"$python" "$source/tests/jobs/soak.py" "$program" --seconds "$3" "${@:4}"
