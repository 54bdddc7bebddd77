"""docs/losses/<name>.md, from the declaration of a loss: what it is, when to use it, how to call it, an example."""

import inspect
import re
import sys
from collections.abc import Mapping

from fact_words import facts_in_words, kinks_in_words
from loss_examples import example
from loss_pictures import description, has_curve
from prose import bullets, markdown, paragraphs, signature

from losslab.catalog import CATALOGUE
from losslab.spec.describe import shapes
from losslab.spec.module import module
from losslab.spec.record import LossRecord, Parameter

TASKS = {
    "regression": "real targets",
    "binary": "two classes",
    "multiclass": "classes, one of which is right",
    "multilabel": "labels, several of which may be right",
    "count": "counts",
    "positive": "positive amounts",
    "ordinal": "classes that have an order",
    "segmentation": "masks of images",
    "boxes": "boxes",
    "embedding": "embeddings",
    "distribution": "distributions",
    "distillation": "a teacher's outputs",
    "ranking": "items in an order",
    "survival": "times to an event",
    "sequence": "sequences",
}
LINKS = {
    "identity": "as it is: the output is the prediction",
    "sigmoid": "no activation: the sigmoid is inside the loss",
    "softmax": "no activation: the softmax is inside the loss",
    "exp": "its exponential is the prediction",
    "cumulative": "no activation: the sigmoid of each output is the chance to lie above its threshold",
    "arg-max": "no activation: the largest score is the prediction, and there is no probability",
}
OF_LOG_PROBABILITIES = "log_softmax: the outputs are log-probabilities"
OF_PROBABILITIES = "sigmoid: the output is a probability"
PACKAGES = (
    "[Kk]eras|scikit-learn|scipy|statsmodels|kornia|torchvision|torchmetrics|timm|mmpose|mmdet|MONAI|XGBoost|LightGBM|Ceres|"
    "Open3D|AutoGluon|pytorch-|torch-|_pytorch|polyloss|robust_loss|TensorFlow|optax|jaxopt|fairseq|lightly|pycox|lifelines|"
    r"torchsurv|allRank|TRL|Liger|smp\b|segmentation_models|torchaudio|auraloss|allennlp|OpenMetricLearning|\btorch\b"
)
OTHERS = re.compile(f"{PACKAGES}|[Aa]uthors' (code|package)|[Tt]heir code|Public code|the code of")
SENTENCE = re.compile(rf"(?<=\.)\s+(?=[A-Z`]|{PACKAGES})")


def page(record: LossRecord, catalogue: Mapping[str, LossRecord] = CATALOGUE) -> str:
    """The page of one loss; parts about which there is nothing to say are left out."""
    use, elsewhere = told(record)
    facts = [*facts_in_words(record), *kinks_in_words(record)]
    group = [f"[`{r.name}`]({r.name}.md)" for r in catalogue.values() if r.group == record.group and r is not record]
    parts = [f"# {record.name}", markdown(record.summary)]
    parts += [f"```math\n{record.formula}\n```", symbols(record)] if record.formula else []
    parts.append(overview(record))
    parts += ["## When to use it", use] if use else []
    parts += ["## Elsewhere", elsewhere] if elsewhere else []
    parts += ["## Shapes", bullets(re.sub(r"^(\w+):", r"`\1`:", one) for one in shapes(record))]
    parts += ["## Parameters", *parameters(record)]
    parts += ["## Facts", bullets(facts)] if facts else []
    parts += ["## Curve", picture(record)] if has_curve(record) else []
    parts += ["## Example", *shown] if (shown := example(record)) else []
    parts += ["## The same up to a reparametrisation", f"{', '.join(group)}. A comparison takes one."] if group else []
    parts += ["## Source", f"{record.source}."] if record.source else []
    return "\n\n".join(part for part in parts if part) + "\n"


def told(record: LossRecord) -> tuple[str, str]:
    """The docstring after its first line, cut where it begins to speak of other packages: what it is for, and those."""
    use: list[str] = []
    elsewhere: list[str] = []
    for paragraph in paragraphs("\n".join((inspect.getdoc(record.rule) or "").split("\n")[1:])):
        sentences = SENTENCE.split(paragraph)
        first = next((i for i, sentence in enumerate(sentences) if OTHERS.search(sentence)), len(sentences))
        use.append(" ".join(sentences[:first]))
        elsewhere.append(" ".join(sentences[first:]))
    return markdown("\n\n".join(filter(None, use))), markdown("\n\n".join(filter(None, elsewhere)))


def symbols(record: LossRecord) -> str:
    """What the letters of the formula are, as the family's file says it."""
    family = inspect.getdoc(sys.modules[record.rule.__module__]) or ""
    said = re.search(r"\b(?:Below|In the formulas), (.*?\.)(?:\s|$)", family, re.DOTALL)
    return f"Here {' '.join(said[1].split())}" if said else ""


def overview(record: LossRecord) -> str:
    rows = [("For", " and ".join(TASKS.get(task, task) for task in record.tasks))]
    if record.kind != "set":
        rows.append(("Last layer", last_layer(record)))
    rows.append(("Calls", f"`losslab.functional.{record.name}`, `losslab.nn.{record.module_name}`"))
    rows.append(("In torch", in_torch(record)))
    rows.append(("In `losslab tune`", tuned(record)))
    return bullets(f"**{name}**: {words}" for name, words in rows)


def last_layer(record: LossRecord) -> str:
    many = "a score for each class" if record.outputs == "classes" else "one output for each target"
    if record.input_domain.high == 0:
        return f"{many}, {OF_LOG_PROBABILITIES}"
    if record.target == "probability" and record.input_domain.high == 1:
        return f"{many}, {OF_PROBABILITIES}"
    return f"{many}, {LINKS.get(record.link, record.link)}"


def in_torch(record: LossRecord) -> str:
    if not record.torch_name:
        return "no"
    return f"`torch.nn.functional.{record.torch_name}`, `torch.nn.{record.module_name}`"


def tuned(record: LossRecord) -> str:
    said = "searched" if record.by_default else "searched where it is named"
    if record.tunable_as:
        tasks = " and ".join(TASKS.get(task, task) for task in record.tunable_as)
        return f"{said} for {tasks}; elsewhere not, because {record.untunable}"
    return f"not searched, because {record.untunable}" if record.untunable else said


def parameters(record: LossRecord) -> list[str]:
    """A table of the loss's own numbers, and the two signatures."""
    head = ["| parameter | default | legal | the tuner looks in | unit |", "|---|---|---|---|---|"]
    rows = [row(name, one) for name, one in record.parameters.items()]
    table = "\n".join([*head, *rows]) if rows else "None of its own."
    forms = {f"F.{record.name}": record.form, f"nn.{record.module_name}": module(record)}
    calls = "\n".join(signature(name, form) for name, form in forms.items() if form is not None)
    return [table, f"```text\n{calls}\n```"]


def row(name: str, one: Parameter) -> str:
    default = one.default if isinstance(one.default, str) else "None" if one.default is None else f"{one.default:g}"
    searched = f"{one.search}{', logarithmic' if one.log else ''}" if one.search else "nothing: it is not searched"
    unit = "the target's" if one.unit == "target" else "none"
    return f"| `{name}` | {default} | {one.domain} | {searched} | {unit} |"


def picture(record: LossRecord) -> str:
    return f"![{description(record)}](pictures/{record.name}.png)"
