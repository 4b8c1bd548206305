"""The numbers that reports are made of.

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
    """Records in order of time as one."""
    return Record(
        np.concatenate([record.update for record in records]),
        np.concatenate([record.env_steps for record in records]),
        {
            name: np.concatenate([record.metrics[name] for record in records])
            for name in records[0].metrics
        },
    )


class Row(NamedTuple):
    """What became of a setting."""

    name: str
    setting: Mapping[str, str]
    steps: np.ndarray  # [R] environment steps per seed
    curve: np.ndarray  # [R, S] the metric, mean over seats
    final: np.ndarray  # [S] the metric at the end
    note: str  # "" where it was trained to the end
