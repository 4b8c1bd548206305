"""The papers that are reproduced, by name."""

from collections.abc import Mapping
from typing import Literal

from experiments.paper import jaques, lase, lio, lola
from experiments.paper.book import Paper

Name = Literal["lase", "jaques", "lio", "lola"]
"""Names of papers."""

PAPERS: Mapping[str, Paper] = {
    paper.name: paper for paper in (lase.PAPER, jaques.PAPER, lio.PAPER, lola.PAPER)
}
