"""What can go wrong in the lab, and how the command line says so."""

__all__ = ["CommandError", "LabError", "UnmetError"]


class LabError(Exception):
    """Something the person at the terminal should read as one line."""

    exit_code = 1


class UnmetError(LabError):
    """A precondition isn't met; the message says what to do about it."""

    exit_code = 2


class CommandError(LabError):
    """A program the lab ran ended badly; carries the end of what it said."""
