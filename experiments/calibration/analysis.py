"""A table of the predictions of pi_SR and the weights of LASE, by pi_SR's learning rule.

    python -m experiments.calibration.analysis

Writes ``results.md`` beside this file. Numbers are means over the last tenth of training.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from experiments.calibration.sweep import KEPT, SEEDS, STEPS, runs
from experiments.curves import interval
from experiments.findings import Finding
from experiments.study import load
from lase_jax.reports import stats
from lase_jax.reports.tables import markdown
from lase_jax.runs import files

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

    kept: Path = KEPT
    """Where the findings lie."""
    out: Path = Path(__file__).parent
    """Where the table goes."""


def number(per_seed: np.ndarray) -> str:
    """Mean over seeds and its 95 % interval."""
    mean, half = interval(per_seed)
    return f"{mean:.3f} ± {half:.3f}"


def table(found: dict[str, Finding]) -> str:
    """Calibration of the LASE agent in seat 0, its weights, and the return, as Markdown."""
    heads = ["society", "rule", *COLUMNS, "w to seats 1, 2, 3", "w seat 1 > 2, seeds", "return"]
    rows = []
    for name, finding in found.items():
        society, _, rule = name.rpartition("-")
        final = finding.final
        predictions = [number(final[column][:, 0]) for column in COLUMNS.values()]
        weights = final["relation/weight"][:, 0, 1:]
        ranked = f"{(weights[:, 0] > weights[:, 1]).sum()}/{len(weights)}"
        trust = ", ".join(f"{value:.3f}" for value in stats.mean(weights, 0))
        paid = number(final["return/collective"])
        rows.append([society, rule, *predictions, trust, ranked, paid])
    return markdown(heads, rows)


def main() -> None:
    """Prints and writes the table."""
    where = tyro.cli(Analysis, description=__doc__)
    found = load(runs(SEEDS, STEPS), where.kept)
    if not found:
        raise SystemExit(f"No findings in {where.kept}; run the sweep first.")
    text = table(found)
    print(text)
    files.write(where.out / "results.md", text)


if __name__ == "__main__":
    main()
