"""Core-hours of the full CIFAR-10 Gram, computed from what an entry was measured to cost one core.

    bench_convolution --images FOLDER/train.bin | python core_hours.py

Reads bench_convolution's JSON lines and prints a markdown table. Counted are the entries of the lower triangle of 50,000
training images and of 10,000 test images with all of them; preparing samples and solving are not. Beside them the
published V100-hours for the kernels of all 60,000 images, double precision: Shankar et al. 2020, "Neural kernels without
tangents".
"""

import json
import sys

TRAIN, TEST = 50_000, 10_000
ENTRIES = TRAIN * (TRAIN + 1) // 2 + TEST * TRAIN
PUBLISHED_V100_HOURS = {"myrtle5": 316, "myrtle7": 330, "myrtle10": 508}


def row(result):
    preset, depth = result["preset"], result["depth"]
    network = f"{preset}, depth {depth}" if depth else preset
    milliseconds = result["ms_an_entry"]
    hours = ENTRIES * milliseconds / 3.6e6
    hours = f"{hours:,.0f}" if hours >= 100 else f"{hours:.1f}"
    published = PUBLISHED_V100_HOURS.get(preset, "")
    return f"| {network} | {result['precision']} | {milliseconds:.3g} | {hours} | {published} |"


def main():
    results = [json.loads(line) for line in sys.stdin if line.startswith("{")]
    results = [result for result in results if result.get("bench") == "convolution"]
    if not results:
        sys.exit("no line of bench_convolution on the standard input; see the top of this script")
    print(f"{ENTRIES:,} entries\n")
    print("| network | precision | ms an entry, one core | core-hours | published V100-hours (float64) |")
    print("|---|---|---|---|---|")
    for result in sorted(results, key=lambda r: (r["preset"], r["depth"], r["precision"])):
        print(row(result))


if __name__ == "__main__":
    main()
