"""What all peers share: their options, and the conversation with the driver.

A peer gets its modes ready (a mode is a way of running the same work, such as a layout, eager or compiled), prints one
line {"ready": true, "modes": […], …}, then answers each line that it reads with one line of JSON:

    run K [MODE]    the seconds that K steps took
    keep MODE       forgets the other modes and what they hold in memory
    memory          the most memory that the process has had
    quit            ends it, as does the end of the input

While it waits for a line it computes nothing, so programs can take turns.
"""

import argparse
import gc
import json
import sys
import time

#: The optimizer of every peer: SGD with Nesterov momentum; the decay is for weights of convolutions and dense layers.
#: The rate is small, so that the one batch is not learned by heart: gradients would vanish into denormal numbers.
RATE, MOMENTUM, DECAY = 0.001, 0.9, 5e-4
#: Of batch renorm: the rate of its averages, and the limits of its correction.
AVERAGING_RATE, R_MAX, D_MAX, EPSILON = 0.05, 3.0, 5.0, 1e-5


def parse(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", default="small")
    parser.add_argument("--input", default="28x28x1", type=lambda text: tuple(int(part) for part in text.split("x")))
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--norm", default="batch", help="batch, batch-renorm or group:N")
    parser.add_argument("--mode", choices=["training", "inference"], default="training")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--warmup", type=int, default=2, help="steps of each mode before any is timed")
    parser.add_argument("--modes", nargs="+", help="default: all that work")
    return parser.parse_args()


def memory(field):
    """This process's memory in bytes: field VmRSS (now) or VmHWM (the most so far); 0 where the system does not say."""
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith(field + ":"):
                    return 1024 * int(line.split()[1])
    except OSError:
        pass
    return 0


def serve(program, version, options, makers):
    """Answers the driver.

    `makers` holds for each mode a function that returns a function: called with a number of steps, that does them and
    returns when they have been done.
    """
    facts = {"ready": True, "program": program, "version": version, "bytes_at_start": memory("VmRSS")}
    modes, left_out = {}, {}
    for name in options.modes or makers:
        try:
            start = time.perf_counter()
            work = makers[name]()
            work(options.warmup)
            modes[name] = work
            facts.setdefault("warmup_seconds", {})[name] = round(time.perf_counter() - start, 2)
        except Exception as error:
            left_out[name] = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    if not modes:
        say({"error": "; ".join(f"{name}: {reason}" for name, reason in left_out.items())})
        sys.exit(1)
    say({**facts, "modes": list(modes), "left_out": left_out})
    for line in sys.stdin:
        words = line.split()
        if words == ["quit"]:
            break
        say(answer(words, modes))


def answer(words, modes):
    if words == ["memory"]:
        return {"peak_bytes": memory("VmHWM"), "resident_bytes": memory("VmRSS")}
    if len(words) == 2 and words[0] == "keep" and words[1] in modes:
        for name in list(modes):
            if name != words[1]:
                del modes[name]
        gc.collect()
        return {"kept": words[1]}
    if len(words) in (2, 3) and words[0] == "run" and words[1].isdigit() and int(words[1]) > 0:
        mode = words[2] if len(words) == 3 else next(iter(modes))
        if mode in modes:
            start = time.perf_counter()
            modes[mode](int(words[1]))
            return {"steps": int(words[1]), "seconds": time.perf_counter() - start}
    return {"error": f"found '{' '.join(words)}'; expected run K [MODE], keep MODE, memory or quit"}


def say(message):
    print(json.dumps(message), flush=True)
