"""A load as it happened: who joined which meeting when, from where, and when they left.

The simulator runs on nothing else, so a deployment's own history can be replayed. Columns, in
CSV or Parquet: `joined_at`, `left_at` (seconds since the epoch, or RFC 3339), `conference`,
`region`, and `media` (a name of `media.MEDIA`; may be left out).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from octofleet.simulate.media import MEDIA

__all__ = ["Trace", "TraceError", "read", "write"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

COLUMNS: Final = ("joined_at", "left_at", "conference", "region", "media")
DEFAULT_MEDIA: Final = "meeting"


class TraceError(ValueError):
    """A trace isn't understood."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Participants, in the order they joined."""

    joined: Floats
    """Seconds since the epoch."""
    left: Floats
    conference: Ints
    """Index of the meeting, 0 to `meetings` - 1."""
    region: Ints
    """Index into `regions`."""
    regions: tuple[str, ...]
    media: Ints
    """By meeting: index into `medias`."""
    medias: tuple[str, ...]

    @property
    def joins(self) -> int:
        """Return how many participants there are."""
        return len(self.joined)

    @property
    def meetings(self) -> int:
        """Return how many meetings there are."""
        return len(self.media)


def build(
    joined: Floats,
    left: Floats,
    conference: Ints,
    region: Ints,
    media: Ints,
    regions: tuple[str, ...],
) -> Trace:
    """Return a trace from columns in any order; `media` is by meeting, an index into MEDIA."""
    order = np.argsort(joined, kind="stable")
    return Trace(
        joined[order],
        np.maximum(left[order], joined[order]),
        conference[order],
        region[order],
        regions,
        media,
        tuple(MEDIA),
    )


def write(trace: Trace, path: Path) -> None:
    """Write a trace as CSV, or as Parquet where the name ends in .parquet."""
    pa, csv, parquet = _arrow()
    medias = np.array(trace.medias)[trace.media]
    table = pa.table(
        {
            "joined_at": np.round(trace.joined, 3),
            "left_at": np.round(trace.left, 3),
            "conference": trace.conference,
            "region": np.array(trace.regions)[trace.region],
            "media": medias[trace.conference],
        }
    )
    if path.suffix == ".parquet":
        parquet.write_table(table, str(path))
    else:
        csv.write_csv(table, str(path))


def read(path: Path) -> Trace:
    """Read a trace.

    Raises:
        TraceError: It can't be read, a column is missing, or a value makes no sense.
    """
    pa, csv, parquet = _arrow()
    try:
        parquetted = path.suffix == ".parquet"
        table = parquet.read_table(str(path)) if parquetted else csv.read_csv(str(path))
    except (OSError, pa.ArrowException) as error:
        raise TraceError(f"{path}: {error}") from error
    names = set(cast(list[str], table.column_names))
    missing = [name for name in COLUMNS[:-1] if name not in names]
    if missing:
        raise TraceError(f"{path}: no column {', '.join(missing)}")
    columns = {name: cast(list[Any], table[name].to_pylist()) for name in names & set(COLUMNS)}
    return _trace(columns, str(path))


def _trace(columns: dict[str, list[Any]], where: str) -> Trace:
    joined = np.array([_moment(each, where) for each in columns["joined_at"]], dtype=np.float64)
    left = np.array([_moment(each, where) for each in columns["left_at"]], dtype=np.float64)
    if np.any(left < joined):
        raise TraceError(f"{where}: somebody left before joining")
    meetings, conference = _numbered([str(each) for each in columns["conference"]])
    regions, region = _numbered([str(each) for each in columns["region"]])
    said = columns.get("media") or [DEFAULT_MEDIA] * len(joined)
    names = list(MEDIA)
    media = np.full(len(meetings), names.index(DEFAULT_MEDIA), dtype=np.int64)
    for index, name in zip(conference.tolist(), said, strict=True):
        if name not in MEDIA:
            raise TraceError(f"{where}: media {name!r} is none of {', '.join(names)}")
        media[index] = names.index(name)
    return build(joined, left, conference, region, media, tuple(regions))


def _numbered(words: list[str]) -> tuple[list[str], Ints]:
    known: dict[str, int] = {}
    numbers = [known.setdefault(word, len(known)) for word in words]
    return list(known), np.array(numbers, dtype=np.int64)


def _moment(value: object, where: str) -> float:
    if isinstance(value, int | float):
        return float(value)
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError as error:
        raise TraceError(f"{where}: {value!r} is no moment") from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _arrow() -> tuple[Any, Any, Any]:
    """Return pyarrow, which has no types of its own, and is needed for files only."""
    arrow, csv, parquet = (
        import_module(name) for name in ("pyarrow", "pyarrow.csv", "pyarrow.parquet")
    )
    return arrow, csv, parquet
