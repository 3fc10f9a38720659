"""How long PyTorch takes for one training step of `small` with batch normalization, on the CPU.

    python pytorch_small.py                       every mode, one JSON object
    python pytorch_small.py --modes channels_last/eager --rounds 20
    python pytorch_small.py --serve --modes channels_last/eager

The network, the batch and the optimizer are those of `renorm train --model small --norm batch`: 32, 32, pool, 64, 64,
pool, 128 channels, 28×28×1, SGD with momentum, weight decay on weights alone. The images are synthetic. A step is
everything from the batch in memory to the updated parameters.

A mode is <layout>/<compiler>: contiguous or channels_last, eager or compiled (torch.compile; left out, and the reason
given, where it does not work). In every round each mode runs its steps once, in turn, so that a disturbance of the
machine meets all of them. The result of a mode is the median over rounds of the time per step; `best` is the mode
where that is least. A median far above the minimum says that the machine was not idle.

`--serve` keeps one mode warm so that a driver can interleave it with another program. It prints one line
{"ready": …}, then answers each line `run K` on the standard input with one JSON line holding the seconds that K steps
took; `quit` or the end of the input ends it.
"""

import argparse
import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

CHANNELS = [32, 32, 64, 64, 128]
MODES = [f"{layout}/{compiler}" for layout in ("contiguous", "channels_last") for compiler in ("eager", "compiled")]


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        inputs = 1
        for index, outputs in enumerate(CHANNELS, start=1):
            self.add_module(f"conv{index}", nn.Conv2d(inputs, outputs, 3, padding=1, bias=False))
            self.add_module(f"bn{index}", nn.BatchNorm2d(outputs))
            inputs = outputs
        self.fc = nn.Linear(inputs, 10)

    def forward(self, x):
        for index in range(1, 6):
            x = F.relu(getattr(self, f"bn{index}")(getattr(self, f"conv{index}")(x)), inplace=True)
            if index in (2, 4):
                x = F.max_pool2d(x, 2)
        return self.fc(x.mean((2, 3)))


class Trainer:
    """One mode's network, batch and optimizer."""

    def __init__(self, mode, batch, optimizer):
        layout, compiler = mode.split("/")
        memory_format = torch.channels_last if layout == "channels_last" else torch.contiguous_format
        torch.manual_seed(0)
        self.model = Small().to(memory_format=memory_format).train()
        self.images = torch.randn(batch, 1, 28, 28).contiguous(memory_format=memory_format)
        self.labels = torch.randint(0, 10, (batch,))
        groups = [
            {"params": [p for p in self.model.parameters() if p.ndim > 1], "weight_decay": 5e-4},
            {"params": [p for p in self.model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.SGD(groups, 0.05, 0.9, **{optimizer: True})
        self.loss = self.compute_loss
        if compiler == "compiled":
            self.loss = torch.compile(self.compute_loss)

    def compute_loss(self, images, labels):
        return F.cross_entropy(self.model(images), labels)

    def run(self, steps):
        """Seconds for `steps` steps."""
        start = time.perf_counter()
        for _ in range(steps):
            self.optimizer.zero_grad(set_to_none=True)
            self.loss(self.images, self.labels).backward()
            self.optimizer.step()
        return time.perf_counter() - start


def make_trainers(options):
    """The modes that work, warmed up, and why the others do not."""
    trainers, left_out = {}, {}
    for mode in options.modes:
        try:
            trainer = Trainer(mode, options.batch, options.optimizer)
            trainer.run(options.warmup)
            trainers[mode] = trainer
        except Exception as error:
            left_out[mode] = f"{type(error).__name__}: {error}".splitlines()[0]
    return trainers, left_out


def measure(trainers, options):
    rounds = {mode: [] for mode in trainers}
    for _ in range(options.rounds):
        for mode, trainer in trainers.items():
            rounds[mode].append(1000 * trainer.run(options.steps) / options.steps)
    return rounds


def setting(options):
    return {
        "program": "pytorch", "version": torch.__version__, "network": "small", "normalization": "batch",
        "batch": options.batch, "threads": torch.get_num_threads(), "optimizer": options.optimizer,
        "cpu": torch.backends.cpu.get_cpu_capability(),
    }


def serve(options):
    trainers, left_out = make_trainers(options)
    if not trainers:
        sys.exit(f"no mode works: {json.dumps(left_out)}")
    rounds = measure(trainers, options) if len(trainers) > 1 else {mode: [0.0] for mode in trainers}
    mode = min(rounds, key=lambda mode: statistics.median(rounds[mode]))
    print(json.dumps({"ready": True, "mode": mode, **setting(options)}), flush=True)
    for line in sys.stdin:
        match line.split():
            case ["quit"]:
                break
            case ["run", count] if count.isdigit() and int(count) > 0:
                seconds = trainers[mode].run(int(count))
                answer = {"steps": int(count), "seconds": seconds, "ms_per_step": 1000 * seconds / int(count)}
            case _:
                answer = {"error": f"expected 'run K' or 'quit', found '{line.strip()}'"}
        print(json.dumps(answer), flush=True)


def main():
    parser = argparse.ArgumentParser(description="Times PyTorch's training step of `small` with BN.")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES, metavar="LAYOUT/COMPILER",
                        help=f"of {', '.join(MODES)}; default: all")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--optimizer", choices=["foreach", "fused"], default="fused",
                        help="PyTorch's implementation of SGD; default: fused")
    parser.add_argument("--warmup", type=int, default=20, help="steps of each mode before any is timed")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=20, help="steps of each mode in a round")
    parser.add_argument("--serve", action="store_true", help="answer 'run K' lines with the fastest of --modes")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.serve:
        return serve(options)
    trainers, left_out = make_trainers(options)
    rounds = measure(trainers, options)
    medians = {mode: statistics.median(times) for mode, times in rounds.items()}
    best = min(medians, key=medians.get, default=None)
    print(json.dumps({
        **setting(options),
        "modes": {
            mode: {
                "median_ms": round(medians[mode], 3),
                "minimum_ms": round(min(times), 3),
                "rounds_ms": [round(t, 3) for t in times],
            }
            for mode, times in rounds.items()
        },
        "left_out": left_out,
        "best": best and {"mode": best, "median_ms": round(medians[best], 3)},
    }, indent=1))


if __name__ == "__main__":
    main()
