"""Yang et al. 2020, "Learning to Incentivize Other Learning Agents" (LIO)."""

from pathlib import Path

from experiments.paper.book import Paper, Question, Shown
from experiments.paper.lio import claims, figures, stages, tables

HERE = Path(__file__).parent

PAPER = Paper(
    name="lio",
    source="Yang et al. 2020 (LIO)",
    title="LIO, judged",
    method="LIO",
    mechanism="incentives",
    control="learn the same way and pay nothing",
    folder=HERE,
    report=HERE / "REPORT.md",
    stages=stages.STAGES,
    rules=claims.RULES,
    figures=figures.FIGURES,
    settings=tables.settings,
    shown={
        35: Shown(("courses", "ends"), tables.returns),
        37: Shown(("labour",)),
        38: Shown(table=tables.incentives),
    },
    questions={
        "Scripted recipients": Question(
            "What do trained agents pay to one scripted player among them: to one that helps "
            "(pulls the lever, cleans, cooperates), and to one that does not? Means over seats.",
            "",
            tables.recipients,
        ),
    },
)
