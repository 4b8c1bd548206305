"""Foerster et al. 2018: LOLA (arXiv 1709.04326) and DiCE (arXiv 1802.05098)."""

from pathlib import Path

from experiments.paper.book import Analysis, Paper, Shown
from experiments.paper.lola import claims, exact, figures, stages, tables
from experiments.paper.scales import Scale

HERE = Path(__file__).parent
FEWER = 10
"""Pairs of players of the check that everything works."""


def learn_exactly(scale: Scale, out: Path) -> None:
    """Makes the exact study at a scale."""
    exact.write(exact.Exact(seeds=50 if scale.whole else FEWER, out=out))


PAPER = Paper(
    name="lola",
    source="Foerster et al. 2018 (LOLA and DiCE)",
    title="LOLA, judged",
    method="LOLA",
    mechanism="foresight",
    control="foresee nothing",
    folder=HERE,
    report=HERE / "REPORT.md",
    stages=stages.STAGES,
    rules=claims.RULES,
    figures=figures.FIGURES,
    settings=tables.settings,
    shown={
        30: Shown(("exact/exact",), tables.exact),
        33: Shown(("dice",), tables.dice),
        34: Shown(("coins",), tables.coins),
    },
    analyses={"exact": Analysis(learn_exactly, HERE, "exact")},
)
