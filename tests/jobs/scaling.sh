#!/usr/bin/env bash
# Scaling studies and plans as a user starts them: points are kept and taken up again, one that fails does not end the others,
# more ranks than processors are told apart, and what is asked for wrongly is named.
# Usage: scaling.sh PROGRAM SOURCE_FOLDER
# shellcheck source=tests/jobs/program_checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/program_checks.sh"
export OMPI_MCA_rmaps_base_oversubscribe=1
cat >job.toml <<'E2'
output = "study"
[data]
train = "digits:train[:900]"
test = "digits:test[:50]"
[kernel]
preset = "dense"
[solve]
method = "cg"
E2
too_many=$((processors + 1))

# scale WORDS...: what it says is kept in out and err.
scale() { "$program" scale job.toml --repeats 2 --warmup 0 --quiet --python no-such-python "$@" >out 2>err; }
csv() { awk -F, '$8 == "assembly" { print $1, $2, $6, $7, ($14 == "" ? "none" : "some") }' study/scaling.csv; }

study=(--ranks "1,$too_many" --sizes 60,120,5000)
scale "${study[@]}" --list || fail "scale --list ends with $?"
[[ $(wc -l <out) == 6 && $(grep -c oversubscribed out) == 3 && ! -e study ]] || fail "scale --list lists other points:"

# digits has 1,347 training samples: the points of 5,000 fail, and the others are there.
scale "${study[@]}" || fail "a study with a failing point ends with $?"
diff - <(csv) <<E2 || fail "scaling.csv holds other points:"
1 60 0 2 some
$too_many 60 1 2 none
1 120 0 2 some
$too_many 120 1 2 none
E2
[[ $(grep -c 'r[0-9]*-n5000: exit code 3: error: digits:train\[0:5000\]' err) == 2 ]] || fail "the failing points are not named:"
grep -q 'no pictures: ' err || fail "nothing is said of missing pictures:"
grep -q '"exit_code": 3' study/scaling.json || fail "the failing points are not in scaling.json"
grep -q '"communication_share"' study/scaling.json || fail "scaling.json tells no shares"
[[ -z $(find study -name '*.h5') ]] || fail "large files are left: $(find study -name '*.h5')"

# Again: what is finished is not touched, what is missing is made.
rm -r study/points/r1-n60/k2
ls -l --full-time study/points/r1-n60/k1/metrics.json "study/points/r$too_many-n120"/k?/metrics.json >before
scale "${study[@]}" || fail "the study, taken up again, ends with $?"
ls -l --full-time study/points/r1-n60/k1/metrics.json "study/points/r$too_many-n120"/k?/metrics.json >after
cmp before after || fail "finished points were run again"
[[ -s study/points/r1-n60/k2/metrics.json ]] || fail "the missing repeat was not made up"

# One point alone, which fails, is the code of the program. Another job's points are not mixed in.
got=0
scale "${study[@]}" --point 4 || got=$?
[[ $got == 3 ]] || fail "scale --point of a failing point ends with $got:"
fails 2 'study/points holds the points of another job' "$program" scale job.toml --quiet --set solve.ridge=0.1 "${study[@]}"
fails 2 '--point 6: the study has 6 points, 0 to 5' "$program" scale job.toml "${study[@]}" --point 6
fails 2 'scale starts the ranks itself' mpirun -n 1 "$program" scale job.toml
fails 2 'is no whole number between' "$program" scale job.toml --ranks 1,two
fails 2 'none.toml: cannot read this job file' "$program" scale none.toml
fails 5 'cannot start no-launcher' "$program" scale job.toml --quiet --set output=other --launcher no-launcher

# A signal goes on to the run, the study ends with 75, and goes on later.
: >busy.toml
sed 's/dense"/cntk-gap"/; s/study/busy/' job.toml >busy.toml
"$program" scale busy.toml --quiet --ranks 1 --repeats 1 --warmup 0 --command gram >out 2>err &
within=200
until [[ -e busy/points/r1-all/k1/gram.h5 || $within == 0 ]]; do sleep 0.1; within=$((within - 1)); done
kill -USR1 $!
got=0
wait $! || got=$?
[[ $got == 75 ]] || fail "a study that was asked to stop ends with $got:"
grep -q '^widegram: stopped early' err || fail "a study that was asked to stop does not say so:"

# Plans: the table, agreement with describe, and the errors against the study.
plan() { "$program" plan job.toml --quiet "$@" >out 2>err; }
plan --ranks-a-node 1 --points study/scaling.json || fail "plan ends with $?"
grep -q '"schedule_imbalance": 1.0' study/plan.json || fail "a plan of one rank is out of balance"
grep -qE '^against 2 measured points: assembly is off by [0-9]+ %' out || fail "plan does not compare itself with the points:"
"$program" describe job.toml >described
memory=$(sed -n 's/^  memory a rank *\([^ ]* [^ ]*\) =.*/\1/p' described)
grep -qF " $memory " out || fail "describe says $memory a rank, and plan does not:"
plan --nodes 1..64 --ranks-a-node 64 --size 1000000 || fail "a plan of a million samples ends with $?"
[[ $(grep -cE '^ +(1|2|4|8|16|32|64) +[0-9]+ ' out) == 7 ]] || fail "a plan of 64 nodes has other lines:"
awk -F'[:,]' '/schedule_imbalance/ && $2 > 1.05 { bad = 1 } END { exit bad }' study/plan.json || fail "a schedule is out of balance"
plan --node-file "$source/jobs/nodes/two-sockets.toml" --nodes 1..4 || fail "a plan on given nodes ends with $?"
grep -q 'two 32-core processors (64 cores, 550 GB, 40 Gflop/s a core)' out || fail "a plan does not name the given node:"
fails 2 'runs backwards' "$program" plan job.toml --nodes 4..1
fails 2 'nowhere.toml: cannot read this node file' "$program" plan job.toml --node-file nowhere.toml
fails 2 'nowhere.json: cannot read this file of measured points' "$program" plan job.toml --points nowhere.json
fails 2 'job.toml: is no scaling.json' "$program" plan job.toml --points job.toml
fails 3 'no-such-set' "$program" plan job.toml --set data.train=no-such-set
fails 2 'plan knows deep kernel machines of the kind "full"' "$program" plan "$source/jobs/examples/dkm-sparse.toml" --set output=study

exit $((failures > 0))
