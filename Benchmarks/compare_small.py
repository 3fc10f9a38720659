"""A training step of `small` beside PyTorch's, in one interleaved run.

    swift build -c release --product StepServer
    PYTHON_WITH_TORCH Benchmarks/compare_small.py [--batch 64] [--rounds 15] [--steps 20]

Runs three programs that take turns, one at a time: Renorm with batch renorm, Renorm with batch norm, and PyTorch with
batch norm in its fastest mode (layout, eager or compiled). Prints the median and the range of the milliseconds per
step over the rounds, and the medians of the ratios taken round by round.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


class Server:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.description = json.loads(self.process.stdout.readline())

    def time(self, steps):
        self.process.stdin.write(f"run {steps}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["ms_per_step"]

    def quit(self):
        self.process.stdin.write("quit\n")
        self.process.stdin.close()
        self.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--build", default=str(HERE.parent / ".build" / "release"), help="where StepServer is")
    options = parser.parse_args()
    shared = ["--batch", str(options.batch), "--threads", str(options.threads)]
    step_server = str(pathlib.Path(options.build) / "StepServer")
    servers = {
        "renorm, batch-renorm": Server([step_server, "--norm", "batch-renorm", *shared]),
        "renorm, batch": Server([step_server, "--norm", "batch", *shared]),
        "pytorch, batch": Server([sys.executable, str(HERE / "peers" / "pytorch_small.py"), "--serve", *shared]),
    }
    print(f"PyTorch's fastest mode: {servers['pytorch, batch'].description['mode']}")
    times = {name: [] for name in servers}
    for _ in range(options.rounds):
        for name, server in servers.items():
            times[name].append(server.time(options.steps))
    for server in servers.values():
        server.quit()
    for name, values in times.items():
        print(f"{name:22} {statistics.median(values):7.2f} ms a step  ({min(values):.2f} to {max(values):.2f})")
    for name, other in [("renorm, batch-renorm", "pytorch, batch"), ("renorm, batch-renorm", "renorm, batch")]:
        ratio = statistics.median(a / b for a, b in zip(times[name], times[other]))
        print(f"{name} / {other}: {ratio:.3f}")


if __name__ == "__main__":
    main()
