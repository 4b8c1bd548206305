"""The data types that reports are made from.

Letters: R rows, S seeds.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np


class Record(NamedTuple):
    """Some rows of metrics."""

    update: np.ndarray  # [R] updates finished
    env_steps: np.ndarray  # [R] environment steps per seed so far
    metrics: dict[str, np.ndarray]  # [R, S], [R, S, N] or [R, S, N, N]


def joined(records: list[Record]) -> Record:
    """Joins records that follow each other in time."""
    return Record(
        np.concatenate([record.update for record in records]),
        np.concatenate([record.env_steps for record in records]),
        {
            name: np.concatenate([record.metrics[name] for record in records])
            for name in records[0].metrics
        },
    )


class Row(NamedTuple):
    """The result of one setting of a sweep."""

    name: str
    setting: Mapping[str, str]
    steps: np.ndarray  # [R] environment steps per seed
    curve: np.ndarray  # [R, S] the metric, mean over seats
    final: np.ndarray  # [S] the metric at the end
    note: str  # "" if it was trained to the end
