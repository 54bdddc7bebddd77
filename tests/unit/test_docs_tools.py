"""What writes the pages: prose from docstrings, facts in words, examples from cases, formulas as pictures."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from losslab.spec.declare import CATALOGUE, camel
from losslab.spec.facts import Facts, same
from losslab.spec.forms import functional
from losslab.spec.interval import POSITIVE, Interval
from losslab.spec.record import Case, LossRecord, Parameter

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))  # each is a script beside others

import fact_words
import loss_docs
import loss_examples
import loss_index
import prose


def toy_loss(input: Tensor, target: Tensor, *, width: float = 2.0) -> Tensor:
    """One thing: 1 <a> to `<b>`.

    For toys. Not for
    others. kornia's is the same. Their names differ.
    """
    return (input - target).abs() / width


def toy(**changes) -> LossRecord:
    facts = {
        "name": "toy_loss", "rule": toy_loss, "kind": "pointwise", "formula": r"|r| / w", "source": "Toys 1999",
        "tasks": ("regression",), "outputs": "one", "link": "identity", "target": "real", "group": "toy_loss",
        "cases": (Case([1.0, 1.0], [1.0, 1.0], 0.0), Case([1.5, 4.0], [1.0, 2.0], 0.625, {"width": 2.0})),
        "parameters": {"width": Parameter(POSITIVE, Interval(0.5, 8), log=True, unit="target", default=2.0)},
        "module_name": camel("toy_loss"), **changes,
    }  # fmt: skip
    return LossRecord(**facts)


def test_a_page_tells_all_that_is_known_and_nothing_else():
    record = toy(cases=())
    text = loss_docs.page(replace(record, form=functional(record)), {})
    assert text.startswith("# toy_loss\n\nOne thing: 1 &lt;a> to `<b>`.\n\n```math\n|r| / w\n```\n")
    assert "## When to use it\n\nFor toys. Not for others.\n\n## Elsewhere\n\nkornia's is the same. Their names" in text
    assert "| `width` | 2 | (0, inf) | [0.5, 8], logarithmic | the target's |" in text
    assert "F.toy_loss(input, target, *, width=2.0, sample_weight=None," in text
    assert "**In torch**: no" in text
    assert "## Facts" not in text
    assert "## Example" not in text
    assert "(pictures/toy_loss.png)" in text
    assert "reparametrisation" not in text


def test_a_loss_of_a_group_names_the_others():
    record, other = toy(cases=()), toy(name="other_loss")
    record = replace(record, form=functional(record))
    text = loss_docs.page(record, {"toy_loss": record, "other_loss": other})
    assert "## The same up to a reparametrisation\n\n[`other_loss`](other_loss.md). A comparison takes one." in text


@pytest.mark.parametrize(
    ("changes", "layer"),
    [
        ({}, "one output for each target, as it is"),
        ({"target": "probability", "link": "sigmoid"}, "one output for each target, no activation: the sigmoid is"),
        ({"target": "probability", "input_domain": Interval(0, 1)}, "the output is a probability"),
        ({"outputs": "classes", "link": "softmax"}, "a score for each class, no activation: the softmax is"),
        ({"outputs": "classes", "input_domain": Interval(high=0)}, "the outputs are log-probabilities"),
    ],
)
def test_what_the_last_layer_gives(changes, layer):
    assert layer in loss_docs.last_layer(toy(**changes))


def test_a_line_that_ends_early_ends_a_paragraph():
    long = "word " * 22 + "words"  # 115 columns: no word fits behind it
    assert prose.paragraphs(f"{long}\nmore.\nNext\none.\n\nLast") == [f"{long} more.", "Next one.", "Last"]
    ends = "x" * 110 + "."
    assert prose.paragraphs(f"{ends}\nfour") == [ends, "four"]
    assert prose.paragraphs(f"{ends}\nfives") == [f"{ends} fives"]


def test_arguments_become_a_list_and_code_stays_code():
    said = "a: one,\ntwo.\nb, c and d: x <y>.\n\n    code(a)\n\nAt last: this."
    assert prose.described(said) == (
        "- `a`: one, two.\n- `b`, `c` and `d`: x &lt;y>.\n\n```text\ncode(a)\n```\n\nAt last: this."
    )


def test_facts_are_told_at_the_defaults_and_unknown_ones_are_not():
    stated = Facts(attained=same, convex=True, smooth=lambda width: width > 3, lipschitz=lambda width: 1 / width)
    assert fact_words.facts_in_words(toy(facts=stated)) == [
        "Each element is at least 0, with no upper bound; it is least where input and target are equal.",
        "Convex in the input.",
        "Its gradient jumps (at the default `width`).",
        "No gradient is longer than 0.5 (at the default `width`).",
    ]
    assert fact_words.facts_in_words(toy()) == []


def test_other_facts():
    stated = Facts(
        Interval(-1, 4, open_high=True), attained=lambda target, width: target * width, best_constant="median",
        proper=False, symmetric=True, lipschitz=lambda classes: classes / 4,
    )  # fmt: skip
    assert fact_words.facts_in_words(toy(facts=stated)) == [
        "Each element is at least -1 and below 4.",
        "Not convex in the input.",
        "Its gradient jumps.",
        "Not proper: other probabilities than the true ones may have less expected loss.",
        "Swapping input and target changes nothing.",
        "No gradient is longer than 2.5 (for 10 classes).",
        "The input that is best for all rows at once is the median of the targets.",
        "It is least at the input 0 for the target 0 and 2 for the target 1 (at the default `width`).",
    ]
    assert fact_words.kinks_in_words(toy(kinks=lambda width: (-width, float("inf")))) == [
        "Its slope, or the slope of that, jumps at input - target = -2 (at the default `width`)."
    ]


def test_the_example_is_the_first_case_that_tells_something():
    source, printed = loss_examples.example(functional_toy())
    assert "input = torch.tensor([1.5, 4.0])\ntarget = torch.tensor([1.0, 2.0])\n" in source
    assert "print(F.quantile_loss(input, target, quantile=0.25))" in source
    assert "print(nn.QuantileLoss(quantile=0.25)(input, target))" in source
    assert printed == "```text\ntensor(0.9375)\ntensor(0.9375)\n```"  # .75 of .5 and of 2, halved


def functional_toy() -> LossRecord:
    """A loss that can be called by its name, with cases of our own."""
    from losslab.catalog import CATALOGUE

    cases = (Case([1.0, 1.0], [1.0, 1.0], 0.0), Case([1.5, 4.0], [1.0, 2.0], 0.9375, {"quantile": 0.25}))
    return replace(CATALOGUE["quantile_loss"], cases=cases)


def test_tensors_of_a_batch_go_into_the_call():
    case = Case([1.0, 2.0], [0.5, 3.0], 0.0, {"sample_weight": [2.0, 0.0], "width": 0.5, "reduction": "sum"})
    record = toy()
    source = loss_examples.code(replace(record, form=functional(record)), case)
    assert 'F.toy_loss(input, target, width=0.5, reduction="sum", sample_weight=torch.tensor([2.0, 0.0]))' in source
    assert 'nn.ToyLoss(width=0.5, reduction="sum")(input, target, sample_weight=torch.tensor([2.0, 0.0]))' in source


def test_numbers_are_short_and_long_rows_are_folded():
    assert loss_examples.literal([1 / 3, float("-inf"), 2, -0.0, 1e-7]) == '[0.3333, float("-inf"), 2, 0.0, 1e-07]'
    rows = [[0.125] * 8, [0.25] * 8, [0.5] * 8]
    folded = loss_examples.laid_out(f"input = torch.tensor({loss_examples.literal(rows)})")
    namespace = {"torch": torch}
    exec(folded, namespace)
    assert namespace["input"].tolist() == rows
    assert max(map(len, folded.splitlines())) <= 120
    assert folded.count("\n") == 6


def test_the_section_of_the_index_is_the_first_task():
    assert loss_index.section_of(toy(tasks=("binary", "multiclass"))) == "multiclass"
    assert loss_index.section_of(toy(tasks=("binary",))) == "binary"
    assert loss_index.section_of(toy(tasks=("embedding", "multiclass"))) == "embedding"
    assert set(loss_index.TITLES) <= set(loss_docs.TASKS)
    assert {loss_index.section_of(record) for record in CATALOGUE.values()} == set(loss_index.TITLES)


def test_formulas_are_drawn_and_links_move_with_their_files():
    pytest.importorskip("mkdocs", reason="the site needs the extra docs")
    import site_hooks

    html = site_hooks.on_page_content(
        '<p>a</p><div class="arithmatex">\\[\\tfrac{1}{2} \\lVert x\\rVert_p \\ge 0\\]</div>'
    )
    assert re.search(r'<p>a</p><svg role="img" aria-label="[^"]*tfrac[^"]*" viewBox=.*<path d="M', html)
    for formula in (
        r"\frac12 \sqrt\pi",
        r"\left(\textstyle\sum_i t_i\right)^{-2}",
        r"\bigl(a\bigr) \ne \lvert b\rvert",
    ):
        assert "<svg" in site_hooks.drawn(formula), formula
    assert site_hooks.drawn(r"\begin{cases} a \end{cases}") == r"<p><code>\begin{cases} a \end{cases}</code></p>"
    assert site_hooks.in_repository("zh/course.md", "../../examples/a.py") == "examples/a.py"
    assert site_hooks.in_repository("index.md", "docs/trace.md") == "docs/trace.md"
    assert site_hooks.in_repository("index.md", "https://example.org/a.md") == ""
    zh = type("Page", (), {"file": type("File", (), {"src_uri": "zh/course.md"})})
    moved = site_hooks.on_page_markdown("[a](../trace.md#b) [c](../../README.md) [d](#e)", page=zh)
    assert moved == "[a](../trace.md#b) [c](../index.md) [d](#e)"
