"""Every loss where programs put losses: under autocast, without gradients, in threads, behind views, on other types."""

import copy
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from any_batch import batch_of, predicted, value_and_slopes
from torch.utils.checkpoint import checkpoint

from losslab import backend, checks
from losslab.catalog import CATALOGUE
from losslab.spec.module import called_with, module
from losslab.spec.sets import worked
from losslab.testing import samples
from losslab.testing.claims import counts, quiet

EVERY = pytest.mark.parametrize("record", CATALOGUE.values(), ids=list(CATALOGUE))
DIFFERENTIABLE = [record for record in CATALOGUE.values() if "vmap" not in record.lacks]
SIZES = {"in_features": 3, "num_classes": 4, "num_centers": 2}


def same(found, expected, tolerance=1e-12):
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


@pytest.fixture
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@EVERY
def test_double_precision_does_not_depend_on_the_default_type(record, request):
    """A constant, or a quotient of whole numbers, of the default type would cost half the digits."""
    batch = batch_of(record)
    value, slopes = value_and_slopes(record, batch)
    request.getfixturevalue("_double")
    again, slopes_again = value_and_slopes(record, batch)
    assert value.dtype == torch.float64
    same(value, again)
    same(slopes, slopes_again)


@EVERY
def test_hand_worked_cases_do_not_depend_on_the_default_type(record, request):
    cases = [_worked(record, case) for case in record.cases]
    values = [quiet(record, **tensors, **options).detach() for tensors, options in cases]
    request.getfixturevalue("_double")
    for (tensors, options), value in zip(cases, values, strict=True):
        torch.testing.assert_close(quiet(record, **tensors, **options).detach(), value, rtol=1e-13, atol=1e-15)


def _worked(record, case):
    if record.layout is not None:
        return worked(record, case)
    input, target, options = samples.tensors(record, case)
    return {"input": input, "target": target}, options


@EVERY
def test_autocast_and_modes_without_gradient_change_nothing(record):
    batch = batch_of(record, dtype=torch.float32)
    value, slopes = value_and_slopes(record, batch)
    names = [name for name in predicted(record) if name in batch]
    leaves = {name: batch[name].clone().requires_grad_() for name in names}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        again = quiet(record, **{**batch, **leaves})
    same(again.detach(), value)
    found = torch.autograd.grad(again, list(leaves.values()), allow_unused=True)  # as everyone: outside
    for name, slope in zip(names, found, strict=True):
        same(torch.zeros_like(batch[name]) if slope is None else slope, slopes[name])
    for mode in (torch.no_grad(), torch.inference_mode()):
        with mode:
            found = quiet(record, **batch)
        assert not found.requires_grad
        same(found.clone(), value)


@EVERY
def test_half_precision_under_autocast_is_computed_in_single(record):
    batch = batch_of(record, dtype=torch.bfloat16)
    wide = {name: one.float() if one.is_floating_point() else one for name, one in batch.items()}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = quiet(record, **batch)
    assert found.dtype == torch.float32
    # Rows of distributions miss one by more than single precision does. The rule, as torch's operator, which small
    # float32 tensors get, rounds elsewhere.
    with checks("off"), backend("rule"):
        expected = quiet(record, **wide)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            same(quiet(record, **batch), expected)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@EVERY
def test_every_floating_tensor_may_require_a_gradient(record):
    batch = batch_of(record)
    leaves = {name: one.requires_grad_() for name, one in batch.items() if one.is_floating_point()}
    quiet(record, **batch).backward()
    for name in predicted(record):
        if name in leaves and leaves[name].grad is not None:
            assert leaves[name].grad.isfinite().all(), name


@EVERY
def test_rows_that_share_their_memory_count_each(record):
    batch = batch_of(record)
    shared = {
        name: one[..., :1].expand_as(one) if name in predicted(record) and _may_repeat(record, name) else one
        for name, one in batch.items()
    }
    plain = {name: one.clone() for name, one in shared.items()}
    value, slopes = value_and_slopes(record, plain)
    names = [name for name in predicted(record) if name in batch]
    views = {name: shared[name].detach().requires_grad_() for name in names}
    found = quiet(record, **{**shared, **views})
    same(found.detach(), value)
    by = torch.autograd.grad(found, list(views.values()), allow_unused=True)
    for name, slope in zip(names, by, strict=True):
        same(torch.zeros_like(views[name]) if slope is None else slope, slopes[name])


