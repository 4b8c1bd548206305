"""A table of the predictions of pi_SR and the weights of LASE, by pi_SR's learning rule.

    python -m experiments.calibration.analysis

Writes ``results.md`` beside this file. Numbers are means over the last tenth of training.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from experiments.calibration.sweep import OUT, RULES, SEATS
from lase_jax.reports import stats
from lase_jax.reports.record import Record
from lase_jax.reports.tables import markdown
from lase_jax.runs import folder, results, sinks

COLUMNS = {
    "pi_SR entropy": "infer/policy_entropy",
    "CE own": "infer/own_cross_entropy",
    "CE others": "infer/other_cross_entropy",
    "CE others in view": "infer/visible_cross_entropy",
    "log A": "infer/uniform_cross_entropy",
}


@dataclass(frozen=True)
class Analysis:
    """Where to read and write."""

    runs: Path = OUT
    """Parent of the run folders."""
    out: Path = Path(__file__).parent
    """Where the table goes."""


def load(parent: Path) -> dict[tuple[str, str], Record]:
    """Metrics of the finished runs by society and rule."""
    pairs = ((society, rule) for society in SEATS for rule in RULES)
    paths = {pair: parent / "-".join(pair) for pair in pairs}
    return {
        pair: sinks.load(path / folder.METRICS)
        for pair, path in paths.items()
        if results.finished(path)
    }


def number(per_seed: np.ndarray) -> str:
    """Mean over seeds and its 95 % interval."""
    mean, half = stats.mean_and_band(per_seed[None])
    return f"{mean[0]:.3f} ± {half[0]:.3f}"


def table(records: dict[tuple[str, str], Record]) -> str:
    """Calibration of the LASE agent in seat 0, its weights, and the return, as Markdown."""
    heads = ["society", "rule", *COLUMNS, "w to seats 1, 2, 3", "w seat 1 > 2, seeds", "return"]
    rows = []
    for (society, rule), record in records.items():
        predictions = [number(stats.final(record.metrics[name])[:, 0]) for name in COLUMNS.values()]
        weights = stats.final(record.metrics["relation/weight"])[:, 0, 1:]
        ranked = f"{(weights[:, 0] > weights[:, 1]).sum()}/{len(weights)}"
        trust = ", ".join(f"{value:.3f}" for value in weights.mean(0))
        paid = number(stats.final(record.metrics["return/collective"]))
        rows.append([society, rule, *predictions, trust, ranked, paid])
    return markdown(heads, rows)


def main() -> None:
    """Prints and writes the table."""
    where = tyro.cli(Analysis, description=__doc__)
    records = load(where.runs)
    if not records:
        raise SystemExit(f"No finished runs in {where.runs}; run the sweep first.")
    text = table(records)
    print(text)
    folder.write(where.out / "results.md", text)


if __name__ == "__main__":
    main()
