"""How far training is: a bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable
from typing import Any

LINE_EVERY = 5.0
"""Seconds between plain lines, at least."""
BAR = 16
"""Width of the bar in characters."""


class Progress:
    """Shows steps, steps per second, the current collective return and the time left.

    Args:
        total: environment steps in all, of all seeds together.
        done: how many of these were played before this process started.
        say: prints a line where there is no terminal.
        seeds: how many seeds are trained side by side; steps are shown per seed.
        most: an upper bound of the collective return, to be shown beside it; None for none.
    """

    def __init__(
        self,
        total: int,
        done: int,
        say: Callable[[str], None],
        seeds: int = 1,
        most: float | None = None,
    ):
        self._total, self._began, self._say = total, done, say
        self._seeds, self._most = seeds, most
        self._start = self._said = time.perf_counter()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> "Progress":
        """Opens the bar, where there is a terminal."""
        from rich import progress
        from rich.table import Column

        bar = progress.Progress(
            progress.BarColumn(BAR),
            progress.TaskProgressColumn(),
            progress.TextColumn("{task.fields[text]}", table_column=Column()),  # wraps if it must
            progress.TimeRemainingColumn(
                elapsed_when_finished=True, table_column=Column(no_wrap=True)
            ),
        )
        if bar.console.is_terminal:
            self._bar = bar
            self._bar.start()
            self._task = bar.add_task("", total=self._total, completed=self._began, text="")
        return self

    def __exit__(self, *error: object) -> None:
        """Closes the bar."""
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int, collective: float) -> None:
        """Shows a new state.

        Args:
            done: environment steps so far, of all seeds together.
            collective: the current collective return, mean over seeds.
        """
        now = time.perf_counter()
        speed = (done - self._began) / max(now - self._start, 1e-9)
        earned = of_possible(f"{collective:.2f}", self._most)
        steps = f"{done // self._seeds:,} of {self._total // self._seeds:,} steps"
        if self._bar is not None:
            self._bar.update(self._task, completed=done, text=f"{steps}, return {earned}")
        elif now - self._said >= LINE_EVERY or done >= self._total:
            self._said = now
            left = max(self._total - done, 0) / max(speed, 1e-9)
            self._say(
                f"{done / self._total:4.0%}  {steps} per seed, collective return {earned}, "
                f"{speed:,.0f} steps/s of all seeds, {left:.0f} s left"
            )


def of_possible(earned: str, most: float | None) -> str:
    """A return beside the most that is possible, e.g. ``"11.2 of 20"``, where that is known."""
    return earned if most is None else f"{earned} of {most:g}"
