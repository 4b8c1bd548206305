"""The papers that are reproduced, by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from experiments.paper import jaques, lase, lio, lola
from experiments.paper.book import Paper
from experiments.paper.scales import Scale

Name = Literal["lase", "jaques", "lio", "lola"]
"""Names of papers."""

PAPERS: Mapping[str, Paper] = {
    paper.name: paper for paper in (lase.PAPER, jaques.PAPER, lio.PAPER, lola.PAPER)
}


def analyse(paper: Name, analysis: str, scale: Scale, out: Path) -> None:
    """Makes an analysis of a paper, by their names, which other processes can be given."""
    chosen = PAPERS[paper]
    chosen.analyses[analysis].write(scale, chosen.folder_of(analysis, scale, out))
