"""About how long training takes, by what it took before on the machine that made our results."""

import json
from collections.abc import Sequence
from pathlib import Path

from experiments.learning_curves.sweep import KEPT
from lase_jax.runs.config import RunConfig


def minutes(kept: Path, name: str, run: RunConfig) -> float | None:
    """Minutes of a run: those of the same one, or of its algorithm's in this game.

    Args:
        kept: folder of the findings of scale "cpu"; those of the learning curves come after them.
        name: of the run, ``<game>-...``.
        run: its settings; minutes are in proportion to steps and seeds.

    Returns:
        None if neither is kept.
    """
    plain = f"{run.env}-{run.algo}.json"
    for file in (kept / f"{name}.json", kept / plain, KEPT / plain):
        each = _per_step(file)
        if each is not None:
            return each * run.schedule.steps * run.seeds
    return None


def _per_step(file: Path) -> float | None:
    """Minutes per environment step of the kept run, over all its seeds."""
    if not file.is_file():
        return None
    content = json.loads(file.read_text())
    taken, steps = content["facts"]["minutes"], content["facts"]["env_steps"]
    seeds = len(content["final"]["return/collective"])
    return taken / steps / seeds if taken else None


def about(each: Sequence[float | None]) -> str:
    """The sum of some minutes in words, e.g. ``"about 2 h 10 min on one core"``."""
    known = [taken for taken in each if taken is not None]
    if not known:
        return "which have not been timed"
    hours, rest = divmod(max(1, round(sum(known))), 60)
    text = f"about {hours} h {rest} min" if hours else f"about {rest} min"
    text += " on one core"
    return text if len(known) == len(each) else f"{text} and {len(each) - len(known)} not timed"
