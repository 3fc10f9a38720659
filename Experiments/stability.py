#!/usr/bin/env python3
"""Long runs at a constant learning rate with weight decay, where weights before a normalization shrink and then jump: the largest
loss of a step after the first 200, and the mean of the last 200. Runs that are in
Experiments/stability.csv are not made again.

    make build data && Experiments/stability.py [--jobs 2] [--seeds 10] [--data bars|fashion-mnist] [--only batch|batch-renorm]
    Experiments/stability.py --table

writes Experiments/stability.csv after each run; the second prints it by setting, over seeds. The network is `small:0.25`, batches of 8
in one group, 20,000 steps, SGD with momentum 0.9. `bars` are 200 images of a bright row or column on noise, 4 classes, learned by heart in 200 steps; runs/bars.
"""

import argparse
import concurrent.futures
import csv
import json
import os
import pathlib
import random
import shutil
import statistics
import struct
import subprocess

FOLDER = pathlib.Path(__file__).resolve().parents[1]
RENORM = os.environ.get("RENORM", str(FOLDER / ".build/release/renorm"))
RUNS = FOLDER / "runs"
KEPT = FOLDER / "Experiments/stability.csv"
CELL = ("data", "learning_rate", "weight_decay", "normalization", "seed")
STEPS = 20_000


def write_bars(folder):
    """200 images to train on and 40 to test, of 12 × 12 pixels: the row or column of the bar says the class."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = random.Random(0)
    for part, count in (("train", 200), ("t10k", 40)):
        labels = [index % 4 for index in range(count)]
        pixels = bytearray()
        for label in labels:
            image = [numbers.randrange(0, 60) for _ in range(12 * 12)]
            place = label * 12 // 4
            for other in range(12):
                image[place * 12 + other if label % 2 == 0 else other * 12 + place] = 200 + numbers.randrange(0, 55)
            pixels += bytes(image)
        for kind, sizes, data in (("images-idx3", [count, 12, 12], pixels), ("labels-idx1", [count], bytes(labels))):
            header = bytes([0, 0, 8, len(sizes)]) + b"".join(struct.pack(">I", size) for size in sizes)
            (folder / f"{part}-{kind}-ubyte").write_bytes(header + data)


def run(data, rate, decay, norm, seed):
    """One run's losses in two numbers, by its log."""
    place = RUNS / f"stability {data} {rate} {decay} {norm} {seed}"
    shutil.rmtree(place, ignore_errors=True)
    source = ["idx:" + str(RUNS / "bars"), "--validation", "20"] if data == "bars" else [data, "--validation", "5000"]
    process = subprocess.run(
        [RENORM, "train", "--data", *source, "--model", "small:0.25", "--batch-size", "8", "--norm", norm, "--schedule",
         "constant", "--learning-rate", str(rate), "--weight-decay", str(decay), "--steps", str(STEPS), "--evaluate-every",
         str(STEPS), "--checkpoint-every", str(STEPS), "--threads", "1", "--seed", str(seed), "--log", "json", "--run", str(place)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    shutil.rmtree(place, ignore_errors=True)
    losses = []
    for line in process.stdout.splitlines():
        event = json.loads(line)
        if event["event"] == "step":
            losses.append(float(event["loss"]))
    if len(losses) < STEPS and "not finite" not in process.stderr:
        raise SystemExit(f"{process.args}: {process.stderr}")
    first = min(200, len(losses) - 1)
    largest = max(losses[first:])
    last = losses[-200:]
    return {
        "data": data, "learning_rate": rate, "weight_decay": decay, "normalization": norm, "seed": seed, "steps": len(losses),
        "largest_loss": f"{largest:.4g}", "at_step": losses.index(largest, first) + 1, "last_loss": f"{sum(last) / len(last):.4f}",
        "not_finite": len(losses) < STEPS,
    }


def read():
    """What was measured, a dictionary of texts a run."""
    if not KEPT.exists():
        return []
    with KEPT.open(newline="") as file:
        return list(csv.DictReader(file))


def write(rows):
    """In the order of settings; the old file stays until the new one is whole."""
    part = KEPT.with_suffix(".part")
    with part.open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        table.writeheader()
        table.writerows(sorted(rows, key=lambda row: [row[name] for name in CELL[:-1]] + [int(row["seed"])]))
    part.replace(KEPT)


def print_table():
    """By setting and normalization: seeds, runs that broke, and the median and the largest of the runs' figures."""
    rows = read()
    print("| data | rate | weight decay | | seeds | broke | largest loss: median (most) | loss at the end: median (most) |")
    print("|---|---|---|---|---|---|---|---|")
    names = CELL[:-1]
    for cell in sorted({tuple(row[name] for name in names) for row in rows}, key=lambda c: (c[0], -float(c[1]), float(c[2]), c[3])):
        runs = [row for row in rows if tuple(row[name] for name in names) == cell]
        largest, last = ([float(row[name]) for row in runs] for name in ("largest_loss", "last_loss"))
        print(
            f"| {cell[0]} | {cell[1]} | {cell[2]} | {'BN' if cell[3] == 'batch' else 'BRN'} | {len(runs)} "
            f"| {sum(row['not_finite'] == 'True' for row in runs)} | {statistics.median(largest):.1f} ({max(largest):.1f}) "
            f"| {statistics.median(last):.4f} ({max(last):.4f}) |")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--jobs", type=int, default=1)
    options.add_argument("--seeds", type=int, default=10)
    options.add_argument("--data", action="append", choices=["bars", "fashion-mnist"])
    options.add_argument("--only", action="append", choices=["batch", "batch-renorm"])
    options.add_argument("--table", action="store_true", help="print Experiments/stability.csv by setting")
    arguments = options.parse_args()
    if arguments.table:
        print_table()
        return
    RUNS.mkdir(exist_ok=True)
    write_bars(RUNS / "bars")
    kept = read()
    done = {tuple(row[name] for name in CELL) for row in kept}
    cells = [
        (data, rate, decay, norm, seed)
        for seed in range(arguments.seeds) for data in arguments.data or ["bars", "fashion-mnist"] for rate in (0.1, 0.03)
        for decay in (0.0005, 0.002, 0.005) for norm in arguments.only or ["batch", "batch-renorm"]
    ]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        jobs = [pool.submit(run, *cell) for cell in cells if tuple(map(str, cell)) not in done]
        for index, job in enumerate(concurrent.futures.as_completed(jobs), 1):
            row = {name: str(value) for name, value in job.result().items()}
            kept.append(row)
            write(kept)
            print(f"{index} of {len(jobs)}:", *row.values(), flush=True)


if __name__ == "__main__":
    main()
