"""Command `python -m octobridge.sidecar`: the door, until it is told to stop."""

import signal
import sys

__all__ = ["main"]


def main() -> int:
    """Run until SIGTERM; return the exit status."""
    # A container's first process ignores SIGTERM until it says otherwise, and imports take a
    # moment: a pod deleted meanwhile would wait out its whole grace period.
    signal.signal(signal.SIGTERM, _end)
    from octobridge.sidecar import serving

    return serving.run()


def _end(number: int, frame: object) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
