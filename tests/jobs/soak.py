#!/usr/bin/env python3
"""Random jobs that are killed and stopped again and again, for as long as one likes.

    python3 soak.py PROGRAM [--seconds 7200] [--seed N]

Every job runs undisturbed once. Then it runs in another folder, where it is struck at random moments in random ways and goes on,
each time on another number of ranks, until it ends. Whatever was struck must leave nothing that runs, and files that verify good;
the end must be that of the undisturbed run: the Grams' bits, everything else to rounding. A job that the program refuses must be
refused in one line. The first thing that is not so ends the soak with exit code 1, with the folder kept and the seed told, by
which the same jobs come again. Needs h5py and numpy; mpirun must be allowed more ranks than there are processors.
"""

import argparse
import collections
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

LONGEST = 300  # seconds of a run; none takes so long undisturbed
MOST_STRIKES = 6  # on one job, which then ends in peace
STOPPED = 75
# Of what is compared to rounding, by command: how far apart, relative to the largest number. Conjugate gradients end within
# their tolerance, trainings amplify what rounding does to their first steps.
CLOSE = {"run": 1e-5, "dynamics": 1e-5, "spectrum": 1e-6, "dkm": 1e-2}
# What another course of the same computation may change: vectors up to their sign, what is left at the end, steps, seconds.
INCOMPARABLE = {"eigenvectors", "residuals", "curve", "objective", "parameters", "last_parameters", "ridge_path", "gram"}


class Failure(Exception):
    pass


# --- jobs ----------------------------------------------------------------------------------------------------------------


def network(draw):
    if draw.random() < 0.25:
        return draw.choice([150, 200, 250]), [f'preset = "cntk-gap"\ndepth = {draw.randint(2, 5)}']
    lines = [f'preset = "dense"\ndepth = {draw.randint(1, 4)}\nactivation = "{draw.choice(["relu", "erf", "gelu"])}"']
    return draw.choice([90, 300, 700, 1200]), lines


def kernel_job(draw, command):
    n, kernel = network(draw)
    kernel.append(f'function = "{draw.choice(["nngp", "ntk"])}"\nprecision = "{draw.choice(["float32", "float64"])}"')
    kernel.append(f"both = {draw.choice(['true', 'false'])}")
    steps = draw.choice(["[]", '["standardize"]', '["center", "normalize"]'])
    mode = draw.choice(["stored", "stored", "out-of-core", "recompute"])
    tables = [
        f'[data]\ntrain = "digits:train[:{n}]"\ntest = "digits:test[:{draw.choice([1, 30, 150])}]"\npreprocess = {steps}',
        "[kernel]\n" + "\n".join(kernel),
        f'[gram]\ntile = {draw.choice([8, 16, 64])}\nmode = "{mode}"\ncheckpoint_every = "20ms"',
    ]
    if command == "run":
        tables.append(solve_table(draw))
        tables.append(f"[predict]\nvariance = {draw.choice(['true', 'false', 'false'])}")
    if command == "dynamics":
        tables.append(f"[dynamics]\ntimes = [0, 1, 30.5, 1000, inf]\nridge = 1e-3\nvalidation = {draw.choice([0, 0.2])}")
    if command == "spectrum":
        tables.append(f"[spectrum]\nlargest = {draw.choice([5, 40])}" if draw.random() < 0.5 else "[spectrum]")
    return tables


def solve_table(draw):
    method = draw.choice(["auto", "cholesky", "cg", "cg"])
    lines = ["[solve]", f'method = "{method}"']
    if draw.random() < 0.3:
        lines.append(f'ridges = [1e-3, 1e-2, 1e-1]\nselection = "{draw.choice(["loo", "holdout", "evidence"])}"')
    else:
        lines.append(f"ridge = {draw.choice([1e-3, 1e-2])}")
    if method == "cg":
        lines.append(f'preconditioner = "{draw.choice(["none", "nystrom", "nystrom-columns", "rpcholesky"])}"')
    return "\n".join(lines)


