#!/usr/bin/env python3
"""Reading PyTorch's files: ours beside torch.load, in turns, each in processes of its own.

    python3 Benchmarks/opening.py PROGRAMS FOLDER

PROGRAMS is the folder of the built programs, FOLDER one with room for three files of 100 MB, which are made there by PyTorch
if they are missing. Prints a table of medians; needs Benchmarks/requirements.txt.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import time

TURNS, TIMES = 7, 5


def make(folder):
    """Files of 100 MB: as 160 tensors in both formats, and as one whose strides are not an array's."""
    import torch

    files = {name: folder / name for name in ("zip.pth", "legacy.pth", "strides.pth")}
    if all(file.exists() for file in files.values()):
        return files
    torch.manual_seed(1)
    state = {f"layer{i}.weight": torch.randn(512, 156, 2) for i in range(160)}
    torch.save(state, files["zip.pth"])
    torch.save(state, files["legacy.pth"], _use_new_zipfile_serialization=False)
    torch.save({"weight": torch.randn(1024, 1024, 5, 5).to(memory_format=torch.channels_last)}, files["strides.pth"])
    return files


def peak():
    """The most bytes of memory that this process has had."""
    status = pathlib.Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024


def load(file):
    """What the other side prints: torch.load of a file, several times."""
    import torch

    before = peak()
    seconds, most = [], 0
    for place in range(TIMES):
        start = time.perf_counter()
        content = torch.load(file, weights_only=True)
        seconds.append(time.perf_counter() - start)
        most = most or peak()
        del content
    print(json.dumps({"seconds": seconds, "growth": most - before, "peak": most}))


def main():
    if sys.argv[1] == "--load":
        load(sys.argv[2])
        return
    programs, folder = map(pathlib.Path, sys.argv[1:3])
    folder.mkdir(parents=True, exist_ok=True)
    for name, file in make(folder).items():
        commands = {
            "Renorm": [str(programs / "Opening"), str(file), str(TIMES)],
            "PyTorch": [sys.executable, __file__, "--load", str(file)],
        }
        results = {side: [] for side in commands}
        for _ in range(TURNS):
            for side, command in commands.items():
                results[side].append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
        size = file.stat().st_size
        for side, runs in results.items():
            first = statistics.median(run["seconds"][0] for run in runs)
            later = statistics.median(seconds for run in runs for seconds in run["seconds"][1:])
            peak, growth = (max(run[key] for run in runs) / size for key in ("peak", "growth"))
            print(f"{name:12} {side:8} first {first * 1e3:6.1f} ms, later {later * 1e3:6.1f} ms; memory {growth:.2f} of the "
                  f"file, the whole process {peak:.2f}")


if __name__ == "__main__":
    main()
