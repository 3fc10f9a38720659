#!/usr/bin/env python3
"""Other domains: adapted averages, fine-tuning on a few digits, statistics by source.

    make build data datasets SETS="mnist opencv-digits uci-digits solar-cells"; python3 Experiments/second_camera.py
    Experiments/domains.py adapt --seeds 5       # writes Experiments/domains-adapt.csv; what is there already stays
    Experiments/domains.py digits                # 500 digits of another hand, labels in blocks
    Experiments/domains.py sources               # two cameras in blocks of batches
    Experiments/domains.py third-camera          # a camera that they do not know
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

ROOT = Path(__file__).resolve().parents[1]
SETS = ROOT / ".deps/datasets"
TUNED = ["--optimizer", "sgd", "--learning-rate", "0.005"]
SMALL = ["--model", "small", "--batch-size", "64", "--norm", "batch"]


class Tool:
    """Calls of the tool, all of whose files are in one folder that goes away."""

    def __init__(self, program, threads):
        self.program, self.threads = program, threads
        self.folder = Path(tempfile.mkdtemp())

    def __call__(self, command, *options):
        done = subprocess.run([self.program, command, *map(str, options), "--threads", str(self.threads), "--log", "json"],
                              capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"renorm {command} {' '.join(map(str, options))}\n{done.stderr[-2000:]}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def trained(self, name, *options, command="train"):
        """The folder of a run, and how it ended."""
        folder = self.folder / name
        ended = [event for event in self(command, *options, "--run", folder) if event["event"] == "finished"]
        return folder, ended[0]

    def adapted(self, folder, data, *options):
        result = [event for event in self("adapt", folder, "--data", data, "--output", self.folder / "adapted.safetensors", *options)
                  if event["event"] == "adaptation"][0]
        return result["before"]["accuracy"], result["after"]["accuracy"]


def cells(folder, source):
    """A table of the solar cells of one kind, with whole paths."""
    table = SETS / "solar-cells/labels.csv"
    target = folder / f"{source}.csv"
    with table.open() as old, target.open("w", newline="") as new:
        writer = csv.writer(new)
        for number, row in enumerate(csv.reader(old)):
            if number == 0 or row[2] == source:
                writer.writerow(row if number == 0 else [str(table.parent / row[0]), *row[1:]])
    return f"csv:{target}"


def adapt(tool, seed):
    """Networks of MNIST on other digits, and of one kind of solar cells on the other."""
    run, _ = tool.trained("mnist", "--data", f"idx:{SETS}/mnist", *SMALL, "--epochs", 1, "--seed", seed)
    for target in ("opencv-digits", "uci-digits"):
        for blend, options in (("auto", []), ("1", ["--blend", "1"]), ("auto, 32 pictures", ["--images", "32"]),
                               ("1, 32 pictures", ["--blend", "1", "--images", "32"]),
                               ("images:16, 32 pictures", ["--blend", "images:16", "--images", "32"])):
            yield f"MNIST to {target}", blend, *tool.adapted(run, f"idx:{SETS}/{target}", *options)
        tuned = tool.trained(f"tuned-{target}", "--from", run, "--data", f"idx:{SETS}/{target}", "--norm", "batch-renorm",
                             "--batch-size", 8, "--epochs", 3, *TUNED, "--averages", "kept", "--seed", seed, command="finetune")[1]
        yield f"MNIST to {target}", "fine-tuned", "", tuned["test"]["accuracy"]
    for source, target in (("mono", "poly"), ("poly", "mono")):
        run, _ = tool.trained(source, "--data", cells(tool.folder, source), *SMALL, "--size", "64", "--resize", "squash",
                              "--augment", "none flip=0.5 vflip=0.5", "--class-weights", "balanced", "--epochs", 20, "--batch-size", 16,
                              "--seed", seed)
        for blend, options in (("auto", []), ("1", ["--blend", "1"])):
            yield f"cells, {source} to {target}", blend, *tool.adapted(run, cells(tool.folder, target), *options)
        tuned = tool.trained(f"tuned-{target}", "--from", run, "--data", cells(tool.folder, target), "--norm", "batch-renorm",
                             "--batch-size", 8, "--epochs", 5, "--class-weights", "balanced", "--augment", "none flip=0.5 vflip=0.5",
                             *TUNED, "--averages", "kept", "--seed", seed, command="finetune")[1]
        yield f"cells, {source} to {target}", "fine-tuned", "", tuned["test"]["accuracy"]


def digits(tool, seed):
    """A network of MNIST on 500 of OpenCV's digits: the others choose its state, and test it."""
    run, _ = tool.trained("mnist", "--data", f"idx:{SETS}/mnist", *SMALL, "--epochs", 1, "--seed", seed)
    for setting, options in (("shuffled, 8", ["--batch-size", 8]),
                             ("one label, 8", ["--batch-size", 8, "--sampling", "label-blocks:1x8"]),
                             ("one label, groups of 8 of 32", ["--batch-size", 32, "--norm-examples", 8, "--sampling", "label-blocks:1x8"])):
        for norm in ("batch", "batch-renorm") if "--norm-examples" in options else ("batch", "frozen", "batch-renorm"):
            ended = tool.trained(f"{setting} {norm}", "--from", run, "--data", f"idx:{SETS}/opencv-digits", "--validation", 2000, "--norm", norm,
                                 *options, *TUNED, "--epochs", 10, "--seed", seed, command="finetune")[1]
            yield setting, norm, "", ended["test"]["accuracy"]


