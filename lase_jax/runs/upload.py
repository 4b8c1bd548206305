"""Sends to Weights & Biases what runs have logged offline."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from envs.checks import require
from lase_jax.runs import folder, inspection, lock
from lase_jax.runs.wandb import require_key


def unsent(path: Path) -> list[Path]:
    """The folders of W&B's offline records in a run or sweep that were not sent, oldest first.

    Raises:
        ConfigError: neither a run folder nor a sweep's.
    """
    found = [
        each
        for run in inspection.runs_in(path)
        for each in (run / folder.WANDB).glob("offline-run-*")
        if any(each.glob("*.wandb")) and not any(each.glob("*.wandb.synced"))
    ]
    return sorted(found, key=lambda each: each.name)


def sync(path: Path, say: Callable[[str], None]) -> int:
    """Sends the offline records of a run or a sweep with ``wandb sync``.

    Args:
        path: folder of the run or sweep.
        say: prints a line.

    Returns:
        An exit code: 0 when all has been sent or nothing was left to send, else 1.

    Raises:
        ConfigError: neither a run folder nor a sweep's, one that is being trained, or no API key.
    """
    folders = unsent(path)
    if not folders:
        say(f"Nothing to send: {path} has no offline records of W&B that were not sent before.")
        return 0
    remedy = "it is being trained, send it when that has ended"
    require(not lock.taken(path), "run", str(path), remedy)
    require_key()
    say(f"Sending {len(folders)} records.")
    command = [sys.executable, "-m", "wandb", "sync", *map(str, folders)]
    own = {"WANDB_DIR": str(folders[0].parents[1])}  # where it writes its log
    code = subprocess.run(command, check=False, env=os.environ | own).returncode
    left = unsent(path)
    if code or left:
        say(f"{len(left)} of {len(folders)} records were not sent; try again when W&B answers.")
        return 1
    say("All has been sent.")
    return 0
