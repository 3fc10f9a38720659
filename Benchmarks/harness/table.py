"""Results as Markdown."""

from __future__ import annotations

import statistics

from . import machine as machines
from .summary import fastest, ratio

TITLES = {
    "renorm": "Renorm", "loading": "Renorm", "torchvision": "torchvision", "pytorch": "PyTorch", "tensorflow": "TensorFlow", "jax": "JAX",
    "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO",
}
KINDS = {
    "training": ("Training steps, f32", ["pytorch", "tensorflow", "jax"]),
    "bf16": ("Training steps, bf16 (PyTorch: autocast)", ["pytorch"]),
    "inference": ("Inference, f32", ["openvino", "onnxruntime", "pytorch"]),
}


def markdown(results: dict) -> str:
    """All tables, with the machine above and the failures below."""
    sections = [heading(results)]
    for kind, (title, peers) in KINDS.items():
        rows = [
            row(name, group, peers)
            for name, workload in of_kind(results["workloads"], kind)
            for group in workload["groups"]
        ]
        if rows:
            columns = [
                "workload", "normalization", "Renorm", *(TITLES[peer] for peer in peers), "fastest peer / Renorm",
                "BRN / BN", "Renorm / floor", "share of f32 peak" if kind == "bf16" else "share of peak",
            ]
            sections.append(f"**{title}**: ms, median ± spread\n\n" + table(columns, rows))
    for make in (memory, reading, loading, passes):
        section = make(results["workloads"])
        if section:
            sections.append(section)
    eager = without_compile(results["workloads"])
    if eager:
        sections.append(f"PyTorch without torch.compile: {', '.join(eager)}.")
    sections += conventions(results["workloads"])
    failed = failures(results)
    if failed:
        sections.append("Not measured:\n\n" + "\n".join(f"- {line}" for line in failed))
    return "\n\n".join(sections) + "\n"


def memory(workloads: dict) -> str:
    """What processes grow by from their start to their peak; the share is of PyTorch's, in its faster mode."""
    rows = []
    for name, workload in of_kind(workloads, "memory"):
        tasks = {label: task for label, task in workload["groups"][0]["tasks"].items() if task.get("rounds")}
        theirs = {label: task["rounds"] for label, task in tasks.items() if task["program"] == "pytorch"}
        best = fastest(theirs)
        for label, task in tasks.items():
            share = f"{growth(task) / growth(tasks[best]):.2f}" if best else ""
            planned = task["facts"].get("planned_bytes")
            compiling = task["facts"].get("compile_seconds")
            rows.append([
                name, label, time(task), megabytes(growth(task)), share, megabytes(planned) if planned else "",
                f"{compiling:.2f} s" if compiling else ""])
    columns = ["workload", "program", "ms", "peak memory", "of PyTorch's", "planned", "compiling"]
    return rows and "**Memory of a training step, f32**: the growth of the process from its start to its peak\n\n" + table(
        columns, rows)


def growth(task: dict) -> int:
    return task["memory"]["peak_bytes"] - task["facts"]["bytes_at_start"]


def megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


def loading(workloads: dict) -> str:
    rows = [
        [
            name, f"{report['steps']} of {report['batch']}", significant(report["readingMilliseconds"]),
            significant(report["sameBatchMilliseconds"]), f"{report['ratio']:.3f}",
            f"{report['readingSeconds']:.1f} s", f"{report['sameBatchSeconds']:.1f} s"]
        for name, workload in of_kind(workloads, "loading") for report in [workload.get("report")] if report
    ]
    columns = ["workload", "steps", "ms, reading", "ms, without", "ratio", "all, reading", "all, without"]
    return rows and "**Steps with and without reading**, BatchRenorm\n\n" + table(columns, rows)


def reading(workloads: dict) -> str:
    """Pictures a second, and how they compare, round by round, with what torchvision does without being asked."""
    rows = []
    for name, workload in of_kind(workloads, "reading"):
        tasks = {label: task for label, task in workload["groups"][0]["tasks"].items() if task.get("rounds")}
        usual = next((task for task in tasks.values() if task["mode"] == "pillow"), None)
        for task in tasks.values():
            rows.append([
                name, f"{TITLES[task['program']]}, {task['mode']}",
                f"{1000 * workload['batch'] / task['median']:,.0f} ± {100 * task['spread']:.0f} %",
                f"{ratio(usual['rounds'], task['rounds']):.2f}" if usual else ""])
    columns = ["workload", "program", "pictures a second", "of torchvision's, pillow"]
    return rows and "**Photographs to batches**, without a network\n\n" + table(columns, rows)


