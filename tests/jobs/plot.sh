#!/usr/bin/env bash
# jobs/plot.py on what small runs leave: every picture is there and is a picture, a damaged file is named, a missing package or
# folder is a message. Skipped (77) where Python, matplotlib or h5py are not installed.
# Usage: plot.sh PROGRAM SOURCE_FOLDER
# shellcheck source=tests/jobs/program_checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/program_checks.sh"
needs_python matplotlib h5py
export MPLCONFIGDIR=$scratch/matplotlib

# plot FOLDER...: what it says is kept in out and err.
plot() { "$python" "$source/jobs/plot.py" "$@" >out 2>err; }

# draws FOLDER NAMES: exactly these pictures, and nothing is said of problems.
draws() {
  local folder=$1 names=$2 picture got
  plot "$folder" || fail "plot.py $folder ends with $?"
  [[ ! -s err ]] || fail "plot.py $folder complains:"
  got=$(cd "$folder/plots" && echo *.png)
  [[ $got == "$names" ]] || fail "plot.py $folder has drawn '$got', expected '$names'"
  for picture in "$folder"/plots/*.png; do
    [[ $(head -c 8 "$picture" | tail -c 7 | head -c 3) == PNG && $(wc -c <"$picture") -gt 5000 ]] || fail "$picture is no picture"
  done
}

classes=(--set output=classes --quiet)
printf '[data]\ntrain = "digits:train[:120]"\ntest = "digits:test[:40]"\n[kernel]\npreset = "dense"\n' >classes.toml
start 2 run classes.toml "${classes[@]}" --set 'solve.ridges=[0.0, 1e-4, 1e-2, 1.0]' >out
start 2 spectrum classes.toml "${classes[@]}" --set 'spectrum.ridges=[1e-4, 1e-2]' >out
draws classes "cumulative-power.png effective-dimension.png gram.png predictions.png ridge-path.png spectrum.png"

start 2 spectrum classes.toml "${classes[@]}" --set spectrum.largest=5 >out
draws classes "cumulative-power.png effective-dimension.png gram.png predictions.png ridge-path.png spectrum.png"

# Training in time, with a time of best validation loss; then conjugate gradients, whose residuals metrics.json keeps.
training=(--set 'dynamics.times=[0, 1, 10, 100, inf]' --set dynamics.validation=0.25 --set dynamics.ridge=1e-4)
start 2 dynamics classes.toml --quiet --set output=training "${training[@]}" >out
draws training "gram.png loss-curves.png"
# What is left at infinity is rounding: it does not stretch the axis of the losses.
"$python" - "$source/jobs" <<'END' || fail "the losses' axis reaches down to the loss at infinity"
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import h5py, plot
with h5py.File("training/dynamics.h5", "r+") as file:
    file["train_loss"][-1] = 1e-31
class Limits:
    def save(self, figure, name):
        sys.exit(0 if figure.axes[0].get_ylim()[0] > 1e-10 else 1)
plot.draw_dynamics(Path("training/dynamics.h5"), Limits())
END
start 2 solve classes.toml --quiet --set output=cg --set solve.method=cg >out
draws cg "convergence.png gram.png"

# Deep kernel machines: the objective of a full-rank one, the epochs of one with inducing points.
dkm=(--quiet --set 'data.preprocess=["standardize"]' --set dkm.depth=1)
start 2 dkm classes.toml "${dkm[@]}" --set output=machine --set dkm.nu=10 --set dkm.noise=0.1 --set dkm.tolerance=1e-2 >out
draws machine "predictions.png training.png"
start 2 dkm classes.toml "${dkm[@]}" --set output=epochs --set dkm.kind=sparse --set dkm.likelihood=categorical \
  --set dkm.inducing=20 --set dkm.epochs=3 --set dkm.batch=40 --set dkm.validation=0.25 >out
draws epochs "predictions.png training.png"

# A learning curve, from folders and from what tests/bench/learning_curve.py prints.
start 1 run classes.toml --quiet --set output=fewer --set 'data.train=digits:train[:60]' >out
printf '{"gram": "gram.h5", "function": "ntk", "n": %d, "ridge": 0.01, "accuracy": 0.%d}\n' 60 8 120 9 >curve.json
echo '| a table | that follows |' >>curve.json
start 2 run classes.toml "${classes[@]}" >out
plot fewer classes curve.json || fail "plot.py of several folders ends with $?"
[[ ! -s err && $(cat out) == plots/learning-curve.png && $(wc -c <plots/learning-curve.png) -gt 5000 ]] || fail "no learning curve:"
plot fewer cg && fail "a run without predictions is in a learning curve"
[[ $(wc -l <err) == 1 ]] && grep -q "^plot.py: cg gives no point of a learning curve" err || fail "a run without predictions is not named:"

plot classes -o elsewhere --svg || fail "plot.py -o --svg ends with $?"
grep -q '<svg' elsewhere/spectrum.svg && [[ -s elsewhere/spectrum.png ]] || fail "plot.py -o --svg has left no picture"

cp "$source/jobs/examples/waves.csv" .
sed "s#jobs/examples/##" "$source/jobs/examples/csv.toml" >values.toml
start 1 run values.toml --set output=values --quiet >out
draws values "gram.png predictions.png"
start 1 run values.toml --set output=bars --set kernel.function=nngp --set predict.variance=true --quiet >out
draws bars "calibration.png gram.png predictions.png"

# A scaling study draws itself.
OMPI_MCA_rmaps_base_oversubscribe=1 "$program" scale classes.toml --set output=study --ranks 1,2 --sizes 30,60 --weak 40 \
  --repeats 1 --warmup 0 --quiet --python "$python" >out 2>err || fail "scale ends with $?"
[[ ! -s err ]] || fail "scale complains:"
got=$(cd study && echo scaling-*.svg)
# Where two ranks are more than there are processors, nothing is to be compared.
[[ $processors == 1 || $got == "scaling-efficiency.svg scaling-phases.svg scaling-strong.svg scaling-weak.svg" ]] ||
  fail "scale has drawn '$got'"
grep -q '<svg' study/scaling-phases.svg || fail "scale has drawn no phases"
plot cg/metrics.json && fail "a file that is no study was drawn"
cp study/scaling.csv elsewhere/scaling.json
plot elsewhere/scaling.json && fail "a scaling.json that is none was drawn"
[[ $(wc -l <err) == 1 ]] && grep -q "^plot.py: elsewhere/scaling.json cannot be drawn" err || fail "a false scaling.json is not named:"

# A folder that is none, an empty one, and a file that is cut short: a message each, no traceback.
mkdir empty
for folder in nowhere empty; do
  plot "$folder" && fail "plot.py $folder has not failed"
  [[ $(wc -l <err) == 1 ]] && grep -q "^plot.py: $folder" err || fail "plot.py $folder has not said so in a line:"
done
head -c 6000 classes/spectrum.h5 >cut && mv cut classes/spectrum.h5
plot classes && fail "a cut spectrum.h5 was drawn"
[[ $(wc -l <err) == 1 ]] && grep -q "^plot.py: classes/spectrum.h5 cannot be drawn" err || fail "a cut spectrum.h5 is not named:"

# Without matplotlib: which packages to install.
mkdir -p without/matplotlib
echo 'raise ImportError("No module named matplotlib")' >without/matplotlib/__init__.py
PYTHONPATH=$scratch/without plot values && fail "plot.py works without matplotlib"
grep -q 'apt-get install python3-matplotlib python3-h5py' err || fail "plot.py does not say what to install:"

exit $((failures > 0))
