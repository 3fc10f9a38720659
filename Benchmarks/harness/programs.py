"""Programs that wait for a line, work, and answer with a line of JSON (see peers/protocol.py)."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
from pathlib import Path


class Failure(Exception):
    """Why a program cannot be measured."""


class Program:
    """A running program, silent and idle except between a question and its answer."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path, cores: set[int] | None = None):
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        with log.open("w") as errors:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
                env={**os.environ, **environment}, start_new_session=True)
        if cores and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self.process.pid, cores)
        self._lines: queue.Queue = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with self.process.stdout as output:
            for line in output:
                # Libraries may write to the standard output, too; answers are objects.
                if line.startswith("{"):
                    self._lines.put(line)
        self._lines.put(None)

    def answer(self, timeout: float) -> dict:
        """The next line of the program."""
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            self.end()
            raise Failure(f"no answer within {timeout:.0f} s") from None
        if line is None:
            raise Failure(f"ended with status {self.process.wait()}: {self._last_words()}")
        answer = json.loads(line)
        if "error" in answer:
            self.end()
            raise Failure(answer["error"])
        return answer

    def ask(self, question: str, timeout: float = 300) -> dict:
        try:
            self.process.stdin.write(question + "\n")
            self.process.stdin.flush()
        except OSError:
            pass  # It has ended; the answer says why.
        return self.answer(timeout)

    def seconds_per_step(self, steps: int, mode: str | None = None) -> float:
        return self.ask(f"run {steps} {mode or ''}".rstrip())["seconds"] / steps

    def _last_words(self) -> str:
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1][:200] if lines else "it said nothing"

    def end(self):
        """Ends the program, whatever it does."""
        try:
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        # It reads until the programs that this one may have started have ended, too.
        self._reader.join(timeout=5)
