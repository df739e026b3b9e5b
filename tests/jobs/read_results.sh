#!/usr/bin/env bash
# jobs/examples/read_results.py on a run's files: what Python computes from them is what the program has said. Skipped (77) where
# Python or h5py are not installed; scikit-learn's part where that is not.
# Usage: read_results.sh PROGRAM SOURCE_FOLDER
# shellcheck source=tests/jobs/program_checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/program_checks.sh"
needs_python h5py
start 2 run "$source/jobs/examples/digits.toml" --quiet --set output=digits >out 2>err || fail "run"
"$python" "$source/jobs/examples/read_results.py" digits >out 2>err || fail "read_results.py ends with $?"
cat out
grep -qE '^gram.h5: the NTK of .*, 1347 samples, float64$' out || fail "the Gram"
grep -qE 'they are test_train @ alpha to [0-9]e-1[2-6]$' out || fail "the coefficients"
[[ $(sed -nE 's/^accuracy ([0-9.]+); metrics.json says \1$/\1/p' out) > 0.97 ]] || fail "the accuracy"
if "$python" -c 'import sklearn' 2>/dev/null; then
  [[ $(sed -n 's/^a support vector machine.* accuracy //p' out) > 0.95 ]] || fail "scikit-learn"
fi

# Targets that are values; a folder without what it reads.
cp "$source/jobs/examples/waves.csv" .
sed "s#jobs/examples/##" "$source/jobs/examples/csv.toml" >values.toml
start 2 run values.toml --quiet --set output=values >out 2>err || fail "run on values"
"$python" "$source/jobs/examples/read_results.py" values >out 2>err || fail "read_results.py on values ends with $?"
[[ -n $(sed -nE 's/^RMSE ([0-9.e-]+); metrics.json says \1$/\1/p' out) ]] || fail "the RMSE"
! "$python" "$source/jobs/examples/read_results.py" . >out 2>err || fail "read_results.py reads nothing"
[[ $(wc -l <err) == 1 ]] && grep -q "holds no gram.h5" err || fail "a folder without a Gram is not named:"
exit $((failures > 0))