def passes(workloads: dict) -> str:
    """For each pass the least and the median share of the copy bandwidth over shapes."""
    found = {}
    for _, workload in of_kind(workloads, "passes"):
        for case in workload.get("report", {}).get("cases", []):
            for each in case["passes"]:
                found.setdefault(each["pass"], {}).setdefault(case["type"], []).append(each["share"])
    rows = [
        [name, "", *(f"{100 * pick(shares[kind]):.0f} %" if kind in shares else ""
                     for kind in ("f32", "bf16") for pick in (min, statistics.median))]
        for name, shares in found.items()
    ]
    columns = ["pass", "", "f32, least", "f32, median", "bf16, least", "bf16, median"]
    return rows and "**Normalization alone**: share of the copy bandwidth, over shapes\n\n" + table(columns, rows)


def of_kind(workloads: dict, kind: str):
    return [(name, workload) for name, workload in workloads.items() if workload["kind"] == kind]


def heading(results: dict) -> str:
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    return (
        f"{machines.kind(machine)}, {machine['threads']} threads, {machine['date']}, commit {machine['commit']}; "
        f"{versions}.")


def table(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---"] * 2 + ["--:"] * (len(columns) - 2), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def row(name: str, group: dict, peers: list[str]) -> list[str]:
    tasks = group["tasks"].values()
    ours = find(tasks, "renorm", group["norm"])
    others = {peer: find(tasks, peer, group["norm"]) for peer in peers}
    measured = {peer: task["rounds"] for peer, task in others.items() if task and task.get("rounds")}
    best = fastest(measured)
    times = ours.get("rounds") if ours else None
    faster = f"{ratio(measured[best], times):.2f}" if best and times else ""
    return [name, group["norm"], time(ours), *(time(others[peer]) for peer in peers), faster, cost(tasks),
            *floor(ours)]


def find(tasks, program: str, norm: str) -> dict | None:
    return next((task for task in tasks if task["program"] == program and task["norm"] == norm), None)


def time(task: dict | None) -> str:
    if task is None:
        return ""
    if "failure" in task:
        return "failed"
    return f"{significant(task['median'])} ± {100 * task['spread']:.0f} %"


def cost(tasks) -> str:
    """What BRN costs over BN, where both took turns."""
    pair = [find(tasks, "renorm", norm) for norm in ("batch-renorm", "batch")]
    if not all(task and task.get("rounds") for task in pair):
        return ""
    return f"{ratio(pair[0]['rounds'], pair[1]['rounds']):.3f}"


def floor(task: dict | None) -> list[str]:
    """Our time over the floor's, and the share of the processor's peak."""
    floors = task.get("floors") if task else None
    if not floors or not task.get("rounds"):
        return ["", ""]
    limits = [each["milliseconds"] for each in floors]
    share = ratio([each["operations"] / each["peak_operations_per_second"] * 1000 for each in floors], task["rounds"])
    return [f"{ratio(task['rounds'], limits):.2f}", f"{100 * share:.0f} %"]


def without_compile(workloads: dict) -> list[str]:
    """The workloads in which PyTorch's compiled modes were not asked for (memory's table names each mode)."""
    def is_eager(task):
        facts = task.get("facts", {})
        modes = [*facts.get("modes", []), *facts.get("left_out", {})]
        return task["program"] == "pytorch" and modes and not any("compiled" in mode for mode in modes)

    return [
        name for name, workload in workloads.items() if workload["kind"] != "memory"
        if any(is_eager(task) for group in workload.get("groups", []) for task in group["tasks"].values())]


def conventions(workloads: dict) -> list[str]:
    """The workloads whose convolutions were computed in another way than by default."""
    ways = {}
    for name, workload in workloads.items():
        ways.setdefault(workload.get("convolution", "auto"), []).append(name)
    return [f"With --convolution {way}: {', '.join(names)}." for way, names in ways.items() if way != "auto"]


def failures(results: dict) -> list[str]:
    lines = []
    for name, workload in results["workloads"].items():
        if "failure" in workload:
            lines.append(f"{name}: {workload['failure']}")
        for group in workload.get("groups", []):
            for label, task in group["tasks"].items():
                title = TITLES.get(task["program"], task["program"])
                # Where nothing is normalized only the whole label tells tasks of one program apart.
                what = f"{title}, {task['norm']}" if task["norm"] else label
                if "failure" in task:
                    lines.append(f"{name}, {what}: {task['failure']}")
                for mode, reason in task.get("facts", {}).get("left_out", {}).items():
                    lines.append(f"{name}, {title} {mode}, {task['norm']}: {reason}")
    return lines


def significant(value: float) -> str:
    """Three digits."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"