def machine_job(draw):
    kind = draw.choice(["full", "sparse", "convolutional"])
    n = {"full": 150, "sparse": 400, "convolutional": 200}[kind]
    table = {
        "full": f"depth = {draw.randint(1, 2)}\nnu = 10.0\ntolerance = 1e-3",
        "sparse": f"depth = {draw.randint(1, 2)}\ninducing = 40\nepochs = {draw.randint(2, 8)}\nbatch = 50\nrate = 0.02",
        "convolutional": (
            f"likelihood = \"categorical\"\nsamples = 50\nepochs = {draw.randint(1, 3)}\nbatch = 40\nrate = 0.02\nlayers = [\n"
            "  { op = 'input', inducing = 12 }, { op = 'relu' }, { op = 'conv', inducing = 12, stride = 2 },\n"
            "  { op = 'gram' }, { op = 'norm' }, { op = 'arccos' }, { op = 'global_avgpool' }, { op = 'norm' } ]"
        ),
    }[kind]
    return [
        f'[data]\ntrain = "digits:train[:{n}]"\ntest = "digits:test[:60]"\npreprocess = ["standardize"]',
        f'[gram]\ncheckpoint_every = "50ms"\n[dkm]\nkind = "{kind}"\n{table}',
    ]


def random_job(draw):
    """The command and the job file's text."""
    command = draw.choice(["run", "run", "run", "dynamics", "spectrum", "dkm"])
    return command, "\n".join(machine_job(draw) if command == "dkm" else kernel_job(draw, command)) + "\n"


# --- processes -----------------------------------------------------------------------------------------------------------


def start(program, command, output, ranks, log):
    words = ["mpirun", "-n", str(ranks), program, command, "job.toml", "--quiet", "--set", f"output={output}"]
    return subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT, cwd=log.folder, start_new_session=True)


class Log:
    """A file in the soak's folder that a run writes into."""

    def __init__(self, folder):
        self.folder, self.path = folder, folder / "log.txt"
        self.file = open(self.path, "wb")

    def fileno(self):
        return self.file.fileno()

    def text(self):
        return self.path.read_text(errors="replace")


def living(folder):
    """Processes that work in the folder."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and Path(os.readlink(process / "cwd")) == folder:
                found.append(int(process.name))
        except OSError:  # it has gone, or is another user's
            pass
    return found


def signal_all(processes, number):
    for process in processes:
        try:
            os.kill(process, number)
        except ProcessLookupError:
            pass


def children(process):
    try:
        return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def strike(draw, run, output):
    """Ends the run in a random way, whose name it returns."""
    ranks = children(run.pid)
    way = draw.choice(["kill of all", "kill of a rank", "kill of a rank", "kill of the launcher", "USR1", "TERM", "stop file"])
    if way == "kill of all":
        signal_all([run.pid, *ranks], signal.SIGKILL)
    elif way == "kill of a rank":
        signal_all([draw.choice(ranks)] if ranks else [run.pid], signal.SIGKILL)
    elif way == "kill of the launcher":
        signal_all([run.pid], signal.SIGKILL)
    elif way in ("USR1", "TERM"):
        signal_all([run.pid], getattr(signal, "SIG" + way))
    elif output.is_dir():
        (output / "stop").touch()
    return way


def wait(run, folder, what):
    """Its exit code, once nothing of it lives."""
    try:
        code = run.wait(LONGEST)
    except subprocess.TimeoutExpired:
        raise Failure(f"{what} has not ended after {LONGEST} s") from None
    for _ in range(600):
        if not living(folder):
            return code
        time.sleep(0.1)
    raise Failure(f"{what}: processes live on after a minute: {living(folder)}")


# --- results -------------------------------------------------------------------------------------------------------------


def verify(program, output, what):
    for path in sorted(output.glob("*.h5")):
        found = subprocess.run([program, "verify", str(path)], capture_output=True, text=True)
        if found.returncode != 0:
            raise Failure(f"{what}: {path.name} does not verify: {found.stdout}{found.stderr}")


def comparable(path):
    """A file's datasets, but for what a clock has said."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    if "counters" in found:  # of a training's state: epoch, batch, steps, best epoch, its score, seconds, sums
        found["counters"] = np.delete(found["counters"], 5)
    return found


