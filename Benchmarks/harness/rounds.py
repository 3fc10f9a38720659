"""Runs the programs of a group in interleaved rounds, and those that measure by themselves."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from .programs import Failure, Program
from .summary import fastest, steps_per_turn, summary
from .workloads import Group, Report, Task, Workload


#: Programs of ours.
OURS = ("renorm", "loading")


class Bench:
    """How programs are started, and how often they take turns."""

    def __init__(self, commands: dict[str, list[str]], environment: dict[str, str], logs: Path, *, threads: int,
                 cores: set[int] | None, rounds: int, say):
        self.commands, self.environment, self.logs = commands, environment, logs
        self.threads, self.cores, self.rounds, self.say = threads, cores, rounds, say

    def measure(self, workload: Workload, group: Group) -> dict:
        """Everything about one group: for each task its times by round or why there are none; the floor."""
        tasks = [task for task in group.tasks if task.program in self.commands]
        results = {task.label: {"program": task.program, "norm": task.norm} for task in tasks}
        running: dict[str, Program] = {}
        try:
            self._start(workload, tasks, running, results)
            # Only of the task that the row is about, as a floor takes longer than a turn.
            floors = [] if workload.kind == "memory" else [task.label for task in tasks if task.norm == group.norm]
            self._take_turns(running, results, workload.turn, floors)
        finally:
            for program in running.values():
                program.end()
        return {"norm": group.norm, "tasks": results}

    def report(self, report: Report) -> dict:
        """What a program that measures by itself prints, or why there is nothing."""
        program = Path(self.commands["renorm"][0]).parent / report.program
        try:
            done = subprocess.run(
                [str(program), "--threads", str(self.threads), *report.arguments], capture_output=True, text=True,
                timeout=900, check=True)
            return {"report": json.loads(done.stdout)}
        except subprocess.CalledProcessError as error:
            return {"failure": f"ended with status {error.returncode}: {error.stderr.strip()[-200:]}"}
        except (OSError, subprocess.TimeoutExpired, ValueError) as error:
            return {"failure": f"{type(error).__name__}: {error}"}

    def _start(self, workload: Workload, tasks: list[Task], running: dict[str, Program], results: dict):
        # Ours first and alone, because its compiling is timed; peers get ready side by side, most on one core.
        ours = [task for task in tasks if task.program in OURS]
        for batch in [*([task] for task in ours), [task for task in tasks if task not in ours]]:
            for task in batch:
                running[task.label] = self.start(workload, task)
            for task in batch:
                self._try(task.label, running, results, lambda p, r: r.update(facts=p.answer(timeout=900)))
            if not running:
                # Nothing to compare with: in bf16, say, which others imitate slowly where the processor has none.
                for task in tasks:
                    if task not in ours:
                        del results[task.label]
                return

    def start(self, workload: Workload, task: Task) -> Program:
        arguments = [*workload.arguments(), "--threads", str(self.threads), *task.arguments()]
        name = f"{workload.name} {task.label}".replace(" ", "_").replace(":", "-").replace("/", "-")
        return Program([*self.commands[task.program], *arguments], self.environment, self.logs / f"{name}.log", self.cores)

    def _take_turns(self, running: dict[str, Program], results: dict, turn: float, floors: list[str]):
        for label in list(running):
            self._try(label, running, results, lambda p, r: self._choose_mode(p, r, turn))
        # A first round that does not count: processors need a moment to reach their speed.
        for label in list(running):
            self._try(label, running, results, self._turn)
        for result in results.values():
            if "rounds" in result:
                result["rounds"] = []
        for number in range(2 * self.rounds):
            undisturbed = undisturbed_rounds(results.values())
            if number >= self.rounds and (undisturbed is None or len(undisturbed) >= self.rounds):
                break
            self.say(f"round {number + 1}" + (f" of {self.rounds}" if number < self.rounds else ", in place of one"))
            for label in list(running):
                self._try(label, running, results, self._turn)
                # Only ours knows it; the arrays that it copies to measure bandwidth would count as memory.
                if label in floors and label in running and "floor" in results[label]["facts"].get("offers", []):
                    self._try(label, running, results, self._floor)
        keep_undisturbed(results.values())
        for label in list(running):
            self._try(label, running, results, lambda p, r: r.update(memory=p.ask("memory")))
            if label in running:
                results[label].update(summary(results[label]["rounds"]))

    def _choose_mode(self, program: Program, result: dict, turn: float):
        """Times every mode and keeps the fastest; the first turn of each is not counted."""
        modes = result["facts"]["modes"]
        first = {mode: program.seconds_per_step(1, mode) for mode in modes}
        steps = {mode: steps_per_turn(seconds, turn / 2) for mode, seconds in first.items()}
        times = {mode: [] for mode in modes}
        for _ in range(3 if len(modes) > 1 and max(first.values()) < 0.5 else 1):
            for mode in modes:
                times[mode].append(1000 * program.seconds_per_step(steps[mode], mode))
        result["mode"] = fastest(times)
        result["modes"] = {mode: min(values) for mode, values in times.items()}
        result["steps_per_turn"] = steps_per_turn(min(times[result["mode"]]) / 1000, turn)
        result["rounds"] = []
        program.ask(f"keep {result['mode']}")

    def _turn(self, program: Program, result: dict):
        # The threads of the program before may still be spinning.
        time.sleep(0.03)
        result["rounds"].append(1000 * program.seconds_per_step(result["steps_per_turn"]))

    def _floor(self, program: Program, result: dict):
        result.setdefault("floors", []).append(program.ask(f"floor {max(1, result['steps_per_turn'] // 2)}"))

    def _try(self, label: str, running: dict[str, Program], results: dict, action):
        try:
            action(running[label], results[label])
        except Failure as failure:
            self._fail(label, failure, running, results)

    def _fail(self, label: str, failure: Failure, running: dict[str, Program], results: dict):
        self.say(f"{label}: {failure}")
        results[label]["failure"] = str(failure)
        for name in ("rounds", "floors"):
            results[label].pop(name, None)
        program = running.pop(label, None)
        if program:
            program.end()


def undisturbed_rounds(results) -> list[int] | None:
    """The rounds in which the processor reached at least 85 % of the speed of its best round; None if nobody measured it.

    Other work on the machine, or its host, may take a core for a while. What the processor can do at most is measured in
    every round, apart from the programs that are compared, so a round can be put aside without looking at their times.
    """
    speeds = [
        [floor["peak_operations_per_second"] for floor in result["floors"]] for result in results if "floors" in result]
    if not speeds:
        return None
    best = max(max(each) for each in speeds)
    count = min(len(each) for each in speeds)
    return [number for number in range(count) if all(each[number] >= 0.85 * best for each in speeds)]


def keep_undisturbed(results):
    """Puts the disturbed rounds aside, unless all were."""
    kept = undisturbed_rounds(results)
    if not kept:
        return
    for result in results:
        for name in ("rounds", "floors"):
            if name in result:
                values = result[name]
                result[name] = [values[number] for number in kept]
                if len(values) > len(kept):
                    result[f"disturbed_{name}"] = [v for number, v in enumerate(values) if number not in kept]
