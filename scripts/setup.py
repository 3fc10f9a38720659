#!/usr/bin/env python3
"""Prepares a checkout: what the build needs, what the built programs need, the data.

Everything that it makes lies in .deps, and deleting that folder is always safe. The Makefile calls it before each
target; where all is there it only looks.
"""

import argparse
import sys
from pathlib import Path

from provision import datasets as picture_sets, fashion_mnist, headers, onednn, swift, weights as pretrained
from provision.files import exclusive
from provision.problem import Problem

DEPS = Path(__file__).resolve().parent.parent / ".deps"


def build(_) -> None:
    """Swift, the libraries that read files, oneDNN."""
    swift.check()
    headers.provide(DEPS)
    onednn.provide(DEPS)


def data(_) -> None:
    """Fashion-MNIST."""
    fashion_mnist.provide(DEPS)


def datasets(arguments) -> None:
    """Sets of pictures to try things on; without names all of them."""
    if arguments.list:
        print(picture_sets.listing())
    else:
        picture_sets.provide(DEPS, arguments.names)


def weights(arguments) -> None:
    """Pretrained networks to try things on; without names all of them."""
    if arguments.list:
        print(pretrained.listing())
    else:
        pretrained.provide(DEPS, arguments.names)


def place(arguments) -> None:
    """Links oneDNN beside the built programs."""
    onednn.place(DEPS, Path(arguments.programs))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for function in (build, data, datasets, weights, place):
        command = commands.add_parser(function.__name__, help=function.__doc__)
        command.set_defaults(function=function)
        if function is place:
            command.add_argument("programs", help="the folder of the built programs")
        if function in (datasets, weights):
            command.add_argument("names", nargs="*", metavar="SET", help="of those that --list prints")
            command.add_argument("--list", action="store_true", help="say what there is")
    arguments = parser.parse_args()
    try:
        with exclusive(DEPS):
            arguments.function(arguments)
    except Problem as problem:
        print(f"set-up: {problem}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"set-up: {error}\n  Expected: a folder that may be written, with free space.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
