"""Command `octobridge`: one videobridge, configured by its environment."""

import signal
import sys

__all__ = ["main"]


def main() -> int:
    """Run until shutdown is complete; return the exit status."""
    # A container's first process ignores SIGTERM until it says otherwise, and imports take a
    # second: a pod deleted meanwhile would wait out its whole grace period, with nobody on it.
    signal.signal(signal.SIGTERM, _end)
    from octobridge.shell import command

    return command.run()


def _end(number: int, frame: object) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
