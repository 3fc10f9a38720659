#!/usr/bin/env python3
"""Fine-tuning of a MobileNetV2 that was trained on ImageNet: normalizations, sizes of batches and ways of freezing.

    make build && make datasets SETS="solar-cells stamps" && make weights SETS=mobilenetv2; Experiments/transfer.py --list
    Experiments/transfer.py norms cells --seeds 3      # writes Experiments/transfer-norms.csv; what is there already stays
    .deps/bench/bin/python Experiments/transfer.py freezing cells      # Lightning's way needs PyTorch and safetensors

Each line is a run of `renorm finetune`: test accuracy as deployed and, of the last state, with the statistics of the batch.
cells: photographs of solar cells, defective or not, in the parts of their table. stamps: photographs of the drawing program Tux Paint in
the folders that it has them in, ten kinds of at least 12, half of each kind, drawn by the seed, for tests.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = ROOT / ".deps/weights/mobilenetv2/mobilenet_v2-b0353104.pth"
COMMON = ["--channels", "3", "--resize", "squash", "--class-weights", "balanced"]
SIZES = {"cells": 64, "stamps": 96}
EPOCHS = {"cells": 4, "stamps": 10}
FLIPS = {"cells": ["--augment", "none flip=0.5 vflip=0.5"], "stamps": ["--augment", "none flip=0.5"]}
# MobileNetV2's convolutions, whose parameters fastai freezes while normalizations are trained.
CONVOLUTIONS = ",".join(
    ["features.0.0", "features.18.0", "features.1.conv.0.0", "features.1.conv.1"]
    + [f"features.{i}.conv.{j}" for i in range(2, 18) for j in ("0.0", "1.0", "2")])
TRUNK = "features"

GROUPS = {
    # name: options. A step sees 32 images in all of them, so that rates and schedules are the same.
    "norms": {
        "batch, 32": ["--norm", "batch", "--batch-size", "32"],
        "batch, 4": ["--norm", "batch", "--batch-size", "4"],
        "frozen, 4": ["--norm", "frozen", "--batch-size", "4"],
        "batch-renorm, 4": ["--norm", "batch-renorm", "--batch-size", "4"],
        "group:8, 4": ["--norm", "group:8", "--batch-size", "4"],
        "batch-renorm, 2": ["--norm", "batch-renorm", "--batch-size", "2"],
        "batch-renorm, 8": ["--norm", "batch-renorm", "--batch-size", "8"],
    },
    "freezing": {
        "parameters and statistics (renorm)": ["--freeze", TRUNK],
        "parameters, statistics move (ultralytics)": ["--freeze-parameters", TRUNK],
        "convolutions, normalizations trained (fastai)": ["--freeze-parameters", CONVOLUTIONS],
        "parameters, statistics neither used nor moved (Lightning)": ["--freeze-parameters", TRUNK],
        "nothing": [],
    },
}
for options in GROUPS["freezing"].values():
    options += ["--norm", "batch", "--batch-size", "4", "--unfreeze", "all"]
for options in [*GROUPS["norms"].values(), *GROUPS["freezing"].values()]:
    options += ["--optimizer", "sgd", "--learning-rate", "0.005"]
# What finetune does unless told otherwise, one choice at a time in place of its own.
GROUPS["defaults"] = {name: ["--norm", "batch-renorm", "--batch-size", "8", *options] for name, options in {
    "defaults": [],
    "all at once": ["--unfreeze", "all"],
    "rate 0.0001": ["--learning-rate", "0.0001"],
    "rate 0.001": ["--learning-rate", "0.001"],
    "rate auto": ["--learning-rate", "auto"],
    "same rate at every depth": ["--layer-decay", "1"],
    "0.8 a unit": ["--layer-decay", "0.8"],
    "averages of weights": ["--ema", "0.01"],
    "averages kept": ["--averages", "kept"],
    "SGD": ["--optimizer", "sgd"],
}.items()}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("group", nargs="?", choices=sorted(GROUPS))
    parser.add_argument("set", nargs="?", choices=sorted(FLIPS), default="cells")
    parser.add_argument("--list", action="store_true", help="print the runs of each group")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rate", help="the learning rate, in place of the tool's")
    parser.add_argument("--only", help="only the runs whose names have one of these in them, separated by ;")
    parser.add_argument("--epochs", type=int, help="default: 4 of cells, 10 of stamps")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--renorm", default=str(ROOT / ".build/release/renorm"))
    return parser.parse_args()


def events(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def data(name, seed, folder):
    """What --data says: the table of the cells, or one of the stamps that is made here."""
    sets = ROOT / ".deps/datasets"
    if name == "cells":
        return f"csv:{sets}/solar-cells/labels.csv"
    random = Random(seed)
    with (folder / "stamps.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "label", "split"])
        for kind in sorted(path for path in (sets / "stamps").iterdir() if path.is_dir()):
            pictures = sorted(kind.rglob("*.png"))
            random.shuffle(pictures)
            if len(pictures) >= 12:
                table.writerows([picture, kind.name, "test" if number % 2 else "train"] for number, picture in enumerate(pictures))
    return f"csv:{folder}/stamps.csv"


def with_source_statistics(model, pattern):
    """Puts the averages of the source back where a part was frozen, as a freeze leaves them that neither uses nor moves them."""
    import numpy
    import torch
    from safetensors import safe_open
    from safetensors.numpy import save_file
    source = torch.load(WEIGHTS, weights_only=True)
    with safe_open(model, "np") as file:
        metadata, arrays = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}
    for key in arrays:
        if key.startswith(pattern) and key.endswith(("running_mean", "running_var")):
            arrays[key] = source[key].numpy().astype(numpy.float32)
    save_file(arrays, model, metadata)


def run(options, seed, asked, name):
    folder = Path(tempfile.mkdtemp())
    try:
        examples = int(options[options.index("--batch-size") + 1])
        accumulated = [] if asked.group == "defaults" else ["--accumulate", str(32 // examples)]
        command = [asked.renorm, "finetune", "--from", str(WEIGHTS), "--model", "mobilenetv2", "--data", data(asked.set, seed, folder),
                   *COMMON, "--size", str(SIZES[asked.set]), *FLIPS[asked.set], *options, *accumulated, "--epochs", str(asked.epochs), "--seed", str(seed),
                   "--threads", str(asked.threads), "--log", "json", "--run", str(folder / "run")]
        finished = [event for event in events(command) if event["event"] == "finished"][0]
        if "Lightning" in name:
            with_source_statistics(folder / "run/model.safetensors", TRUNK)
            deployed = evaluated(asked, folder, [])
        else:
            deployed = finished["test"]
        batches = evaluated(asked, folder, ["--statistics", "batch", "--sampling", "shuffled", "--norm-examples", str(examples)])
        return deployed["accuracy"], deployed["loss"], batches["accuracy"], finished["seconds"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def evaluated(asked, folder, options):
    lines = events([asked.renorm, "evaluate", str(folder / "run"), "--threads", str(asked.threads), "--log", "json", *options])
    return [line for line in lines if "accuracy" in line][0]


def main():
    asked = arguments()
    if asked.list or not asked.group:
        for group, runs in GROUPS.items():
            print(group, *(f"    {name}" for name in runs), sep="\n")
        return
    asked.epochs = asked.epochs or EPOCHS[asked.set]
    table = ROOT / f"Experiments/transfer-{asked.group}.csv"
    known = list(csv.DictReader(table.open())) if table.exists() else []
    done = {(row["set"], row["run"], row["seed"]) for row in known}
    if not known:
        table.write_text("set,run,seed,accuracy,loss,accuracy_of_batches,seconds\n")
    for seed in range(1, asked.seeds + 1):
        for name, options in GROUPS[asked.group].items():
            if asked.rate:
                name, options = f"{name}, rate {asked.rate}", [*options, "--learning-rate", asked.rate]
            if (asked.set, name, str(seed)) in done or asked.only and not any(part in name for part in asked.only.split(";")):
                continue
            accuracy, loss, batches, seconds = run(options, seed, asked, name)
            with table.open("a") as file:
                csv.writer(file, lineterminator="\n").writerow(
                    [asked.set, name, seed, f"{accuracy:.4f}", f"{loss:.4f}", f"{batches:.4f}", f"{seconds:.0f}"])
            print(f"{name:60} seed {seed}: {accuracy:.4f} as deployed, {batches:.4f} by batches, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
