"""What is measured: each workload is a list of groups, and the programs of a group take turns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Task:
    """One program's part: which program, and with which normalization and further options."""

    program: str
    #: Empty where nothing is normalized.
    norm: str
    options: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return " ".join([self.program, *([self.norm] if self.norm else []), *self.options])

    def arguments(self) -> list[str]:
        return [*(["--norm", self.norm] if self.norm else []), *self.options]


@dataclass(frozen=True)
class Group:
    """Programs that do the same work in turns; the table has a row for it, with this normalization."""

    norm: str
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class Workload:
    """A network, its images and its batch."""

    name: str
    model: str
    size: tuple[int, int, int]
    classes: int
    batch: int
    groups: tuple[Group, ...]
    mode: str = "training"
    precision: str = "f32"
    #: training, bf16, inference or memory: which table it stands in.
    kind: str = "training"
    #: The seconds that a program works in its turn, about.
    turn: float = 0.4

    def arguments(self) -> list[str]:
        """Its options on the command line of any program."""
        return [
            "--model", self.model, "--input", "x".join(map(str, self.size)), "--classes", str(self.classes),
            "--batch", str(self.batch), "--mode", self.mode,
            *(["--precision", self.precision] if self.precision != "f32" else []),
        ]


def training(name, model, size, classes, batch, groups=False, peers=("pytorch", "tensorflow", "jax")):
    """Training steps with BN and BRN, and if asked for with GN."""
    batch_norm = [Task("renorm", "batch"), Task("renorm", "batch-renorm"), *(Task(peer, "batch") for peer in peers)]
    renorm = [Task("renorm", "batch-renorm"), *(Task(peer, "batch-renorm") for peer in peers)]
    result = [Group("batch", tuple(batch_norm)), Group("batch-renorm", tuple(renorm))]
    if groups:
        result.append(Group("group:8", (Task("renorm", "group:8"), Task("pytorch", "group:8"))))
    return Workload(f"{name}-{batch}", model, size, classes, batch, tuple(result))


def half_precision(name, model, size, classes, batch):
    """Training steps in bf16 against PyTorch's autocast."""
    tasks = [Task("renorm", "batch"), Task("renorm", "batch-renorm"), Task("pytorch", "batch")]
    return Workload(
        f"{name}-{batch}-bf16", model, size, classes, batch, (Group("batch", tuple(tasks)),), precision="bf16",
        kind="bf16")


def inference(name, model, batch):
    """Inference with moving averages."""
    tasks = [Task(program, "batch") for program in ("renorm", "openvino", "onnxruntime", "pytorch")]
    return Workload(
        f"{name}-{batch}-inference", model, LARGE, 1000, batch, (Group("batch", tuple(tasks)),), mode="inference",
        kind="inference")


def memory(name, model, size, classes, batch):
    """The most memory that a training step needs, and its time: each way of ours, and PyTorch's modes one by one."""
    tasks = [
        Task("renorm", "batch"),
        Task("renorm", "batch", ("--memory", "small")),
        Task("renorm", "batch", ("--recompute",)),
        Task("pytorch", "batch", ("--modes", "channels_last/eager")),
        Task("pytorch", "batch", ("--modes", "channels_last/compiled")),
    ]
    return Workload(
        f"{name}-{batch}-memory", model, size, classes, batch, (Group("batch", tuple(tasks)),), kind="memory")


@dataclass(frozen=True)
class Reading:
    """Batches of photographs read from a folder by two workers, without a network; a step is a batch."""

    name: str
    pictures: str
    batch: int
    groups: tuple[Group, ...]
    size: int = 224
    kind: str = "reading"
    #: A program's workers begin with nothing in each turn, which is little of so long a turn.
    turn: float = 3.0

    def arguments(self) -> list[str]:
        return ["--pictures", self.pictures, "--batch", str(self.batch), "--size", str(self.size)]


def reading(name, pictures, batch):
    """Ours, decoding each time or keeping decoded pictures, and each of torchvision's ways."""
    tasks = [
        Task("loading", "", ("--cache", "none")), Task("loading", "", ("--cache", "memory")),
        *(Task("torchvision", "", ("--modes", mode)) for mode in ("pillow", "tensor", "mapped")),
    ]
    return Reading(name, pictures, batch, (Group("", tuple(tasks)),))