def compare(command, whole, torn):
    names = sorted(path.name for path in whole.iterdir() if path.suffix == ".h5")
    others = sorted(path.name for path in torn.iterdir() if path.suffix == ".h5")
    if names != others:
        raise Failure(f"the undisturbed run has left {names}, the other one {others}")
    for name in names:
        expected, found = comparable(whole / name), comparable(torn / name)
        if expected.keys() != found.keys():
            raise Failure(f"{name} holds {sorted(found)}, not {sorted(expected)}")
        for key, values in expected.items():
            if name.startswith("gram"):
                if not np.array_equal(values, found[key]):
                    raise Failure(f"{name}:/{key} has other bits")
            elif key.split("/")[0] not in INCOMPARABLE and np.issubdtype(np.asarray(values).dtype, np.floating):
                known = np.isfinite(values)  # among times there is infinity
                largest = np.max(np.abs(values[known]), initial=1e-300)
                apart = np.max(np.abs(values[known] - found[key][known]), initial=0)
                if not apart <= CLOSE[command] * largest:
                    raise Failure(f"{name}:/{key} is {apart / largest:.2g} away, relative to its largest number")


# -------------------------------------------------------------------------------------------------------------------------


def soak_one(draw, program, folder, count):
    """One job, whole and torn."""
    command, text = random_job(draw)
    (folder / "job.toml").write_text(text)
    whole, torn = folder / "whole", folder / "torn"
    log, ranks = Log(folder), draw.randint(1, 7)
    begun = time.monotonic()
    code = wait(start(program, command, "whole", ranks, log), folder, f"{command} on {ranks} ranks")
    seconds = time.monotonic() - begun
    if code != 0:
        told = [line for line in log.text().splitlines() if line.startswith("widegram: error: ")]
        if code not in (2, 3, 4) or len(told) != 1:
            raise Failure(f"{command} on {ranks} ranks: exit code {code}")
        count["refused"] += 1
        return
    verify(program, whole, command)
    for strikes in range(MOST_STRIKES + 1):
        ranks = draw.randint(1, 7)
        log = Log(folder)
        run, way = start(program, command, "torn", ranks, log), "peace"
        if strikes < MOST_STRIKES:
            time.sleep(draw.uniform(0, 1.1) * seconds)
            if run.poll() is None:
                way = strike(draw, run, torn)
        what = f"{command} on {ranks} ranks, {way}"
        code = wait(run, folder, what)
        (torn / "stop").unlink(missing_ok=True)
        if torn.is_dir():
            verify(program, torn, what)
        count[way] += 1
        if code == 0:
            break
        # Signals that come before the program listens end it as they end any other.
        if way == "peace" or (way == "stop file" and code != STOPPED):
            raise Failure(f"{what}: exit code {code}")
    compare(command, whole, torn)
    count["jobs"] += 1


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("program", type=Path)
    words.add_argument("--seconds", type=float, default=7200)
    words.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked = words.parse_args()
    program, draw, count = str(asked.program.resolve()), random.Random(asked.seed), collections.Counter()
    begun, rounds = time.monotonic(), 0
    while time.monotonic() - begun < asked.seconds:
        rounds += 1
        folder = Path(tempfile.mkdtemp(prefix="widegram-soak-")).resolve()
        try:
            soak_one(draw, program, folder, count)
        except Failure as failure:
            print((folder / "job.toml").read_text(), (folder / "log.txt").read_text(errors="replace"), sep="\n")
            signal_all(living(folder), signal.SIGKILL)
            sys.exit(f"FAILED: job {rounds} of --seed {asked.seed}: {failure}\nkept: {folder}")
        shutil.rmtree(folder)
    jobs, refused = count.pop("jobs"), count.pop("refused", 0)
    ways = ", ".join(f"{number} x {way}" for way, number in sorted(count.items()))
    print(f"seed {asked.seed}: {jobs} jobs ended as undisturbed ones do, {refused} were refused in a line ({ways})")


if __name__ == "__main__":
    main()
