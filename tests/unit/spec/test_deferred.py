"""Values on a device that is not waited for: here the CPU stands in, and reading a number from a tensor is refused."""

import gc

import pytest
import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

import losslab
import losslab.functional as F
from losslab.catalog import CATALOGUE
from losslab.spec import deferred, policy
from losslab.testing import set_samples
from losslab.testing.samples import draw

READS = {"aten._local_scalar_dense.default", "aten.nonzero.default", "aten.is_nonzero.default", "aten.equal.default"}


class NoReading(TorchDispatchMode):
    """Raises where the program asks a tensor for a number, as a GPU would make it wait."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if str(func) in READS:
            raise AssertionError(f"{func} waits for the device")
        return func(*args, **(kwargs or {}))


@pytest.fixture(autouse=True)
def _on_a_device(monkeypatch):
    policy.forget()
    deferred.forget()
    monkeypatch.setattr(policy, "waits", lambda tensor: True)
    with losslab.backend("rule"):  # a device has no kernels
        yield
    policy.forget()
    deferred.forget()


def test_the_mode_sees_a_program_that_reads():
    with pytest.raises(AssertionError, match="waits for the device"), NoReading():
        bool(torch.ones(2).any())


@pytest.mark.parametrize("name", CATALOGUE)
def test_no_loss_waits(name):
    record = CATALOGUE[name]
    if record.kind == "set":
        batch = set_samples.draw(record)
        leaves = [batch[key].requires_grad_() for key in set_samples.predicted(record, batch)]
    else:
        input, target = draw(record)
        batch, leaves = {"input": input.requires_grad_(), "target": target}, [input]
        batch |= {key: torch.ones(input.shape[1]) for key in record.per_class}
    with NoReading():
        torch.autograd.grad(record(**batch), leaves, allow_unused=True)


SCORES = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5]])


def test_a_label_out_of_range_is_told_by_the_next_call():
    with NoReading():
        F.cross_entropy(SCORES, torch.tensor([0, 7]))
    with pytest.raises(ValueError, match=r"labels run from 0 to 7, but input has 3 classes.* earlier batch"):
        F.cross_entropy(SCORES, torch.tensor([0, 1]))
    assert F.cross_entropy(SCORES, torch.tensor([0, 1])).isfinite()


def test_until_then_the_label_is_the_nearest_class():
    found = F.cross_entropy(SCORES, torch.tensor([-3, 7]), reduction="none")
    torch.testing.assert_close(found, torch.nn.functional.cross_entropy(SCORES, torch.tensor([0, 2]), reduction="none"))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: F.cross_entropy(SCORES, torch.tensor([[0.5, 0.5, 0.5], [1.0, 0.0, 0.0]])), "off by 0.5"),
        (lambda: F.cross_entropy(SCORES, torch.tensor([[1.5, -0.5, 0.0], [1.0, 0.0, 0.0]])), "smallest value is -0.5"),
        (lambda: F.binary_cross_entropy(torch.tensor([0.5, 1.25]), torch.tensor([0.0, 1.0])), "from 0.5 to 1.25"),
        (lambda: F.binary_cross_entropy_with_logits(torch.tensor([0.5]), torch.tensor([3.0])), "from 3 to 3"),
        (lambda: F.nll_loss(SCORES.log_softmax(1), torch.tensor([3, 0])), "labels run from 0 to 3"),
    ],
)
def test_what_is_wrong_with_values_is_told_later(call, words):
    call()
    with pytest.raises(ValueError, match=words):
        call()


def test_a_smell_is_told_later():
    again = SCORES.softmax(1)
    F.cross_entropy(again, torch.tensor([0, 1]))
    with pytest.warns(policy.LossWarning, match=r"softmax was applied already.*below 0\.5514 for 3 classes"):
        F.cross_entropy(again, torch.tensor([0, 1]))


def test_signs_of_a_loss_of_torch_are_warned_of_later():
    pair = torch.tensor([1.0, 2.0]), torch.tensor([0.5, 1.5]), torch.tensor([1.0, 0.0])
    F.margin_ranking_loss(*pair)
    with pytest.warns(policy.LossWarning, match=r"target must hold -1 and \+1"):
        F.margin_ranking_loss(*pair)


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss", "binary_cross_entropy", "hinge_embedding_loss"])
def test_the_batch_itself_is_not_kept_alive(name):
    batch = list(draw(CATALOGUE[name]))
    CATALOGUE[name](*batch)
    memory = [StorageWeakRef(one.untyped_storage()) for one in batch]
    batch.clear()
    gc.collect()
    assert deferred._UNDER_WAY[name]
    assert all(one.expired() for one in memory)


def test_a_batch_in_which_nothing_counts_is_warned_of_and_counted_later():
    nobody = torch.tensor([-100, -100])
    with NoReading():
        nothing = F.cross_entropy(SCORES, nobody)
    assert nothing == 0
    with pytest.warns(policy.EmptyLossWarning, match="nothing to average"):
        F.cross_entropy(SCORES, torch.tensor([0, -100]))
    F.cross_entropy(SCORES, nobody)
    F.cross_entropy(SCORES, torch.tensor([0, -100]))
    assert losslab.empty_batches() == {"cross_entropy": 2}


def test_verdicts_under_way_are_bounded(monkeypatch):
    class Never:
        def query(self):
            return False

    for _ in range(3 * deferred.HELD):
        F.cross_entropy(SCORES, torch.tensor([0, 1]))
        queue = deferred._UNDER_WAY["cross_entropy"]
        queue[-1] = deferred.Verdict(queue[-1].flags, Never(), queue[-1].suspicions)
    assert len(queue) == deferred.HELD


def test_off_looks_at_nothing():
    with policy.checks("off"):
        F.binary_cross_entropy_with_logits(torch.tensor([0.5]), torch.tensor([3.0]))
    assert not deferred._UNDER_WAY
