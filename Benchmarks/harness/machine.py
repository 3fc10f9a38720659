"""What the measurements were made on."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from pathlib import Path


def describe(threads: int, root: Path) -> dict:
    return {
        "date": datetime.date.today().isoformat(),
        "processor": processor(),
        "instructions": instructions(),
        "cache": caches(),
        "cores": os.cpu_count(),
        "threads": threads,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "commit": commit(root),
    }


def processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


#: What decides how fast networks are computed, by the flags of /proc/cpuinfo: of each row the first that there is.
INSTRUCTIONS = [
    [("avx512f", "AVX-512"), ("avx2", "AVX2"), ("asimd", "NEON")],
    [("avx512_bf16", "bf16"), ("bf16", "bf16")],
    [("amx_bf16", "AMX"), ("amx_tile", "AMX")],
]


def instructions(cpuinfo: str | None = None) -> str:
    """The sets of instructions that matter here, such as `AVX-512, bf16, AMX`; empty where the system does not say."""
    if cpuinfo is None:
        try:
            cpuinfo = Path("/proc/cpuinfo").read_text()
        except OSError:
            return ""
    flags = next((set(line.split(":", 1)[1].split()) for line in cpuinfo.splitlines()
                  if line.lower().startswith(("flags", "features"))), set())
    found = (next((name for flag, name in row if flag in flags), None) for row in INSTRUCTIONS)
    return ", ".join(name for name in found if name)


def caches(folder: Path = Path("/sys/devices/system/cpu/cpu0/cache")) -> dict[str, int]:
    """The bytes of the caches of one core by level, each with what it shares; none where the system does not say."""
    found = {}
    for index in sorted(folder.glob("index*")):
        try:
            level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        except OSError:
            continue
        if kind != "Instruction" and size[:-1].isdigit():
            found[f"L{level}"] = int(size[:-1]) * {"K": 2**10, "M": 2**20, "G": 2**30}[size[-1]]
    return found


def kind(machine: dict) -> str:
    """One line that says what kind of machine it is; results of before there was more have the processor's name alone."""
    sizes = [f"{level} {readable(size)}" for level, size in machine.get("cache", {}).items() if level != "L1"]
    details = ", ".join(filter(None, [machine.get("instructions"), *sizes, f"{machine['cores']} cores"]))
    return f"{machine['processor']} ({details})"


def readable(size: int) -> str:
    return f"{size / 2**20:.3g} MiB" if size >= 2**20 else f"{size // 2**10} KiB"


def commit(root: Path) -> str:
    """The commit that was measured, with a + where files differ from it."""
    try:
        return subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=10", "--exclude=*"], cwd=root, capture_output=True,
            text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
