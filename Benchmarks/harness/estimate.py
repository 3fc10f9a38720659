"""How long measuring will take, told from what was measured before."""

from __future__ import annotations

import statistics

from .summary import steps_per_turn
from .workloads import Group, Report, Task

#: Programs of ours.
OURS = ("renorm", "loading")
#: Seconds until a program has started, before it makes anything.
STARTING = {
    "renorm": 1.5, "loading": 1.5, "pytorch": 6.0, "tensorflow": 8.0, "jax": 4.0, "onnxruntime": 2.0, "openvino": 3.0,
    "torchvision": 6.0,
}
#: Steps of programs that were never measured take so many times as long as ours; ours so many seconds.
SLOWER, UNKNOWN = 1.5, 0.5
#: Seconds until a mode that is compiled is warm, where that was never measured.
COMPILING = 45.0
#: Of a workload that was never measured and measures by itself.
REPORT = 90.0


def seconds(workload, known: dict | None, rounds: int, commands: dict[str, list[str]]) -> float:
    """The seconds that a workload takes, about.

    `known` is its entry in earlier results; what that lacks is guessed. Against 22 recorded workloads the sum was right
    within 3 %, most within a fifth.
    """
    known = known or {}
    if isinstance(workload, Report):
        return known.get("seconds", REPORT)
    before = {group["norm"]: group["tasks"] for group in known.get("groups", [])}
    return sum(group_seconds(workload, group, before, rounds, commands) for group in workload.groups)


def group_seconds(workload, group: Group, before: dict, rounds: int, commands: dict) -> float:
    tasks = [task for task in group.tasks if task.program in commands]
    ours = statistics.median(steps) if (steps := [
        each["median"] / 1000 for each in before.get(group.norm, before.get("batch", {})).values()
        if each["program"] in OURS and "median" in each]) else UNKNOWN
    total, readiness = 0.0, [0.0]
    for task in tasks:
        found = find(task, group, before)
        step = found["median"] / 1000 if found else ours * (1 if task.program in OURS else SLOWER)
        modes = asked([*commands[task.program], *task.options], found, step)
        slowest = max(mode for mode, _ in modes)
        turns = 3 if len(modes) > 1 and slowest < 0.5 else 1
        total += sum(mode + turns * max(workload.turn / 2, mode) for mode, _ in modes)
        total += (rounds + 1) * max(workload.turn, step)
        if task.program in OURS:
            total += STARTING[task.program] + 3 * step
            if task.norm == group.norm and workload.kind not in ("memory", "reading"):
                # The floor: steps and their convolutions alone, each in two ways, then bandwidth and peak.
                total += rounds * (4 * step * max(1, steps_per_turn(step, workload.turn) // 2) + 0.5)
        else:
            readiness.append(STARTING[task.program] + sum(warmup for _, warmup in modes))
    # Peers get ready side by side, most on one core.
    return total + max(readiness)


def find(task: Task, group: Group, before: dict) -> dict | None:
    """What was measured of a task, in its group or in that of another normalization."""
    for tasks in [before.get(group.norm, {}), *before.values()]:
        for label, each in tasks.items():
            if "median" in each and (label == task.label or (each["program"], each["norm"]) == (task.program, task.norm)):
                return each
    return None


def asked(arguments: list[str], found: dict | None, step: float) -> list[tuple[float, float]]:
    """Of each mode that a program is asked for the seconds of a step, and those until it is warm."""
    times, warmups = (found.get("modes", {}), found["facts"].get("warmup_seconds", {})) if found else ({}, {})
    names = list(times) or [""]
    if "--modes" in arguments:
        # The last counts.
        last = len(arguments) - arguments[::-1].index("--modes")
        names = arguments[last:]
    return [
        (times[name] / 1000 if name in times else step,
         warmups.get(name, COMPILING if name.endswith("compiled") else 2 * step)) for name in names]


class Remaining:
    """What is left of an estimate, corrected by how long what is done has taken."""

    def __init__(self, estimates: dict[str, float]):
        self._left = dict(estimates)
        self._expected = self._taken = 0.0

    def done(self, name: str, seconds: float):
        self._expected += self._left.pop(name)
        self._taken += seconds

    @property
    def seconds(self) -> float:
        # One workload alone says little of the others.
        weight = 60.0
        factor = (self._taken + weight) / (self._expected + weight)
        return factor * sum(self._left.values())


def words(seconds: float) -> str:
    """Minutes, or seconds below two minutes."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
