"""Places in committed pages that commands fill with what they have found."""

import re
from pathlib import Path

from lase_jax.runs import files


def fill(name: str, text: str, page: Path) -> None:
    """Fills the place between ``<!-- name -->`` and ``<!-- /name -->``.

    Raises:
        SystemExit: the page has no such place.
    """
    place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    filled, count = place.subn(lambda m: m[1] + text + m[2], page.read_text())
    if not count:
        raise SystemExit(f"{page} has no place for it: write <!-- {name} --> and <!-- /{name} -->.")
    files.write(page, filled)
