"""What the driver makes of measurements, and how it treats programs that fail. No peer is needed."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

import bench
from harness import estimate, machine, rounds, summary, table, workloads
from harness.programs import Failure, Program
from harness.rounds import Bench
from harness.workloads import Group, Task, Workload

#: A program that takes K · `seconds` on its own clock, and ends at the word in its second argument.
FAKE = """
import json, sys
seconds, end = float(sys.argv[1]), sys.argv[2]
print('chatter of a library', flush=True)
print(json.dumps({'ready': True, 'program': 'fake', 'modes': ['slow', 'fast']}), flush=True)
for line in sys.stdin:
    words = line.split()
    if words[0] == end:
        sys.exit('it broke')
    if words[0] == 'run':
        factor = 2 if words[-1] == 'slow' else 1
        print(json.dumps({'steps': int(words[1]), 'seconds': factor * seconds * int(words[1])}), flush=True)
    else:
        print(json.dumps({'peak_bytes': 1}), flush=True)
"""


class SummaryTests(unittest.TestCase):
    def test_summary(self):
        found = summary.summary([4.0, 1.0, 2.0, 3.0, 5.0])
        self.assertEqual((found["median"], found["minimum"], found["maximum"]), (3.0, 1.0, 5.0))
        self.assertAlmostEqual(found["spread"], 1 / 3)
        self.assertEqual(summary.summary([2.0])["spread"], 0)
        self.assertAlmostEqual(summary.quartile([1.0, 2.0, 3.0, 4.0], 0.25), 1.75)

    def test_ratio_is_taken_round_by_round(self):
        # The third round was disturbed for both: the ratio of the medians would be 2.2 / 1.2.
        self.assertEqual(summary.ratio([2, 2.2, 20], [1, 1.1, 10]), 2)
        self.assertEqual(summary.ratio([2, 2, 90], [1, 1, 1]), 2)

    def test_fastest(self):
        self.assertEqual(summary.fastest({"a": [3, 3, 1], "b": [2, 2, 9]}), "b")
        self.assertIsNone(summary.fastest({}))

    def test_steps_per_turn(self):
        self.assertEqual([summary.steps_per_turn(s) for s in (1e-6, 0.1, 0.39, 5)], [200, 4, 1, 1])


class ProgramTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="renorm bench ")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.said = []
        self.workload = Workload("fake-1", "small", (28, 28, 1), 10, 1, ())

    def measure(self, **programs):
        group = Group("batch", tuple(Task(name, "batch") for name in programs))
        commands = {name: [sys.executable, "-c", FAKE, *arguments] for name, arguments in programs.items()}
        bench = Bench(
            commands, {}, self.folder / "logs", threads=1, cores=None, rounds=3, say=self.said.append)
        return bench.measure(self.workload, group)["tasks"]

    def test_turns(self):
        tasks = self.measure(renorm=["0.1", "-"], pytorch=["0.15", "-"])
        ours, peer = tasks["renorm batch"], tasks["pytorch batch"]
        self.assertEqual((ours["mode"], ours["steps_per_turn"], len(ours["rounds"])), ("fast", 4, 3))
        self.assertAlmostEqual(ours["median"], 100)
        self.assertAlmostEqual(peer["modes"]["slow"], 300)
        self.assertEqual(peer["memory"], {"peak_bytes": 1})

    def test_failing_program_does_not_stop_the_others(self):
        tasks = self.measure(renorm=["0.1", "-"], pytorch=["0.1", "memory"], jax=["nonsense", "-"])
        self.assertEqual(len(tasks["renorm batch"]["rounds"]), 3)
        self.assertRegex(tasks["pytorch batch"]["failure"], "status 1: it broke")
        self.assertNotIn("rounds", tasks["pytorch batch"])
        self.assertRegex(tasks["jax batch"]["failure"], "ValueError.*nonsense")

    def test_peers_are_not_started_where_ours_cannot_be_measured(self):
        tasks = self.measure(renorm=["nonsense", "-"], pytorch=["0.1", "-"])
        self.assertEqual(list(tasks), ["renorm batch"])
        self.assertFalse((self.folder / "logs" / "fake-1_pytorch_batch.log").exists())

    def test_floor_is_asked_of_the_task_that_the_row_is_about(self):
        fake = FAKE.replace("'modes'", "'offers': ['floor'], 'modes'").replace(
            "    else:", "    elif words[0] == 'floor':\n        print(json.dumps({'peak_operations_per_second': 1}), flush=True)\n"
            "    else:")
        group = Group("batch", (Task("renorm", "batch"), Task("renorm", "batch-renorm")))
        measuring = Bench({"renorm": [sys.executable, "-c", fake, "0.1", "-"]}, {}, self.folder / "logs", threads=1,
                          cores=None, rounds=3, say=self.said.append)
        tasks = measuring.measure(self.workload, group)["tasks"]
        self.assertEqual(len(tasks["renorm batch"]["floors"]), 3)
        self.assertNotIn("floors", tasks["renorm batch-renorm"])

    def test_program_that_is_silent(self):
        program = Program([sys.executable, "-c", "input()"], {}, self.folder / "log")
        with self.assertRaisesRegex(Failure, "no answer within"):
            program.answer(timeout=0.05)
        self.assertIsNotNone(program.process.poll())


class DisturbanceTests(unittest.TestCase):
    def test_disturbed_rounds_are_put_aside(self):
        floors = [{"peak_operations_per_second": speed} for speed in (100.0, 55.0, 90.0)]
        ours, peer = {"rounds": [1, 2, 3], "floors": floors}, {"rounds": [4, 5, 6]}
        self.assertEqual(rounds.undisturbed_rounds([ours, peer]), [0, 2])
        rounds.keep_undisturbed([ours, peer])
        self.assertEqual((ours["rounds"], peer["rounds"], peer["disturbed_rounds"]), ([1, 3], [4, 6], [5]))
        self.assertEqual(ours["floors"], [floors[0], floors[2]])

    def test_nobody_knows(self):
        peer = {"rounds": [4, 5]}
        self.assertIsNone(rounds.undisturbed_rounds([peer]))
        rounds.keep_undisturbed([peer])
        self.assertEqual(peer, {"rounds": [4, 5]})


class TableTests(unittest.TestCase):
    def results(self, **change):
        def task(program, norm, rounds, **more):
            return {"program": program, "norm": norm, "rounds": rounds, **summary.summary(rounds), **more}

        floors = [{"milliseconds": 8.0, "operations": 2e9, "peak_operations_per_second": 4e11}] * 2
        tasks = {
            "renorm batch": task("renorm", "batch", [10.0, 10.0], floors=floors),
            "renorm batch-renorm": task("renorm", "batch-renorm", [10.1, 10.1]),
            "pytorch batch": task("pytorch", "batch", [15.0, 15.0], facts={"left_out": {"eager": "no compiler"}}),
            "jax batch": {"program": "jax", "norm": "batch", "failure": "out of memory"},
        }
        machine = {
            "processor": "CPU", "cores": 2, "threads": 2, "date": "2026-01-01", "commit": "abc", "system": "Linux",
            **change}
        entry = {"kind": "training", "groups": [{"norm": "batch", "tasks": tasks}]}
        return {"machine": machine, "versions": {"torch": "2"}, "workloads": {"small-2": entry}}

    def test_row(self):
        text = table.markdown(self.results())
        self.assertIn("CPU (2 cores), 2 threads, 2026-01-01, commit abc; torch 2.", text)
        self.assertIn(
            "| small-2 | batch | 10.0 ± 0 % | 15.0 ± 0 % |  | failed | 1.50 | 1.010 | 1.25 | 50 % |", text)
        self.assertIn("- small-2, JAX, batch: out of memory", text)
        self.assertIn("PyTorch without torch.compile: small-2.", text)
        self.assertIn("- small-2, PyTorch eager, batch: no compiler", text)

    def test_other_kinds(self):
        results = self.results()
        ours, theirs = ({
            "program": program, "norm": "batch", "rounds": [2.0], **summary.summary([2.0]),
            "memory": {"peak_bytes": peak}, "facts": {"bytes_at_start": 1_000_000, **facts},
        } for program, peak, facts in [
            ("renorm", 61_000_000, {"planned_bytes": 58_000_000, "compile_seconds": 0.25}), ("pytorch", 101_000_000, {})])
        share = {"f32": [0.9, 0.8, 0.7]}
        results["workloads"] = {
            "a": {"kind": "memory", "groups": [{"norm": "batch", "tasks": {"ours": ours, "theirs": theirs}}]},
            "b": {"kind": "loading", "report": {
                "steps": 9, "batch": 4, "readingMilliseconds": 5.0, "sameBatchMilliseconds": 4.0, "ratio": 1.25,
                "readingSeconds": 45.0, "sameBatchSeconds": 36.0}},
            "c": {"kind": "passes", "report": {"cases": [
                {"type": type, "passes": [{"pass": "moments", "share": s}]} for type in share for s in share[type]]}},
            "d": {"kind": "passes", "failure": "it is missing"},
        }
        text = table.markdown(results)
        self.assertIn("| a | ours | 2.00 ± 0 % | 60 MB | 0.60 | 58 MB | 0.25 s |", text)
        self.assertIn("| a | theirs | 2.00 ± 0 % | 100 MB | 1.00 |  |  |", text)
        self.assertIn("| b | 9 of 4 | 5.00 | 4.00 | 1.250 | 45.0 s | 36.0 s |", text)
        self.assertIn("| moments |  | 70 % | 80 % |  |  |", text)
        self.assertIn("- d: it is missing", text)

    def test_pictures_a_second(self):
        tasks = {
            label: {"program": label.split()[0], "norm": "", "mode": mode, "rounds": times, **summary.summary(times)}
            for label, mode, times in [
                ("loading --cache none", "decoded", [30.0, 60.0]), ("torchvision --modes pillow", "pillow", [60.0, 120.0])]}
        tasks["torchvision --modes tensor"] = {"program": "torchvision", "norm": "", "failure": "no decoder"}
        results = self.results()
        results["workloads"] = {"reading": {"kind": "reading", "batch": 32, "groups": [{"norm": "", "tasks": tasks}]}}
        text = table.markdown(results)
        self.assertIn("| reading | Renorm, decoded | 711 ± 17 % | 2.00 |", text)
        self.assertIn("| reading | torchvision, pillow | 356 ± 17 % | 1.00 |", text)
        self.assertIn("- reading, torchvision --modes tensor: no decoder", text)

    def test_report_of_a_program(self):
        with tempfile.TemporaryDirectory() as name:
            program = Path(name) / "Fine"
            program.write_text(f"#!{sys.executable}\nimport sys\nprint('{{\"threads\":', sys.argv[2], '}}')\n")
            program.chmod(0o755)
            bench = Bench({"renorm": [str(Path(name) / "StepServer")]}, {}, Path(name), threads=3, cores=None, rounds=1,
                          say=print)
            self.assertEqual(bench.report(workloads.Report("a", "loading", "Fine")), {"report": {"threads": 3}})
            self.assertIn("No such file", bench.report(workloads.Report("a", "loading", "Absent"))["failure"])

    def test_tables_are_put_between_marks(self):
        with tempfile.TemporaryDirectory() as name:
            file = Path(name) / "README.md"
            file.write_text("before\n<!-- bench -->\nold\n<!-- bench -->\nafter\n")
            bench.show(file, self.results())
            bench.show(file, self.results())
            text = file.read_text()
            self.assertTrue(text.startswith("before\n<!-- bench -->\nCPU (2 cores), 2 threads"))
            self.assertTrue(text.endswith("<!-- bench -->\nafter\n"))
            self.assertNotIn("old", text)

    def test_digits(self):
        self.assertEqual([table.significant(v) for v in (1.234, 12.34, 1234.5)], ["1.23", "12.3", "1234"])

    def test_results_of_one_machine_are_merged(self):
        old, new = self.results(), self.results(date="2026-01-02")
        old["workloads"]["small-4"] = old["workloads"].pop("small-2")
        self.assertEqual(list(bench.merge(old, new)["workloads"]), ["small-2", "small-4"])
        self.assertEqual(list(bench.merge(old, self.results(threads=4))["workloads"]), ["small-2"])
        # A processor's name does not say all of its kind.
        self.assertEqual(list(bench.merge(old, self.results(instructions="AVX2"))["workloads"]), ["small-2"])

    def test_another_way_of_computing_convolutions_is_named(self):
        results = self.results()
        self.assertNotIn("--convolution", table.markdown(results))
        results["workloads"]["small-2"]["convolution"] = "direct"
        self.assertIn("With --convolution direct: small-2.", table.markdown(results))

    def test_fastest_of_the_runtimes(self):
        results = self.results()
        tasks = {
            f"{program} batch": {"program": program, "norm": "batch", "rounds": [time], **summary.summary([time])}
            for program, time in [("renorm", 10.0), ("openvino", 9.0), ("onnxruntime", 12.0)]}
        results["workloads"] = {"i": {"kind": "inference", "groups": [{"norm": "batch", "tasks": tasks}]}}
        text = table.markdown(results)
        self.assertIn("| Renorm | OpenVINO | ONNX Runtime | PyTorch |", text)
        self.assertIn("| i | batch | 10.0 ± 0 % | 9.00 ± 0 % | 12.0 ± 0 % |  | 0.90 |", text)

    def test_results_can_be_written(self):
        with tempfile.TemporaryDirectory() as name:
            bench.write(Path(name), self.results())
            bench.write(Path(name), self.results())
            self.assertEqual(json.loads((Path(name) / "latest.json").read_text()), self.results())
            self.assertIn("small-2", (Path(name) / "latest.md").read_text())


class MachineTests(unittest.TestCase):
    def test_instructions(self):
        for flags, expected in [
            ("fpu avx2 avx512f avx512_bf16 amx_tile amx_bf16", "AVX-512, bf16, AMX"), ("fpu avx avx2", "AVX2"), ("fpu", "")]:
            text = f"processor\t: 0\nmodel name\t: CPU\nflags\t\t: {flags}\nbugs\t\t: avx512f\n"
            self.assertEqual(machine.instructions(text), expected)
        self.assertEqual(machine.instructions("processor : 0\nFeatures : fp asimd bf16\n"), "NEON, bf16")

    def test_caches(self):
        with tempfile.TemporaryDirectory() as name:
            for index, words in enumerate([("1", "Data", "48K"), ("1", "Instruction", "32K"), ("2", "Unified", "1280K"),
                                           ("3", "Unified", "48M")]):
                folder = Path(name) / f"index{index}"
                folder.mkdir()
                for file, word in zip(("level", "type", "size"), words):
                    (folder / file).write_text(word + "\n")
            found = machine.caches(Path(name))
            self.assertEqual(found, {"L1": 48 << 10, "L2": 1280 << 10, "L3": 48 << 20})
            self.assertEqual(machine.caches(Path(name) / "absent"), {})
        known = {"processor": "CPU", "cores": 2, "instructions": "AVX2", "cache": found}
        self.assertEqual(machine.kind(known), "CPU (AVX2, L2 1.25 MiB, L3 48 MiB, 2 cores)")
        self.assertEqual(machine.kind({"processor": "CPU", "cores": 2}), "CPU (2 cores)")


class EstimateTests(unittest.TestCase):
    commands = {"renorm": ["StepServer"], "loading": ["Loading"], "pytorch": ["peer"], "jax": ["peer"]}

    def test_what_is_known_counts(self):
        """By hand: a first step and a turn to choose the mode, four turns with the first, and what they took to get ready."""
        workload = Workload("w", "small", (28, 28, 1), 10, 1, (Group("batch", (Task("renorm", "batch"), Task("jax", "batch"))),))
        known = {"groups": [{"norm": "batch", "tasks": {
            "renorm batch": {"program": "renorm", "norm": "batch", "median": 1000.0, "modes": {"default": 1000.0}, "facts": {}},
            "jax batch": {"program": "jax", "norm": "batch", "median": 2000.0, "modes": {"jit": 2000.0},
                          "facts": {"warmup_seconds": {"jit": 10.0}}}}}]}
        ours = (1 + 1) + 4 * 1 + (1.5 + 3) + 3 * (4 + 0.5)
        theirs = (2 + 2) + 4 * 2 + (4 + 10)
        self.assertAlmostEqual(estimate.seconds(workload, known, 3, self.commands), ours + theirs)

    def test_modes_that_are_not_asked_for_take_no_time(self):
        found = {"modes": {"a/eager": 1000.0, "b/compiled": 500.0}, "facts": {"warmup_seconds": {"a/eager": 2.0, "b/compiled": 60.0}}}
        self.assertEqual(estimate.asked(["peer"], found, 9), [(1, 2), (0.5, 60)])
        self.assertEqual(estimate.asked(["peer", "--modes", "b/compiled", "--modes", "a/eager"], found, 9), [(1, 2)])
        self.assertEqual(
            estimate.asked(["peer", "--modes", "c/compiled"], found, 9), [(9, estimate.COMPILING)])

    def test_every_workload_has_one(self):
        for workload in workloads.ALL:
            self.assertGreater(estimate.seconds(workload, None, 3, self.commands), 0, workload.name)

    def test_what_is_left_follows_what_it_has_taken(self):
        left = estimate.Remaining({"a": 600.0, "b": 100.0})
        self.assertEqual(left.seconds, 700)
        left.done("a", 1200.0)
        self.assertAlmostEqual(left.seconds, 100 * 1260 / 660)
        left.done("b", 1.0)
        self.assertEqual(left.seconds, 0)
        self.assertEqual([estimate.words(s) for s in (119.4, 120, 3000)], ["119 s", "2 min", "50 min"])


class QuickTests(unittest.TestCase):
    def test_what_a_quick_run_has(self):
        quick = {workload.name: workload for workload in map(workloads.quick, workloads.ALL) if workload}
        self.assertNotIn("small-2", quick)
        self.assertEqual([group.norm for group in quick["small-4"].groups], ["batch"])
        self.assertIn(Task("renorm", "batch-renorm"), quick["small-4"].groups[0].tasks)
        programs = [task.program for task in quick["resnet50-224-1-inference"].groups[0].tasks]
        self.assertEqual(programs, ["renorm", "openvino", "onnxruntime"])
        memory = [task.label for task in quick["resnet50-224-16-memory"].groups[0].tasks]
        self.assertEqual(memory[3:], ["pytorch batch --modes channels_last/compiled"])
        for name in ("resnet18-cifar-32-bf16", "reading-jpegs-32", "normalization"):
            self.assertIn(name, quick)

    def test_a_quick_run_takes_less_than_40_minutes(self):
        """On the machine of the last results."""
        results = json.loads((Path(bench.HERE) / "results" / "latest.json").read_text())["workloads"]
        commands = {"renorm": [], "loading": [], **{peer: [] for peer in bench.PEERS}}
        commands["pytorch"] = ["--modes", *workloads.QUICK_MODES]
        expected = sum(
            estimate.seconds(workload, results.get(workload.name), 3, commands)
            for workload in map(workloads.quick, workloads.ALL) if workload)
        self.assertLess(expected, 40 * 60)


class WorkloadTests(unittest.TestCase):
    def test_names_are_unique(self):
        names = [workload.name for workload in workloads.ALL]
        self.assertEqual(len(names), len(set(names)))

    def test_jpegs_are_fetched_for_what_reads_them(self):
        names = [workload.name for workload in workloads.ALL if workloads.reads_jpegs(workload)]
        self.assertEqual(
            names, ["reading-jpegs-32", "loading-jpegs-resnet18-16-f32", "loading-jpegs-resnet18-16-bf16"])

    def test_arguments_of_a_task(self):
        self.assertEqual(Task("renorm", "batch", ("--recompute",)).arguments(), ["--norm", "batch", "--recompute"])
        reader = Task("torchvision", "", ("--modes", "pillow"))
        self.assertEqual((reader.label, reader.arguments()), ("torchvision --modes pillow", ["--modes", "pillow"]))

    def test_every_group_compares_ours_with_a_peer(self):
        for workload in workloads.ALL:
            for group in getattr(workload, "groups", ()):
                norms = {task.program: task.norm for task in group.tasks if task.norm == group.norm}
                self.assertTrue(set(rounds.OURS) & set(norms), workload.name)
                self.assertGreater(len(norms), 1, workload.name)


if __name__ == "__main__":
    unittest.main()