def sources(tool, seed):
    """Fashion-MNIST as two cameras see it, in blocks of batches: the network of all sources, and each with its own statistics."""
    for setting, norm, by, _, ended in two_cameras(tool, seed, ("mixed", 1, 4, 20, 100)):
        yield setting, norm + by, "", ended["test"]["accuracy"]


def third_camera(tool, seed):
    """The networks of two cameras on a third: with the averages of all together, and adapted to 200 and 2,000 of its pictures."""
    third = f"idx:{ROOT}/.deps/third-camera"
    for setting, norm, by, run, ended in two_cameras(tool, seed, ("mixed", 20)):
        if setting == "mixed" or by:
            for count in (200, 2000):
                before, after = tool.adapted(run, third, "--images", count)
                yield setting, f"{norm}{by}, {count} pictures", before, after


def two_cameras(tool, seed, blocks):
    """Runs on two cameras: the setting, normalization, whether by source, folder, end."""
    data = ["--data", f"idx:{ROOT}/.deps/fashion-mnist", "--data", f"idx:{ROOT}/.deps/second-camera"]
    common = ["--model", "small:0.5", "--steps", 1500, "--batch-size", 32, "--learning-rate", 0.1, "--weight-decay", 0.0001, "--seed", seed]
    for norm in ("batch", "batch-renorm"):
        for block in blocks:
            if block == "mixed":
                yield "mixed", norm, "", *tool.trained(f"mixed {norm}", *data, *common, "--norm", norm)
                continue
            for by, options in (("", []), (", by source", ["--statistics-by", "source"])):
                ended = tool.trained(f"{block} {norm}{by}", *data, *common, "--norm", norm, "--sampling", f"source-blocks:{block}", *options)
                yield f"blocks of {block}", norm, by, *ended


GROUPS = {"adapt": adapt, "digits": digits, "sources": sources, "third-camera": third_camera}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("group", choices=sorted(GROUPS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--renorm", default=str(ROOT / ".build/release/renorm"))
    asked = parser.parse_args()
    table = ROOT / f"Experiments/domains-{asked.group}.csv"
    if not table.exists():
        table.write_text("setting,way,seed,before,after\n")
    done = {row["seed"] for row in csv.DictReader(table.open())}
    for seed in range(1, asked.seeds + 1):
        if str(seed) in done:
            continue
        tool = Tool(asked.renorm, asked.threads)
        try:
            rows = []
            for setting, way, before, after in GROUPS[asked.group](tool, seed):
                rows.append([setting, way, seed, before and f"{before:.4f}", f"{after:.4f}"])
                print(*rows[-1], sep="  ", flush=True)
            with table.open("a") as file:
                csv.writer(file, lineterminator="\n").writerows(rows)
        finally:
            shutil.rmtree(tool.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
