#!/usr/bin/env python3
"""Trains the same networks with two builds of renorm and compares every loss and every saved number, bit by bit.

    Benchmarks/same_bits.py OLD/renorm NEW/renorm               a table of cases, each the same or not
    Benchmarks/same_bits.py OLD/renorm NEW/renorm --resume      the new build goes on with a run that the old one began

For changes that must not change a number. Data are random images, so that nothing needs to be fetched.
"""
import argparse
import json
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

NORMS = ["batch", "batch-renorm", "frozen", "group:8", "layer", "instance", "none"]
SMALL = ["--model", "small", "--steps", "30", "--batch-size", "16"]
# Name, options.
CASES = (
    [(f"small, {norm}", SMALL + ["--norm", norm]) for norm in NORMS]
    + [(f"small, limits {word}", SMALL + ["--norm", "batch-renorm", "--limits", word]) for word in ("ramp", "open")]
    + [(f"small, {norm}, groups of 4", SMALL + ["--norm", norm, "--norm-examples", "4"]) for norm in NORMS[:2]]
    + [(f"small, {norm}, accumulate 2", SMALL + ["--norm", norm, "--accumulate", "2"]) for norm in NORMS[:2]]
    + [(f"small, {norm}, bf16", SMALL + ["--norm", norm, "--precision", "bf16"]) for norm in NORMS[:2]]
    + [(f"small, {norm}, recompute", SMALL + ["--norm", norm, "--memory", "small", "--recompute"]) for norm in NORMS[:2]]
    + [("small, ema, augmented", SMALL + ["--ema", "0.1", "--augment", "standard", "--label-smoothing", "0.05"])]
    + [("small, adamw, label blocks", SMALL + ["--optimizer", "adamw", "--sampling", "label-blocks:2x8"])]
    + [(f"resnet18, {norm}", ["--model", "resnet18", "--steps", "5", "--batch-size", "8", "--norm", norm]) for norm in NORMS[:4]]
    + [("resnet18, recompute", ["--model", "resnet18", "--steps", "5", "--batch-size", "4", "--memory", "small", "--recompute"])]
    + [("mobilenetv2, batch-renorm", ["--model", "mobilenetv2", "--steps", "5", "--batch-size", "8"])]
)


def idx(folder, name, count):
    numbers = random.Random(name)
    labels = [index % 10 for index in range(count)]
    pixels = bytes(min(255, numbers.getrandbits(7) + 12 * labels[place // 784]) for place in range(count * 784))
    (folder / f"{name}-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 2051, count, 28, 28) + pixels)
    (folder / f"{name}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 2049, count) + bytes(labels))


def train(program, folder, options):
    command = [program, "train", "--run", folder, "--log", "json", "--validation", "50", "--threads", "2"] + options
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{result.stderr}")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    # Numbers are printed so that reading them gives the same bits.
    losses = [event["loss"] for event in events if event["event"] == "step"]
    return losses, [event["loss"] for event in events if event["event"] == "evaluation"]


def arrays(path):
    """The bytes of each tensor by name: what a file says besides may differ between versions."""
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    return {name: data[8 + length:][slice(*entry["data_offsets"])] for name, entry in header.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--only", default="", help="cases whose names contain this")
    options = parser.parse_args()
    differing = 0
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        data = place / "data"
        data.mkdir()
        idx(data, "train", 640)
        idx(data, "t10k", 100)
        for name, case in CASES:
            # A run whose schedules depend on its length does not go on for longer.
            if options.only not in name or options.resume and "ramp" in case:
                continue
            case = ["--data", f"idx:{data}", "--schedule", "constant", "--learning-rate", "0.02"] + case
            old = train(options.old, place / "old", case)
            new_folder = place / "new"
            if options.resume:
                steps = case.index("--steps")
                first = case[:steps] + ["--steps", "3"] + case[steps + 2:]
                train(options.old, new_folder, first)
                later = train(options.new, new_folder, ["--resume", "--steps", case[steps + 1]])
                new = (old[0][:3] + later[0], later[1])
                # The run that stopped has been evaluated after three steps, too.
                old = (old[0], old[1][-len(new[1]):])
            else:
                new = train(options.new, new_folder, case)
            same = old == new and arrays(place / "old/last.safetensors") == arrays(new_folder / "last.safetensors")
            differing += not same
            print(f"{'same     ' if same else 'DIFFERENT'} {name}: {len(old[0])} steps, last loss {old[0][-1]} {new[0][-1]}", flush=True)
            shutil.rmtree(place / "old")
            shutil.rmtree(new_folder)
    sys.exit(f"{differing} cases differ" if differing else 0)


if __name__ == "__main__":
    main()
