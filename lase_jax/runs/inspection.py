"""What can be had of a run folder: reads all of it, and changes nothing."""

from pathlib import Path
from typing import Any, NamedTuple

from envs.checks import refusal
from lase_jax.runs import files, folder, lock, metrics_csv, results, status
from lase_jax.runs.parts import plan_of
from lase_jax.runs.setup import checkpoints_of, load_config, set_up


class Report(NamedTuple):
    """What a run folder holds."""

    sound: list[str]  # sentences about what is as it should be
    problems: list[str]  # sentences about what is not


def inspect(path: Path) -> Report:
    """Verifies settings, rows and checkpoints of a run.

    Raises:
        ConfigError: not a run folder, or settings that cannot be read: nothing can be had of it.
    """
    config, content = load_config(path)
    setup, plan = set_up(config), plan_of(config)
    sound = [f"The settings are those of {config.algo} in {config.env}, {config.seeds} seeds."]
    problems: list[str] = []
    sound.append(_state(path))
    updates, sealed = {}, ""
    if (path / folder.CHECKPOINTS).is_dir():
        checkpoints = checkpoints_of(path, config, content, sound.append, read_only=True)
        try:
            updates = checkpoints.examine(setup.shapes())
            last = max((update for update, why in updates.items() if not why), default=0)
            sealed = checkpoints.rows_of(last) if last else ""
        finally:
            checkpoints.close()
    problems += [f"Checkpoint {update}: {why}." for update, why in updates.items() if why]
    good = [update for update, why in updates.items() if not why]
    if good:
        names = ", ".join(map(str, good))
        sound.append(f"Checkpoints that can be evaluated and gone on from: {names}.")
    elif updates or results.finished(path):
        problems.append("No checkpoint can be read.")
    else:
        sound.append("There is no checkpoint yet.")
    last = max(good, default=0)
    there, faults = _rows(path, [*setup.seeds], last, sealed)
    problems += [f"{folder.METRICS}: {fault}." for fault in faults]
    missing = last // plan.window - sum(update <= last for update in there)
    sound.append(f"{folder.METRICS} has {len(there)} rows per seed.")
    if missing:
        problems.append(f"{folder.METRICS} lacks {missing} rows up to update {last}.")
    if not _is_of_its_setting(path, content):
        problems.append(f"{folder.CONFIG} is not of the setting that the sweep calls {path.name}.")
    if results.finished(path) and last < plan.updates:
        problems.append(f"{folder.SUMMARY} speaks of update {plan.updates}, which is not there.")
    return Report(sound, problems)


def _is_of_its_setting(path: Path, content: dict[str, Any]) -> bool:
    """Whether a run in the folder of a sweep has the setting that its name stands for."""
    try:
        settings = files.read_json(path.parent / folder.SWEEP)["settings"]
        return path.name not in settings or settings[path.name] == content.get("setting")
    except (OSError, ValueError, LookupError, TypeError):
        return True  # not in a sweep, or that has damage of its own


def _state(path: Path) -> str:
    """A sentence on whether the run is being trained, or how that ended."""
    found = status.read(path)
    if found is None:
        return "Whether it is being trained is not known."
    who = f"process {found.pid} on {found.host}"
    if found.state != "running":
        return f"It was {found.state} after update {found.update} at {found.time} by {who}."
    if lock.taken(path):
        return f"It is being trained by {who} since {found.time}."
    return f"Its training by {who} ended without a word, e.g. by a power failure."


def _rows(path: Path, seeds: list[int], last: int, sealed: str) -> tuple[list[int], list[str]]:
    """The updates of the sound rows of metrics.csv, and what is wrong with the file.

    ``sealed`` is the digest of its rows up to update `last`; "" if it is not known.
    """
    try:
        sifted = metrics_csv.sift(files.read(path / folder.METRICS).decode(), seeds)
        if sealed not in ("", metrics_csv.digest(sifted, last)):
            changed = metrics_csv.CHANGED.format(last)
            return list(sifted.blocks), sifted.faults or [changed]
    except FileNotFoundError:
        return [], []
    except (OSError, ValueError) as error:
        return [], [files.reason(error)]
    return list(sifted.blocks), sifted.faults


def runs_in(path: Path) -> list[Path]:
    """A run folder, or the run folders of a sweep.

    Raises:
        ConfigError: neither of both.
    """
    if (path / folder.CONFIG).exists():
        return [path]
    found = sorted(each.parent for each in path.glob(f"*/{folder.CONFIG}"))
    if not found:
        remedy = "it is neither a run folder nor a sweep's, use one such as runs/<name>"
        raise refusal("run", str(path), remedy)
    return found
