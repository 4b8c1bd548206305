"""Files for TensorBoard as a place for metrics, beside metrics.csv.

They lie in the run's folder tensorboard, one folder per seed, or one for all seeds where these are
many. ``tensorboard --logdir runs`` shows them.
"""

import json
from pathlib import Path
from typing import Any

from lase_jax.reports.record import Record
from lase_jax.runs import dashboards, folder, tools
from lase_jax.runs.config import RunConfig


class TensorBoard:
    """Writes every number as a scalar over environment steps per seed.

    Args:
        path: run folder.
        config: the run's settings.
        content: what its config.json holds; it is shown as a text.
        steps: environment steps per seed that are done; what an earlier process wrote beyond them
            is not shown.

    Raises:
        ConfigError: the library is not installed, or the folder is a link.
    """

    def __init__(self, path: Path, config: RunConfig, content: dict[str, Any], steps: int):
        tools.require_library("tensorboardX", "tensorboardX")
        from tensorboardX import SummaryWriter

        place = path / folder.TENSORBOARD
        folder.require_own(place)
        self.together = dashboards.together(config, content)
        seeds = [f"seed-{config.seed + index}" for index in range(config.seeds)]
        names = ["all-seeds"] if self.together else seeds
        later = {"purge_step": steps + 1 if steps else None, "filename_suffix": f".{steps}"}
        self.writers = [SummaryWriter(str(place / name), **later) for name in names]
        for writer in self.writers:
            shown = json.dumps(content, indent=4, ensure_ascii=False)
            writer.add_text("config", "".join(f"    {line}\n" for line in shown.splitlines()))

    def write(self, record: Record) -> None:
        """Writes every row; of many seeds, means and half widths of their 95 % intervals."""
        for _, steps, curves in dashboards.rows(record, self.together):
            for writer, numbers in zip(self.writers, curves, strict=True):
                for name, value in numbers.items():
                    writer.add_scalar(name, value, steps)
        for writer in self.writers:
            writer.flush()

    def close(self, files: dict[str, Path]) -> None:
        """Closes the files; pictures lie in the run folder anyway."""
        for writer in self.writers:
            writer.close()
