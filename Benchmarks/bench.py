"""Renorm beside PyTorch, torchvision, TensorFlow, JAX, ONNX Runtime and OpenVINO, in interleaved rounds on this machine.

    make bench                                     everything: 29 workloads, two hours
    make bench ARGS=--quick                        the most of it in 40 minutes
    make bench ARGS="--list"
    make bench ARGS="--workload resnet18-cifar-4 --workload 'small-*' --rounds 15"

In each round every program of a workload works in its turn while the others wait, so what disturbs the machine meets
all of them; ratios are taken round by round. Writes results/latest.json and results/latest.md beside this file; a run
of some workloads replaces theirs alone, if the rest was measured on the same machine.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from harness import environment, estimate, machine, table, workloads
from harness.rounds import Bench

HERE = Path(__file__).resolve().parent
PEERS = {
    "pytorch": "pytorch_peer.py", "tensorflow": "keras_peer.py", "jax": "jax_peer.py", "onnxruntime": "onnx_peer.py",
    "openvino": "openvino_peer.py", "torchvision": "torchvision_peer.py",
}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(__doc__.splitlines()[1:]))
    parser.add_argument("--list", action="store_true", help="print the names of the workloads")
    parser.add_argument("--workload", action="append", metavar="NAME", help="only this one, or those that match NAME*")
    parser.add_argument("--norm", action="append", help="only the groups of this normalization")
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=[*PEERS, "none"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--quick", action="store_true",
        help="3 rounds, fewer of PyTorch's modes; of everything also without peers' batch renorm, groups and batches of 2")
    parser.add_argument(
        "--convolution", default="auto", choices=["auto", "direct", "winograd"], help="how ours computes convolutions")
    parser.add_argument("--eager", action="store_true", help="without torch.compile, which takes a minute to get ready")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--programs", type=Path, default=HERE.parent / ".build" / "release", help="where StepServer is")
    parser.add_argument("--environment", type=Path, default=HERE.parent / ".deps" / "bench", help="where the peers are")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--readme", type=Path, help="put the tables into this file, between its lines <!-- bench -->")
    return parser.parse_args()


def main():
    options = parse()
    chosen = [
        workload for workload in workloads.ALL
        if not options.workload or any(fnmatch.fnmatch(workload.name, name) for name in options.workload)
    ]
    if options.quick and not options.workload:
        chosen = [workload for workload in map(workloads.quick, chosen) if workload]
    if options.list:
        print("\n".join(workload.name for workload in chosen))
        return
    if not chosen:
        sys.exit(f"found no workload {options.workload}; expected names or patterns of those that --list prints")
    peers = [] if "none" in options.peers else options.peers
    if peers:
        environment.prepare(options.environment, HERE / "requirements.txt", print)
    if any(workloads.reads_jpegs(workload) for workload in chosen):
        subprocess.run([sys.executable, HERE.parent / "scripts" / "setup.py", "datasets", "jpegs"], check=True)
    results = measure(options, chosen, peers)
    if options.readme:
        show(options.readme, json.loads((options.results / "latest.json").read_text()))
    print()
    print(table.markdown(results))


def measure(options, chosen, peers) -> dict:
    bench = Bench(
        commands(options, peers), environment.variables(options.environment, options.threads),
        options.environment / "logs", threads=options.threads, cores=cores(options.threads),
        rounds=3 if options.quick else options.rounds, say=progress)
    results = {
        "machine": machine.describe(options.threads, HERE.parent),
        "versions": environment.versions(options.environment) if peers else {},
        "workloads": {},
    }
    remaining = estimate.Remaining(estimates(options, chosen, bench))
    progress.title = f"{len(chosen)} workloads"
    progress(f"about {estimate.words(remaining.seconds)}")
    for workload in chosen:
        start = time.perf_counter()
        progress.title = workload.name
        entry = {
            "kind": workload.kind, **{key: results["machine"][key] for key in ("date", "commit")},
            "convolution": options.convolution}
        results["workloads"][workload.name] = entry
        if isinstance(workload, workloads.Report):
            progress("measuring")
            entry.update(bench.report(workload))
        else:
            entry.update(groups=[], batch=workload.batch)
            for group in workload.groups:
                if not options.norm or group.norm in options.norm:
                    progress.title = ", ".join(filter(None, (workload.name, group.norm)))
                    entry["groups"].append(bench.measure(workload, group))
        entry["seconds"] = round(time.perf_counter() - start, 1)
        remaining.done(workload.name, entry["seconds"])
        progress(f"done in {entry['seconds']:.0f} s; about {estimate.words(remaining.seconds)} left")
        write(options.results, results)
    return results


def estimates(options, chosen, bench) -> dict[str, float]:
    """The seconds that each workload takes, told from the last results, whichever machine they are of."""
    file = options.results / "latest.json"
    file = file if file.exists() else HERE / "results" / "latest.json"
    before = json.loads(file.read_text())["workloads"] if file.exists() else {}
    return {
        workload.name: estimate.seconds(workload, before.get(workload.name), bench.rounds, bench.commands)
        for workload in chosen}


def commands(options, peers) -> dict[str, list[str]]:
    python = str(environment.python(options.environment))
    result = {
        "renorm": [str(options.programs / "StepServer"), "--convolution", options.convolution],
        "loading": [str(options.programs / "Loading"), "--serve"],
        **{peer: [python, str(HERE / "peers" / PEERS[peer])] for peer in peers},
    }
    if "pytorch" in result and (options.eager or options.quick):
        modes = [mode for mode in workloads.QUICK_MODES if not options.eager or mode.endswith("eager")]
        result["pytorch"] += ["--modes", *modes]
    return result


def cores(threads: int):
    """The cores that programs are held to, as some peers take all that they see; None where all are used."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    available = sorted(os.sched_getaffinity(0))
    return set(available[:threads]) if threads < len(available) else None


def write(folder: Path, results: dict):
    """Writes the results, together with those of other workloads on the same machine."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "latest.json"
    merged = merge(json.loads(file.read_text()), results) if file.exists() else results
    file.write_text(json.dumps(merged, indent=1) + "\n")
    (folder / "latest.md").write_text(table.markdown(merged))


def show(file: Path, results: dict):
    """Puts the tables between the two marks of a file."""
    before, _, after = file.read_text().split("<!-- bench -->")
    file.write_text(f"{before}<!-- bench -->\n{table.markdown(results)}<!-- bench -->{after}")


def merge(old: dict, new: dict) -> dict:
    def same(results):
        keys = ("processor", "instructions", "cache", "cores", "threads", "system")
        return [results["machine"].get(key) for key in keys]

    if same(old) != same(new):
        return new
    names = [workload.name for workload in workloads.ALL]
    both = {**old["workloads"], **new["workloads"]}
    order = sorted(both, key=lambda name: names.index(name) if name in names else len(names))
    return {
        **new, "versions": {**old["versions"], **new["versions"]}, "workloads": {name: both[name] for name in order}}


class Progress:
    """One line to the standard error, saying what is being done."""

    title = ""

    def __call__(self, message: str):
        print(f"{time.strftime('%H:%M:%S')}  {self.title}: {message}", file=sys.stderr, flush=True)


progress = Progress()

if __name__ == "__main__":
    main()
