"""docs/losses/index.md: every loss in a line, by what the target is."""

from collections.abc import Mapping

from prose import markdown

from losslab.catalog import CATALOGUE
from losslab.spec.record import LossRecord
from losslab.spec.tasks import tunable, usual

TITLES = {
    "regression": "Real targets",
    "binary": "Two classes, one output",
    "multiclass": "Classes, a score for each",
    "ordinal": "Classes that have an order",
    "multilabel": "Labels, several of which may be right",
    "segmentation": "Masks of images",
    "boxes": "Boxes",
    "embedding": "Embeddings",
    "distribution": "Distributions",
    "distillation": "A teacher's outputs",
    "ranking": "Items in an order",
    "survival": "Times to an event",
    "sequence": "Sequences",
}
INTRODUCTION = """# The losses

{count} losses, by what the target is. Each has a page with its formula, when to use it, shapes, parameters, curve and
an example that was run. [Which loss for which output](../which-loss.md) helps to choose.

*torch* names the class of torch.nn that gives the same values; the others are not in torch. *tune* says whether
`losslab tune` searches the loss: *yes*, *named* (where it is named; budgets are shared by all that are searched), or
*no*, and the page says what it would need. Of losses that are the same up to a reparametrisation, one takes part in a
comparison. The pages are written from the declarations by `make docs`: change a loss, not its page.
"""


def page(catalogue: Mapping[str, LossRecord] = CATALOGUE) -> str:
    sections: dict[str, list[str]] = {task: [] for task in TITLES}
    for record in sorted(catalogue.values(), key=lambda one: one.name):
        sections[section_of(record)].append(line(record))
    head = "| loss | in words | torch | tune |\n|---|---|---|---|\n"
    parts = [f"\n## {TITLES[task]}\n\n{head}" + "\n".join(lines) + "\n" for task, lines in sections.items() if lines]
    return INTRODUCTION.format(count=len(catalogue)) + "".join(parts)


def section_of(record: LossRecord) -> str:
    """Its first task; a loss over two classes or more stands with the classes."""
    return "multiclass" if "multiclass" in record.tasks and record.tasks[0] == "binary" else record.tasks[0]


def line(record: LossRecord) -> str:
    torch_name = f"`{record.module_name}`" if record.torch_name else ""
    tuned = "yes" if usual(record) else "named" if tunable(record) else "no"
    summary = markdown(record.summary).replace("|", r"\|")
    return f"| [`{record.name}`]({record.name}.md) | {summary} | {torch_name} | {tuned} |"