@dataclass(frozen=True)
class Report:
    """A program of ours that measures by itself, in turns of its own, and prints one JSON object."""

    name: str
    kind: str
    program: str
    arguments: tuple[str, ...] = ()


#: What `make datasets SETS=jpegs` leaves.
JPEGS = str(Path(__file__).resolve().parents[2] / ".deps" / "datasets" / "jpegs")


def reads_jpegs(workload) -> bool:
    return JPEGS == workload.pictures if isinstance(workload, Reading) else (
        isinstance(workload, Report) and JPEGS in workload.arguments)


LARGE = (224, 224, 3)
CIFAR = (32, 32, 3)

ALL = [
    *(training("small", "small", (28, 28, 1), 10, batch, groups=batch <= 4) for batch in (2, 4, 64)),
    *(training("resnet18-cifar", "resnet18", CIFAR, 10, batch, groups=batch <= 4) for batch in (2, 4, 32, 128)),
    *(training("resnet18-224", "resnet18", LARGE, 1000, batch, groups=batch <= 4) for batch in (4, 16)),
    *(training("resnet50-224", "resnet50", LARGE, 1000, batch, groups=batch <= 4) for batch in (4, 16)),
    training("mobilenetv2-224", "mobilenetv2", LARGE, 1000, 8),
    *(half_precision("resnet18-cifar", "resnet18", CIFAR, 10, batch) for batch in (4, 32)),
    *(half_precision("resnet18-224", "resnet18", LARGE, 1000, batch) for batch in (4, 16)),
    *(half_precision("resnet50-224", "resnet50", LARGE, 1000, batch) for batch in (4, 16)),
    *(inference(f"{model}-224", model, batch) for model in ("resnet50", "mobilenetv2") for batch in (1, 32)),
    memory("resnet50-224", "resnet50", LARGE, 1000, 16),
    # An epoch of Fashion-MNIST, and small steps, which reading would delay the most.
    Report("loading-small-64", "loading", "Loading", ("--network", "small", "--batch", "64", "--steps", "859")),
    Report("loading-resnet18-4", "loading", "Loading", ("--network", "resnet18", "--batch", "4", "--steps", "200")),
    reading("reading-jpegs-32", JPEGS, 32),
    *(Report(
        f"loading-jpegs-resnet18-16-{precision}", "loading", "Loading",
        ("--pictures", JPEGS, "--network", "resnet18", "--batch", "16", "--steps", "60", "--block", "3", "--precision",
         precision)) for precision in ("f32", "bf16")),
    Report("normalization", "passes", "Passes"),
]

#: What a quick run leaves out: batches of two beside batches of four; reading beside large steps, which hide it.
LEFT_OUT = ("small-2", "resnet18-cifar-2", "loading-small-64", "loading-jpegs-resnet18-16-bf16")
#: PyTorch's modes in a quick run: a contiguous layout is compiled for minutes and seldom the fastest.
QUICK_MODES = ("channels_last/eager", "contiguous/eager", "channels_last/compiled")


def quick(workload):
    """A workload as it is in a quick run of everything; None if it is left out.

    Training with batch normalization alone (ours with batch renorm, too). PyTorch without its compiled modes in bf16, where they
    were never the fastest, and without its eager one where memory is measured; not at all in inference, where it is slower than
    both of the runtimes made for that.
    """
    if workload.name in LEFT_OUT:
        return None
    groups = getattr(workload, "groups", ())
    if workload.kind == "training":
        groups = [group for group in groups if group.norm == "batch"]
    elif workload.kind == "bf16":
        eager = ("--modes", *(mode for mode in QUICK_MODES if mode.endswith("eager")))
        groups = [changed(group, lambda task: replace(task, options=eager)) for group in groups]
    elif workload.kind == "inference":
        groups = [changed(group, lambda task: None) for group in groups]
    elif workload.kind == "memory":
        groups = [
            changed(group, lambda task: None if "channels_last/eager" in task.options else task) for group in groups]
    return replace(workload, groups=tuple(groups)) if groups else workload


def changed(group: Group, change) -> Group:
    """A group with PyTorch's tasks changed, or left out where that gives None."""
    tasks = (change(task) if task.program == "pytorch" else task for task in group.tasks)
    return replace(group, tasks=tuple(task for task in tasks if task))