def _may_repeat(record, name):
    """Whether one number for a whole row of this tensor is legal."""
    holds = "real" if record.layout is None else record.layout.operands[name].holds
    return holds == "real"


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch's own, in forward mode
@pytest.mark.parametrize("record", DIFFERENTIABLE, ids=[record.name for record in DIFFERENTIABLE])
def test_function_transforms_give_the_gradient_of_backward(record):
    names = predicted(record)
    batches = [batch_of(record, seed) for seed in (0, 1)]
    names = [name for name in names if name in batches[0]]
    if any(batches[0][name].shape != batches[1][name].shape for name in batches[0]):
        pytest.skip("two draws of this loss differ in size, and vmap wants equal ones")

    def of(own, rest):
        return quiet(record, **rest, **own)

    owns = [{name: batch[name] for name in names} for batch in batches]
    rests = [{name: one for name, one in batch.items() if name not in names} for batch in batches]
    expected = [value_and_slopes(record, batch)[1] for batch in batches]
    same(torch.func.grad(of)(owns[0], rests[0]), expected[0], 1e-9)
    stacked = torch.utils._pytree.tree_map(lambda *both: torch.stack(both), owns[0], owns[1])
    rest = {name: torch.stack([one[name] for one in rests]) for name in rests[0]}
    found = torch.func.vmap(torch.func.grad(of))(stacked, rest)
    for k in (0, 1):
        same({name: found[name][k] for name in names}, expected[k], 1e-9)
    if "forward mode" not in record.lacks and "finite differences" not in record.lacks:
        along = {name: torch.linspace(-1, 1, one.numel()).double().reshape(one.shape) for name, one in owns[0].items()}
        _, slope = torch.func.jvp(lambda own: of(own, rests[0]), (owns[0],), (along,))
        same(slope, sum((along[name] * expected[0][name]).sum() for name in names), 1e-9)


@EVERY
def test_a_checkpoint_gives_the_same_gradient(record):
    batch = batch_of(record)
    value, slopes = value_and_slopes(record, batch)
    names = [name for name in predicted(record) if name in batch]
    leaves = {name: batch[name].clone().requires_grad_() for name in names}
    rest = {name: one for name, one in batch.items() if name not in names}
    again = checkpoint(
        lambda *tensors: quiet(record, **dict(zip(names, tensors, strict=True)), **rest),
        *leaves.values(), use_reentrant=False,
    )  # fmt: skip
    same(again.detach(), value)
    found = torch.autograd.grad(again, list(leaves.values()), allow_unused=True)
    for name, slope in zip(names, found, strict=True):
        same(torch.zeros_like(batch[name]) if slope is None else slope, slopes[name])


@pytest.mark.parametrize("loss", ["cross_entropy", "dice_loss", "triplet_margin_loss", "huber_loss", "ctc_loss"])
def test_threads_do_not_disturb_each_other(loss):
    record = CATALOGUE[loss]
    batches = [batch_of(record, seed) for seed in range(8)]
    expected = [value_and_slopes(record, batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda batch: value_and_slopes(record, batch), batches * 4))
    for k, (value, slopes) in enumerate(found):
        same(value, expected[k % 8][0])
        same(slopes, expected[k % 8][1])


def built(record, **options):
    """The module, with sizes where it owns weights, and the tensors that it is called with."""
    batch, sizes = batch_of(record), ()
    if record.layout is not None and record.layout.owned:
        sizes = tuple(SIZES[name] for name in record.layout.sizes())
    own = {} if record.layout is not None else counts(record, batch["input"])
    made = module(record)(*sizes, **own, **options)
    return made.double(), {name: batch[name] for name in (*called_with(record), *_by_keyword(record)) if name in batch}


def _by_keyword(record):
    return [name for name, one in (record.layout.operands.items() if record.layout else ()) if one.per_batch]


MODULES = [r for r in CATALOGUE.values() if r.module_class is None]


@pytest.mark.parametrize("record", MODULES, ids=[record.name for record in MODULES])
def test_a_module_comes_back_from_its_state_and_moves_to_other_types(record):
    learnt = {n: torch.tensor(float(v), requires_grad=True) for n, v in record.defaults.items() if v is not None}
    made, batch = built(record)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = quiet(made, **batch)
        again = copy.deepcopy(made)
        for parameter in again.parameters():
            torch.nn.init.zeros_(parameter)
        again.load_state_dict(made.state_dict())
        same(quiet(again, **batch).detach(), expected.detach())
        assert quiet(copy.deepcopy(made).half(), **batch).isfinite().all()
        assert all(one.is_meta for one in copy.deepcopy(made).to("meta").state_dict().values())
        learns, _ = built(record, **learnt)
        assert set(learnt) <= set(dict(learns.named_parameters()))
        other, _ = built(record, **{n: (v + 0.125).detach().requires_grad_() for n, v in learnt.items()})
        other.load_state_dict(learns.state_dict())
        same(quiet(other, **batch).detach(), quiet(learns, **batch).detach())
