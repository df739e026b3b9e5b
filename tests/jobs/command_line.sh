#!/usr/bin/env bash
# The program as a user starts it: exit codes, and one message for all ranks.
# Usage: command_line.sh PROGRAM SOURCE_FOLDER
source "$(dirname "$0")/program_checks.sh"

printf 'data.train = "digits"\nkernel.preset = "dense"\nsolve.rigde = 1\n' >wrong.toml
printf 'data.train = "digits"\nkernel.preset = "dense"\n' >right.toml
printf 'not a result' >notes.txt

for ranks in 1 3; do
  expect $ranks 2 "unknown command 'rnu'; did you mean 'run'" rnu right.toml
  expect $ranks 2 "wrong.toml:3: unknown key 'solve.rigde'; did you mean 'ridge'" run wrong.toml
  expect $ranks 2 "missing.toml: cannot read" gram missing.toml
  expect $ranks 2 "\-\-set gram.tile=x: gram.tile must be an integer" solve right.toml --set gram.tile=x
  expect $ranks 2 "not expected: --nonsense" predict right.toml --nonsense
  expect $ranks 2 "dkm.inducing belongs to dkm.kind = .sparse." dkm right.toml --set dkm.inducing=5
  expect $ranks 5 "notes.txt" verify notes.txt
  expect $ranks 5 "nothing.h5" inspect nothing.h5
  expect $ranks 5 "no metrics.json" report .
done

works 3 "^widegram [0-9]+\.[0-9]+" --version
works 3 "^First steps:" --help
works 3 "^# Job files" --help-job
works 2 "^ok +ranks +2 joined" doctor
works 2 "^  engine +dense \([A-Z0-9_]+\)" describe right.toml
works 2 "^  float32 +within 5e-6 of float64 " describe right.toml
works 1 "^  float32 +further than 5e-6 from float64 " describe "$source/jobs/examples/cntk-gap.toml" --set kernel.activation=sign
works 1 "^  engine +pixel pairs .*: planes do not know the activation tanh" describe "$source/jobs/examples/cntk-gap.toml" \
  --set kernel.activation=tanh --set gram.tile=8
works 1 "^  gram.h5 +none: gram.mode = \"recompute\"" describe right.toml --set gram.mode=recompute
# A file of a monitor's that rank 0 alone fails to open ends all ranks.
timeout 60 mpirun -n 3 "$program" solve right.toml --set solve.method=cg --set output=monitor -- -ksp_monitor :/no/folder/x >out 2>err && code=0 || code=$?
[[ $code == 1 ]] && grep -q "rank 0: .*/no/folder/x" err || fail "a monitor without its file ends with $code:"
printf 'x,label\n1,3\n2,3\n3,3\n' >one.csv
"$program" solve right.toml --set data.train=one.csv --set data.targets=classes --set output=one >out 2>err || fail "one class is no error:"
grep -q "^warning: one.csv: every sample is of the same class" err || fail "no word of one class:"
works 1 "^[^ ]*dynamics: .*dynamics.h5 \([0-9]" dynamics right.toml --set output=dynamics
works 1 "^  an entry" describe right.toml --set kernel.precision=float64
! grep -q "^  float32" out || fail "describe speaks of float32 where entries are float64:"
OMPI_COMM_WORLD_SIZE='' SLURM_NTASKS=4 "$program" doctor >out 2>err && got=0 || got=$?
[[ $got == 2 ]] && grep -q "^FAIL  ranks" out ||
  fail "doctor did not notice four programs of one rank each (exit code $got)"
# What --verbose adds stands on standard error, once, and only there.
works 3 "^ok +ranks" doctor --verbose
[[ $(grep -cE "^ranks +3 on 1 node .*, process grid 1 x 3" err) == 1 && $(grep -cE "^processor +BLAS kernels for " err) == 1 ]] ||
  fail "--verbose does not tell of the launch:"
works 1 "^ok +ranks" doctor right.toml --set output=deep/out --verbose
grep -qE "^results +$scratch/deep/out$" err || fail "--verbose does not tell where results go:"
works 1 "^ok +ranks" doctor
[[ ! -s err ]] || fail "doctor says more than was asked for:"
"$program" --help-job | cmp -s - "$source/jobs/README.md" || fail "jobs/README.md is not what --help-job prints"
exit $((failures > 0))
