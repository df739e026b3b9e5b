"""Times neural-tangents and widegram on the same images and networks, float32 NTK, in one run, and compares the entries.

    python side_by_side.py WIDEGRAM [--images FOLDER/train.bin] [--network cntk-gap] [--samples 64] [--tile 8] [--rounds 5]
        [--batches 2 4 8]

WIDEGRAM is the program's path; `mpirun` starts it with a rank a core that this process may use. neural-tangents has the
same cores: jax on the CPU, compiled, the fastest of the batches (images a side). The two take turns; times are medians
over the rounds, in milliseconds of wall time an entry. Left out are compiling (within the first call, whose seconds are
given apart) and files; widegram's preparing of the samples counts. Without --images (CIFAR-10's binary format), smooth
made-up pictures. One JSON line a network. Needs numpy, h5py and what tests/golden/requirements.txt lists.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
sys.path.append(str(GOLDEN))
try:
    import h5py
    import jax
    import numpy as np

    from stax_network import build, stax_inputs
except ModuleNotFoundError as missing:
    sys.exit(
        f"{missing}. In a scratch environment of Python 3.11: pip install h5py -r {GOLDEN / 'requirements.txt'}"
    )

SHAPE = (3, 32, 32)
CORES = len(os.sched_getaffinity(0))

CONV = [{"op": "conv", "weight_variance": 2.0}, {"op": "relu"}]
POOL = [{"op": "avgpool"}]
# Name -> what a job file's [kernel] says, and the same network layer by layer for stax.
NETWORKS = {
    "cntk-gap": ('preset = "cntk-gap"\ndepth = 5', 5 * CONV + [{"op": "global_avgpool"}, {"op": "dense"}]),
    "myrtle5": (
        'preset = "myrtle5"',
        2 * CONV + POOL + CONV + POOL + CONV + 3 * POOL + [{"op": "flatten"}, {"op": "dense"}],
    ),
}


def load_images(path, count):
    """count x (3 * 32 * 32), channel first, mean 0 and variance 1."""
    if path:
        records = np.fromfile(path, np.uint8, 3073 * count).reshape(-1, 3073)
        if len(records) < count:
            sys.exit(f"{path}: {len(records)} images, {count} wanted (--samples)")
        images = records[:, 1:] / 255
    else:
        rng = np.random.default_rng(0)
        rows, columns = np.mgrid[:32, :32]
        waves = rng.normal(0, 1, (count, 3, 6, 3, 1, 1)) * np.array([0.3, 0.3, 6]).reshape(3, 1, 1)
        phases = waves[..., 0, :, :] * rows + waves[..., 1, :, :] * columns + waves[..., 2, :, :]
        images = np.sin(phases).sum(2).reshape(count, -1)
    return ((images - images.mean()) / images.std()).astype(np.float32)


class NeuralTangents:
    def __init__(self, layers, images, batches):
        _, _, kernel_fn = build(layers)
        self.images = stax_inputs(SHAPE, images)
        self.ntk = jax.jit(lambda a, b: kernel_fn(a, b, "ntk"))
        self.first_call_seconds = {b: self.run(b)[0] for b in batches}
        self.batch = min(batches, key=lambda b: self.run(b)[0] / b**2)

    def run(self, batch):
        """Seconds, and the entries of the last `batch` images with the first ones."""
        start = time.perf_counter()
        values = self.ntk(self.images[-batch:], self.images[:batch]).block_until_ready()
        return time.perf_counter() - start, np.asarray(values)


class Widegram:
    def __init__(self, program, kernel, tile, images):
        self.program, self.kernel, self.tile, self.images = program, kernel, tile, images

    def run(self):
        """Seconds an entry, and the lower triangle of the Gram."""
        with tempfile.TemporaryDirectory() as folder:
            data, job = f"{folder}/images.h5", f"{folder}/job.toml"
            with h5py.File(data, "w") as file:
                file["inputs"] = self.images.reshape(-1, *SHAPE)
                file["targets"] = np.zeros((len(self.images), 1))
            pathlib.Path(job).write_text(
                f'output = "{folder}/out"\n[data]\ntrain = "{data}"\n'
                f'[kernel]\nprecision = "float32"\n{self.kernel}\n[gram]\ntile = {self.tile}\n'
            )
            command = ["mpirun", "-n", str(CORES), self.program, "gram", job, "--quiet"]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
            figures = json.loads(pathlib.Path(f"{folder}/out/metrics.json").read_text())["gram"]
            with h5py.File(f"{folder}/out/gram.h5") as file:
                gram = file["train"][:]
        return (figures["prepare_seconds"] + figures["rank_seconds"]["max"]) / figures["entries"], gram


def compare(name, arguments, images):
    kernel, layers = NETWORKS[name]
    theirs = NeuralTangents(layers, images, arguments.batches)
    ours = Widegram(arguments.widegram, kernel, arguments.tile, images)
    print(f"{name}: compiled, the timed rounds begin", file=sys.stderr, flush=True)
    their_seconds, busy_cores, our_seconds = [], [], []
    for _ in range(arguments.rounds):
        before = resource.getrusage(resource.RUSAGE_SELF)
        seconds, values = theirs.run(theirs.batch)
        after = resource.getrusage(resource.RUSAGE_SELF)
        busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        their_seconds.append(seconds / theirs.batch**2)
        busy_cores.append(busy / seconds)
        seconds, gram = ours.run()
        our_seconds.append(seconds)
    theirs_ms, ours_ms = (1e3 * statistics.median(seconds) for seconds in (their_seconds, our_seconds))
    entries = gram[-theirs.batch :, : theirs.batch]
    return {
        "network": name,
        "neural_tangents_ms": round(theirs_ms, 4),
        "widegram_ms": round(ours_ms, 4),
        "ratio": round(theirs_ms / ours_ms, 1),
        "cores": CORES,
        "largest_difference": float(f"{np.max(np.abs(entries / values - 1)):.2e}"),
        "neural_tangents_busy_cores": round(statistics.median(busy_cores), 2),
        "neural_tangents_batch": theirs.batch,
        "neural_tangents_first_call_seconds": round(theirs.first_call_seconds[theirs.batch], 1),
        "samples": len(images),
        "tile": arguments.tile,
        "rounds": arguments.rounds,
        "images": arguments.images or "made up",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("widegram")
    parser.add_argument("--images")
    parser.add_argument("--network", choices=NETWORKS, action="append")
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--tile", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, nargs="+", default=[2, 4, 8])
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.samples < 2 * max(arguments.batches):
        parser.error(f"--samples: at least {2 * max(arguments.batches)}, so that no image meets itself")
    images = load_images(arguments.images, arguments.samples)
    for name in arguments.network or NETWORKS:
        print(json.dumps(compare(name, arguments, images)), flush=True)


if __name__ == "__main__":
    main()
