"""Results as Markdown."""

from __future__ import annotations

from .summary import fastest, ratio

TITLES = {"renorm": "Renorm", "pytorch": "PyTorch", "tensorflow": "TensorFlow", "jax": "JAX", "onnxruntime": "ONNX Runtime"}
KINDS = {
    "training": ("Training steps, f32", ["pytorch", "tensorflow", "jax"]),
    "bf16": ("Training steps, bf16 (PyTorch: autocast)", ["pytorch"]),
    "inference": ("Inference, f32", ["onnxruntime", "pytorch"]),
}


def markdown(results: dict) -> str:
    """All tables, with the machine above and the failures below."""
    sections = [heading(results)]
    for kind, (title, peers) in KINDS.items():
        rows = [
            row(name, group, peers)
            for name, workload in results["workloads"].items() if workload["kind"] == kind
            for group in workload["groups"]
        ]
        if rows:
            columns = [
                "workload", "normalization", "Renorm", *(TITLES[peer] for peer in peers), "fastest peer / Renorm",
                "BRN / BN", "Renorm / floor", "share of peak",
            ]
            sections.append(f"**{title}**: ms, median ± spread\n\n" + table(columns, rows))
    failed = failures(results)
    if failed:
        sections.append("Not measured:\n\n" + "\n".join(f"- {line}" for line in failed))
    return "\n\n".join(sections) + "\n"


def heading(results: dict) -> str:
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    return (
        f"{machine['processor']}, {machine['threads']} threads, {machine['date']}, commit {machine['commit']}; "
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


def failures(results: dict) -> list[str]:
    lines = []
    for name, workload in results["workloads"].items():
        for group in workload["groups"]:
            for task in group["tasks"].values():
                title = TITLES.get(task["program"], task["program"])
                if "failure" in task:
                    lines.append(f"{name}, {title}, {task['norm']}: {task['failure']}")
                for mode, reason in task.get("facts", {}).get("left_out", {}).items():
                    lines.append(f"{name}, {title} {mode}, {task['norm']}: {reason}")
    return lines


def significant(value: float) -> str:
    """Three digits."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"
