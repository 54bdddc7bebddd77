"""Writes the generated pages of docs/: `make docs`. A test says when one is out of date."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import api_docs
import loss_docs
import loss_index
import loss_pictures
import optimizer_docs
import torch_differences

from losslab.catalog import CATALOGUE

DOCS = Path(__file__).parents[1] / "docs"
PAGES: dict[str, Callable[[], str]] = {
    "api.md": api_docs.page,
    "differences-from-torch.md": torch_differences.page,
    "optimizers.md": optimizer_docs.page,
    "losses/index.md": loss_index.page,
    **{f"losses/{name}.md": partial(loss_docs.page, record) for name, record in CATALOGUE.items()},
}


def write() -> None:
    """Writes what changed, and takes away the pages of losses that are gone."""
    for path in (DOCS / "losses").glob("*.md"):
        if str(path.relative_to(DOCS)) not in PAGES:
            path.unlink()
            print(f"removed {path}")
    for name, text in PAGES.items():
        path, new = DOCS / name, text()
        if not path.exists() or path.read_text(encoding="utf-8") != new:
            path.write_text(new, encoding="utf-8")
            print(f"wrote {path}")
    for name in loss_pictures.draw(CATALOGUE, DOCS / "losses" / "pictures"):
        print(f"drew {name}")


if __name__ == "__main__":
    write()
