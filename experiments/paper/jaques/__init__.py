"""Jaques et al. 2019, "Social Influence as Intrinsic Motivation for Multi-Agent Deep RL"."""

from functools import partial
from pathlib import Path

from experiments.paper import dilemmas
from experiments.paper.book import Paper, Question, Shown
from experiments.paper.jaques import claims, figures, stages, tables

HERE = Path(__file__).parent
SHOWN = {
    17: Shown(("experiments", "ends", "talk"), tables.returns),
    18: Shown(("boxes", "spike"), tables.boxes),
    25: Shown(table=tables.published),
    26: Shown(("conditions",), tables.conditions),
    27: Shown(table=tables.measures),
    28: Shown(("shared",), tables.fairness),
}
QUESTIONS = {
    "Are the small games social dilemmas?": Question(
        "Scripted cooperators and defectors: what an agent earns by how many others cooperate. In "
        "Box Trapped the one outside loses a meal and wins nothing by opening.",
        "dilemmas",
        partial(dilemmas.table, games=(*stages.DILEMMAS, *stages.BOXES)),
    ),
    "The paper's maps": Question(
        "Full-size Cleanup and Harvest with our settings and a budget of millions of steps instead "
        "of hundreds of millions: what can be seen that early?",
        "",
        tables.full_size,
    ),
}

PAPER = Paper(
    name="jaques",
    source="Jaques et al. 2019 (social influence)",
    title="Social influence, judged",
    method="Influence",
    mechanism="influence",
    control="pay as much for company, but for no action more than for another",
    folder=HERE,
    report=HERE / "REPORT.md",
    stages=stages.STAGES,
    rules=claims.RULES,
    figures=figures.FIGURES,
    settings=tables.settings,
    shown=SHOWN,
    questions=QUESTIONS,
    analyses={dilemmas.NAME: dilemmas.ANALYSIS},
)
