"""tmp"""


def measure_bridge() -> float:
    return 0.0
