"""The peers' virtual environment inside the checkout, and the variables that programs are started with."""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
import venv
from pathlib import Path


def python(folder: Path) -> Path:
    return folder / "bin" / "python"


def prepare(folder: Path, requirements: Path, say) -> None:
    """Installs what `requirements` lists, unless just that is installed.

    BENCH_PIP_ARGS holds further options of pip, such as --find-links or --extra-index-url for a CPU build of PyTorch.
    """
    stamp = folder / "installed.sha256"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say(f"Installing the peers in {folder}; the first time takes minutes.")
    if not python(folder).exists():
        venv.create(folder, with_pip=True)
    extra = shlex.split(os.environ.get("BENCH_PIP_ARGS", ""))
    try:
        subprocess.run(
            [python(folder), "-m", "pip", "install", "--quiet", "--requirement", requirements, *extra], check=True)
    except subprocess.CalledProcessError:
        sys.exit(
            f"pip could not install what {requirements} lists (its message is above).\n"
            "  To do: where PyTorch's CPU build is in a folder or index of its own, name it in BENCH_PIP_ARGS, such\n"
            "  as BENCH_PIP_ARGS='--find-links FOLDER'; or measure without peers: --peers none.")
    stamp.write_text(wanted)


def versions(folder: Path) -> dict[str, str]:
    """The versions of the frameworks."""
    names = ["torch", "torchvision", "pillow", "tensorflow", "tf_keras", "jax", "onnxruntime", "openvino"]
    code = (
        "import importlib.metadata as m, json\n"
        "found = {}\n"
        f"for name in {names!r}:\n"
        "    for package in (name, name + '-cpu'):\n"
        "        try: found[name] = m.version(package)\n"
        "        except m.PackageNotFoundError: pass\n"
        "print(json.dumps(found))")
    import json
    done = subprocess.run([python(folder), "-c", code], capture_output=True, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else {}


def variables(folder: Path, threads: int) -> dict[str, str]:
    """What every program finds in its environment."""
    return {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "TF_USE_LEGACY_KERAS": "1",
        "JAX_PLATFORMS": "cpu",
        "PYTHONDONTWRITEBYTECODE": "1",
        # Compiled once, found again in the next run.
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "cache" / "inductor"),
        "JAX_COMPILATION_CACHE_DIR": str(folder / "cache" / "jax"),
    }
