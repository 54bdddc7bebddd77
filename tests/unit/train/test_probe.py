"""Which engine is chosen and what is said: models and losses that stack, and those that cannot."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from train_examples import (
    SQUARE,
    assembly,
    assert_same,
    fold,
    mean_square,
    member,
    plain,
    population,
    weights,
    with_batch_norm,
    with_dropout,
)

from losslab.train import probe
from losslab.train.batches import EpochBatches
from losslab.train.loop import advance, predict
from losslab.train.member import Objective
from losslab.train.network import Single, Stacked

FOLDS = [fold(dtype=torch.float32)]
MEMBERS = [member(n, lr=0.01 * n, seed=n % 2) for n in range(1, 7)]


class Wrapped(nn.Module):
    """A linear layer and what a subclass does around it."""

    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(4, width)


class Recurrent(Wrapped):
    def __init__(self, width):
        super().__init__(width)
        self.cells = nn.LSTM(4, 4, batch_first=True, dropout=0.2, num_layers=2)

    def forward(self, x):
        return self.linear(self.cells(x[:, None].expand(-1, 3, -1))[0][:, -1])


class Assigns(Wrapped):
    """Counts in a buffer that it replaces: silently lost in a stack."""

    def __init__(self, width):
        super().__init__(width)
        self.register_buffer("seen", torch.zeros(4))

    def forward(self, x):
        self.seen = 0.9 * self.seen + 0.1 * x.detach().mean(0)
        return self.linear(x)


class Adds(Assigns):
    """The same in place: kept in a stack."""

    def forward(self, x):
        self.seen.mul_(0.9).add_(0.1 * x.detach().mean(0))
        return self.linear(x - self.seen)


class Remembers(Wrapped):
    """State in a plain attribute."""

    def __init__(self, width):
        super().__init__(width)
        self.last = torch.zeros(())

    def forward(self, x):
        output = self.linear(x) * (1 + self.last)
        self.last = 0.5 * self.last + x.detach().mean()
        return output


class Branches(Wrapped):
    def forward(self, x):
        output = self.linear(x)
        return output if output.mean() > 0 else 2 * output


class Writes(Wrapped):
    """Doubles its input in place."""

    def forward(self, x):
        return self.linear(x.mul_(2))


class Tied(Wrapped):
    def __init__(self, width):
        super().__init__(width)
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.linear(self.second(self.first(x).tanh()).tanh())


class Frozen(Wrapped):
    def __init__(self, width):
        super().__init__(width)
        self.first = nn.Linear(4, 4).requires_grad_(False)

    def forward(self, x):
        return self.linear(self.first(x).tanh())


class Draws(Wrapped):
    """Dropout as a function, which cannot be switched off from outside, at two places."""

    def forward(self, x):
        return self.linear(F.dropout(F.dropout(x, 0.3, self.training).tanh(), 0.2, self.training))


class Attends(Wrapped):
    def __init__(self, width):
        super().__init__(width)
        self.attention = nn.MultiheadAttention(4, 2, dropout=0.3, batch_first=True)

    def forward(self, x):
        tokens = x[:, None] * torch.tensor([1.0, 2.0, -1.0])[:, None]
        return self.linear(self.attention(tokens, tokens, tokens)[0].mean(1))


def averages(width):
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, momentum=None), nn.Linear(3, width))


STACK = [plain, with_batch_norm, with_dropout, Adds, Tied, Frozen, Draws, Attends]
CANNOT = [
    (Recurrent, "the model cannot be stacked: RuntimeError: Batching rule not implemented for aten::lstm.input"),
    (Assigns, "stacking changes the model's buffer seen (by "),
    (Remembers, "the model's forward writes to its attribute 'last'"),
    (
        Branches,
        "the model cannot be stacked: RuntimeError: vmap: It looks like you're attempting to use a Tensor in some",
    ),
    (Writes, "stacking changes the model's outputs (by "),
    (averages, "the model cannot be stacked: RuntimeError: vmap: It looks like you're calling .item() on a Tensor"),
]


@pytest.fixture
def stack_wins(monkeypatch):
    """A stack that always wins the race: what is measured is not what these tests are about."""
    monkeypatch.setattr(probe, "race", lambda makes, folds: {one: 1 / len(make()) for one, make in makes.items()})


def choice(build, members=MEMBERS, engine="auto"):
    (plan,) = assembly(FOLDS, build, engine).plans(members)
    return plan.choice


@pytest.mark.parametrize("build", STACK)
@pytest.mark.usefixtures("stack_wins")
def test_what_stacks_is_stacked(build):
    found = choice(build)
    assert str(found) == "stacked (probe: 6x one after the other)"
    assert found.lift_losses


@pytest.mark.parametrize(("build", "reason"), CANNOT, ids=lambda value: getattr(value, "__name__", None))
@pytest.mark.usefixtures("stack_wins")
def test_what_cannot_be_stacked_runs_alone_with_the_reason(build, reason):
    found = choice(build)
    assert str(found).startswith(f"single ({reason}")
    assert not found.lift_losses
    assert len(str(found)) < 250
    assert "\n" not in str(found)


@pytest.mark.parametrize("build", [*STACK[:2], *STACK[3:6], *(build for build, _ in CANNOT[1:])])
@pytest.mark.usefixtures("stack_wins")
def test_the_chosen_engine_trains_each_member_as_if_alone(build):
    """Also where the members differ in seed, and one is dropped on the way. Random forwards depend on who is beside."""
    (plan,) = assembly(FOLDS, build, "auto").plans(MEMBERS[:3])
    together = plan.population()
    advance(together, FOLDS, 1)
    together.keep([0, 2])
    advance(together, FOLDS, 2)
    for place in (0, 1):
        one = together.members[place]
        alone = population([one], build, Single, torch.float32)
        advance(alone, FOLDS, 2)
        assert_same({one.number: weights(together)[one.number]}, weights(alone), 1e-3)


@pytest.mark.parametrize("engine", [Stacked, Single])
def test_dropout_acts_in_training_and_is_off_in_prediction(engine):
    """Two members that are equal in everything draw the same masks; one of another seed draws others."""
    members = [member(n, "sgd", 0.1, seed=3) for n in (1, 2)]
    together = population(members, with_dropout, engine)
    others = population([member(n, "sgd", 0.1, seed=3 + n) for n in (0, 1)], with_dropout, engine)
    others.network.flat[1] = others.network.flat[0]
    folds = [fold()]
    first = predict(together, folds, torch.arange(9))
    assert torch.equal(first[0], first[1])
    advance(together, folds, 1)
    assert torch.allclose(together.network.flat[0], together.network.flat[1])
    advance(others, folds, 1)
    assert not torch.allclose(others.network.flat[0], others.network.flat[1])
    again = predict(together, folds, torch.arange(9))
    assert torch.equal(again, predict(together, folds, torch.arange(9)))
    module = together.network.module(1).eval()
    torch.testing.assert_close(again[1], module(folds[0].X[:9]).detach(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("build", STACK)
def test_a_stack_that_is_asked_for_is_given(build):
    assert str(choice(build, engine="stacked")) == "stacked (as asked)"
    assert str(choice(build, MEMBERS[:1], engine="stacked")) == "stacked (as asked)"


@pytest.mark.parametrize(("build", "reason"), CANNOT, ids=lambda value: getattr(value, "__name__", None))
def test_a_stack_that_is_asked_for_and_cannot_be_raises(build, reason):
    with pytest.raises(ValueError, match="engine='stacked' was asked for, but ") as error:
        choice(build, engine="stacked")
    assert reason in str(error.value)
    assert str(error.value).endswith("; use engine='auto' or 'single'")


def test_one_after_the_other_that_is_asked_for_is_given():
    found = choice(plain, engine="single")
    assert (str(found), found.lift_losses) == ("single (as asked)", False)


def test_an_unknown_engine_is_named():
    with pytest.raises(ValueError, match="engine must be auto, native, stacked or single; got 'fast'"):
        assembly(FOLDS, engine="fast")


def test_one_member_needs_no_probe(monkeypatch):
    monkeypatch.setattr(probe, "obstacle", None)
    assert str(choice(plain, MEMBERS[:1])) == "single (one member)"


def branching(output, target):
    error = mean_square(output, target)
    return error if error.item() > 0.5 else 2 * error


OWN = Objective("own", branching, 1, "identity")


@pytest.mark.parametrize("engine", ["auto", "stacked"])
@pytest.mark.parametrize("place", [0, 5], ids=["first", "last"])
@pytest.mark.usefixtures("stack_wins")
def test_a_loss_that_cannot_be_stacked_runs_member_by_member_on_stacked_outputs(engine, place):
    members = list(MEMBERS)
    members[place] = member(9, objective=OWN, seed=1)
    (plan,) = assembly(FOLDS, with_batch_norm, engine).plans(members)
    assert plan.choice.engine is Stacked
    assert not plan.choice.lift_losses
    assert "losses run member by member: own cannot be stacked (RuntimeError: " in str(plan.choice)
    together = plan.population()
    advance(together, FOLDS, 1)
    alone = population([member(9, objective=OWN, seed=1)], with_batch_norm, Single, torch.float32)
    advance(alone, FOLDS, 1)
    assert_same({9: weights(together)[9]}, weights(alone), 1e-3)


@pytest.mark.usefixtures("stack_wins")
def test_a_loss_that_changes_under_vmap_is_not_lifted():
    """It reads the size of its input in a way that only the stack changes."""

    def by_layers(output, target):
        return mean_square(output, target) * (1.0 + torch._C._functorch.is_batchedtensor(output))

    members = [member(n, objective=Objective("by layers", by_layers, 1, "identity")) for n in (1, 2)]
    found = choice(plain, members)
    assert (found.engine, found.lift_losses) == (Stacked, False)


@pytest.mark.usefixtures("stack_wins")
def test_losses_are_looked_at_again_when_others_come():
    """A second stack of the same model has a loss that cannot be lifted: the first answer does not hold for it."""
    one = assembly(FOLDS, plain, "auto")
    assert one.plans(MEMBERS)[0].choice.lift_losses
    assert not one.plans([*MEMBERS[:5], member(9, objective=OWN)])[0].choice.lift_losses
    assert one.plans(MEMBERS)[0].choice.lift_losses
    assert len(one.choices) == 2


def test_the_same_stack_is_probed_once(monkeypatch):
    asked = []
    right = probe.obstacle
    monkeypatch.setattr(probe, "obstacle", lambda *arguments: asked.append(1) or right(*arguments))
    one = assembly(FOLDS, plain, "auto")
    for _ in range(3):
        one.plans(MEMBERS)
    assert len(asked) == 1
    one.plans(MEMBERS[:4])
    assert len(asked) == 2


def test_the_faster_engine_is_chosen_and_the_ratio_is_said(monkeypatch):
    seconds = {Stacked: 0.5 / 6, Single: 0.25}
    monkeypatch.setattr(probe, "race", lambda makes, folds: {one: seconds[one] for one in makes})
    assert str(choice(plain)) == "stacked (probe: 3x one after the other)"
    seconds[Stacked] = 3.0 / 6
    assert str(choice(plain)) == "single (probe: stacking 6 members is 2.0x slower)"


def test_small_networks_are_stacked_and_the_time_is_measured():
    members = [member(n, seed=n) for n in range(40)]
    found = choice(plain, members)
    assert found.engine is Stacked
    ratio = int(str(found).split(": ")[1].split("x")[0])
    assert ratio > 2


@pytest.mark.usefixtures("stack_wins")
def test_a_model_that_raises_alone_raises_as_it_does():
    class Raises(Wrapped):
        def forward(self, x):
            raise LookupError("not here")

    with pytest.raises(LookupError, match="not here"):
        choice(Raises)


def test_probing_leaves_modules_members_and_folds_alone():
    modules = [with_batch_norm(1) for _ in MEMBERS]
    before = [{name: value.clone() for name, value in module.state_dict().items()} for module in modules]
    probe.choose(modules, MEMBERS, FOLDS)
    for module, state in zip(modules, before, strict=True):
        for name, value in module.state_dict().items():
            assert torch.equal(value, state[name]), name


def test_a_gradient_that_leaks_between_members_is_seen(monkeypatch):
    """The two members of the comparison differ, so that a stack that mixes them differs from both."""
    right = Stacked.gradient
    monkeypatch.setattr(
        Stacked, "gradient", lambda self, gradients: right(self, gradients).mean(0, keepdim=True) + 0 * self.flat
    )
    members, module = [member(n, seed=1) for n in (1, 2)], plain(1)
    reason = probe.obstacle([module, module], members, EpochBatches(members, FOLDS, 0)[0])
    assert reason.startswith("stacking changes the model's gradients (by ")


def test_an_input_that_is_written_to_is_the_member_s_own():
    """Such a model is not stacked."""
    members = [member(n, seed=n) for n in (1, 2)]
    together = population(members, Writes, Single)
    folds = [fold()]
    advance(together, folds, 1)
    assert torch.equal(folds[0].X, fold().X)
    outputs = predict(together, folds, torch.arange(5))
    for place in (0, 1):
        linear = together.network.module(place).linear
        torch.testing.assert_close(outputs[place], linear(2 * folds[0].X[:5]).detach(), rtol=1e-10, atol=1e-10)


def test_a_model_without_trainable_parameters_is_named():
    with pytest.raises(ValueError, match="Flatten has no trainable parameters"):
        population([member()], lambda width: nn.Flatten())


def test_parameters_of_two_types_are_named():
    mixed = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 1).double())
    with pytest.raises(
        ValueError, match=r"Sequential mixes parameter types \['torch.float32', 'torch.float64'\]; conv"
    ):
        Stacked([mixed])


@pytest.mark.usefixtures("stack_wins")
def test_outputs_without_a_second_axis_are_fine():
    class Squeezed(Wrapped):
        def forward(self, x):
            return self.linear(x).squeeze(-1)

    flat = Objective("flat", lambda output, target: ((output - target) ** 2).mean(), 1, "identity")
    assert choice(Squeezed, [member(n, objective=flat, seed=n) for n in range(4)]).engine is Stacked
    assert SQUARE.outputs == 1


def test_several_choices_are_said_in_one_line():
    stacked, alone = probe.Stacked, probe.Single
    found = [
        probe.Choice(stacked, "probe: 10x one after the other", ratio=10.2),
        probe.Choice(stacked, "probe: 4x one after the other", ratio=3.6),
        probe.Choice(alone, "one member", False),
        probe.Choice(alone, "one member", False),
    ]
    assert probe.said(found) == "stacked (probe: 4 to 10x one after the other); single (one member)"
    assert probe.said(found[:1]) == str(found[0])
    assert probe.said([]) == ""
