"""The one error that set-up reports to a person."""


class Problem(Exception):
    """What was found, what was expected, and what to do about it."""

    def __init__(self, found: str, expected: str, remedy: str):
        super().__init__(f"{found}\n  Expected: {expected}\n  To do: {remedy}")
