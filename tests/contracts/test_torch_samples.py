"""torch's own records: every sample input gives what torch gives, and every error input is refused."""

import warnings
from collections import Counter

import pytest
import torch

import losslab
from losslab.spec import policy

pytest.importorskip("expecttest", reason="torch's test records need expecttest, of the dev extra")

from case_rows import Gives, Row
from torch_samples import BY_FUNCTION, DIFFERENCES, EXCUSED, NO_ERROR, Sample, errors, excuse, samples

LEAST = {"samples": 900, "gradients": 900, "errors": 50}  # fewer would mean that records were not found


def found(call, sample: Sample) -> tuple[torch.Tensor, tuple[torch.Tensor | None, ...]]:
    """The value and the gradients of its sum, weighed unevenly, by all tensors that want one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = call(*sample.args, **sample.kwargs)
    if not sample.leaves or not value.requires_grad:
        return value, ()
    upstream = torch.linspace(0.5, 1.5, value.numel(), dtype=value.dtype).reshape(value.shape)
    return value.detach(), torch.autograd.grad(value, sample.leaves, upstream, allow_unused=True)


def same_value(row: Row) -> bool:
    """Whether the row's difference is in the gradient alone."""
    return isinstance(row.right, Gives) and isinstance(row.torch, Gives) and row.right.value == row.torch.value


def unlike(sample: Sample) -> str:
    """In words what differs from torch; empty where nothing does."""
    value, slopes = found(sample.torchs, sample)
    try:
        ours, ourslopes = found(sample.ours, sample)
    except (ValueError, TypeError) as error:
        return f"raises {error}"
    if (ours.dtype, ours.shape) != (value.dtype, value.shape):
        return f"{ours.dtype} of shape {tuple(ours.shape)} in place of {value.dtype}, {tuple(value.shape)}"
    if not torch.allclose(ours, value, rtol=1e-9, atol=1e-12, equal_nan=True):
        return f"value {ours.flatten()[:4].tolist()} in place of {value.flatten()[:4].tolist()}"
    if len(ourslopes) != len(slopes):
        return "no gradient"
    for here, there in zip(ourslopes, slopes, strict=True):
        here, there = (torch.zeros(()) if one is None else one for one in (here, there))
        if not torch.allclose(here, there, rtol=1e-9, atol=1e-12, equal_nan=True):
            return f"gradient {here.flatten()[:4].tolist()} in place of {there.flatten()[:4].tolist()}"
    return ""


def test_samples_give_what_torch_gives():
    counted, wrong = Counter(), []
    for sample in samples():
        policy.forget()
        told, by = unlike(sample), excuse(sample)
        counted["samples"] += 1
        counted["gradients"] += bool(sample.leaves)
        counted[sample.loss] += 1
        if bool(told) != bool(by):
            wrong.append(f"{sample.text}: {told or f'does not differ, though {by!r} says so'}")
        elif by and same_value(DIFFERENCES[by]) and not told.startswith("gradient"):
            wrong.append(f"{sample.text}: {told}, though by {by!r} only gradients differ")
    assert not wrong, "\n".join(wrong[:20])
    assert counted["samples"] >= LEAST["samples"]
    assert counted["gradients"] >= LEAST["gradients"]
    assert [name for name in BY_FUNCTION if not counted[name]] == []


def test_samples_by_torchs_policy():
    """With torch's choices only corrections differ; half precisions: the type alone, as torch rounds each step."""
    with losslab.torch_compatible():
        for dtype in (torch.float32, torch.bfloat16):
            for sample in samples(dtype):
                if (by := excuse(sample)) and not DIFFERENCES[by].compatible:
                    continue
                try:
                    value, _ = found(sample.torchs, sample)
                except NotImplementedError:  # torch has no such kernel for half precisions
                    assert dtype == torch.bfloat16
                    continue
                ours, _ = found(sample.ours, sample)
                assert (ours.dtype, ours.shape) == (value.dtype, value.shape), sample.text
                near = torch.allclose(ours, value, rtol=2e-5, atol=2e-5, equal_nan=True)
                assert near or dtype == torch.bfloat16, sample.text


@pytest.mark.filterwarnings("ignore:Possible nested set")  # in a pattern of torch's
def test_errors_are_refused():
    count, allowed = 0, Counter()
    for sample in errors():
        count += 1
        with pytest.raises((RuntimeError, ValueError, TypeError, IndexError), match=sample.words):
            found(sample.torchs, sample)
        if by := excuse(sample, NO_ERROR):
            allowed[by] += 1
            found(sample.ours, sample)
            continue
        with pytest.raises((ValueError, TypeError)):
            found(sample.ours, sample)
    assert count >= LEAST["errors"]
    assert allowed.keys() == {name for name, _ in NO_ERROR}


@pytest.mark.parametrize("name", [name for name, _ in (*EXCUSED, *NO_ERROR)])
def test_an_excuse_is_a_row_of_the_differences(name):
    assert DIFFERENCES[name].torch is not None
