"""The papers that are reproduced, by name."""

from collections.abc import Mapping
from typing import Literal

from experiments.paper import jaques, lase, lola
from experiments.paper.book import Paper

Name = Literal["lase", "jaques", "lola"]
"""Names of papers."""

PAPERS: Mapping[str, Paper] = {
    paper.name: paper for paper in (lase.PAPER, jaques.PAPER, lola.PAPER)
}
