"""Dropout by key: the same masks alone, in a stack, beside others and after a restart."""

import pytest
import torch
from torch import nn
from train_examples import COLUMNS, Make, assembly, assert_same, fold, member, population, weights, with_dropout

from losslab.catalog import CATALOGUE
from losslab.train.assemble import ENGINES
from losslab.train.dropout import Draws, Keyed, keyed, plain
from losslab.train.loop import Stopped, advance
from losslab.train.member import key
from losslab.train.native.draws import _kept_on, kept, layer_key, threshold
from losslab.train.network import Single, Stacked
from losslab.train.objective import objective_of
from losslab.train.session import Session
from losslab.train.settings import Training

CPU = torch.device("cpu")
MEMBERS = [member(1, "sgd", 0.05, seed=3), member(2, "adam", 0.01, seed=3, fold=1), member(3, "adam", seed=5)]
FOLDS = [fold(), fold(rows=range(40, -1, -1), seed=2)]


@pytest.mark.parametrize(
    ("who", "step", "layer", "expected", "bits"),
    [  # from the C++ of kernels/cpu/random.h, share 0.3, places 0, 1000003, 2000006, ...
        (5, 0, 0, 18074882946671919669, "111101011110011011100111"),
        (5, 0, 2, 2611768881034074630, "011111111111101011111110"),
        (0xFEDCBA9876543210, 7, 2, 8505032770546025092, "110110110111000101110111"),
    ],
)
def test_numbers_are_those_of_the_kernels(who, step, layer, expected, bits):
    own = layer_key(who, step, layer)
    assert own == expected
    for drawn in (kept, _kept_on):
        found = drawn([own], 5 * 1000003 + 1, 0.3, CPU)[0][::1000003]
        assert "".join(str(int(one)) for one in found) == bits[:6]


def test_both_ways_of_drawing_agree_past_a_block():
    keys = [layer_key(one, 3, 1) for one in (0, 1, 2**55)]
    found = kept(keys, 70_001, 0.37, CPU)
    assert torch.equal(found, _kept_on(keys, 70_001, 0.37, CPU))
    assert ((found.double().mean(1) - 0.63).abs() < 0.01).all()
    assert not torch.equal(found[0], found[1])


@pytest.mark.parametrize(("p", "least"), [(0.0, 0), (1.0, 2**24), (0.5, 2**23), (2**-24, 1)])
def test_a_share_is_a_threshold(p, least):
    assert threshold(p) == least


def ordinary(one: nn.Module, draws: Draws):
    """A module whose masks are made by hand: those of the member at place 0, in order."""
    masks = {}

    def hook(layer):
        def multiply(_, given):
            place = len(masks)
            own = layer_key(draws.members[0], draws.steps[0], place)
            masks[place] = kept([own], given[0].numel(), layer.p, CPU).view_as(given[0]) / (1 - layer.p)
            return (given[0] * masks[place],)

        return multiply

    for part in one.modules():
        if isinstance(part, nn.Dropout):
            part.register_forward_pre_hook(hook(part))
            part.eval()
    return one


def test_a_layer_that_is_used_twice_draws_twice():
    layer, draws = nn.Dropout(0.5), Draws()
    draws.members, draws.steps = [8], [2]
    assert keyed(layer, draws)
    x = torch.ones(3, 50)
    draws.begin()
    first, second = layer(x), layer(x)
    draws.begin()
    assert not torch.equal(first, second)
    assert torch.equal(layer(x), first)
    assert set(first.unique().tolist()) == {0.0, 2.0}


@pytest.mark.parametrize("engine", [Stacked, Single])
def test_outputs_are_those_of_masks_made_by_hand(engine):
    x = fold().X[:7]
    modules = [Make(with_dropout).make(seed, 1).double() for seed in (3, 4)]
    network = engine(modules)
    network.draws.members, network.draws.steps = [11, 12], [5, 5]
    output = network.forward(network.parameters(), x.expand(2, 7, COLUMNS), train=True)
    for place, module in enumerate(modules):
        draws = Draws()
        draws.members, draws.steps = [11 + place], [5]
        torch.testing.assert_close(output[place], ordinary(module.train(), draws)(x), rtol=1e-12, atol=1e-12)


def test_engines_draw_the_same_masks_whoever_is_in_the_stack():
    found = {}
    for name, engine in ENGINES.items():
        together = population(MEMBERS, with_dropout, engine)
        advance(together, FOLDS, 2)
        found[name] = weights(together)
        alone = population(MEMBERS[1:2], with_dropout, engine)
        advance(alone, FOLDS, 2)
        assert_same(weights(alone), {2: found[name][2]}, 1e-10)
    for other in found.values():
        assert_same(other, found["single"], 1e-10)


@pytest.mark.parametrize("engine", ["stacked", "single"])
def test_batches_of_a_step_draw_their_own(engine):
    square = objective_of(CATALOGUE["mse_loss"], 1)
    several = [member(1, "sgd", 0.05, square, seed=3, training=Training(accumulate=2))]
    seen = []
    original = Draws.masks

    def spy(self, places, layer, x, p):
        seen.append((layer, *self.members))
        return original(self, places, layer, x, p)

    Draws.masks = spy
    try:
        one = Session(assembly([fold()], with_dropout, engine), several)
        one.advance(1)
    finally:
        Draws.masks = original
    own = key("dropout", 3, 0)
    assert seen[:4] == [(layer, who) for who in (own, key("part", own, 1)) for layer in (0, 1)]
    assert seen[4:6] == [(0, own), (1, own)]


@pytest.mark.parametrize("engine", ["stacked", "single"])
def test_a_restored_session_draws_on(engine, tmp_path):
    def session(checkpoint, stop):
        return Session(assembly(FOLDS, with_dropout, engine), MEMBERS, checkpoint=checkpoint, stop=stop)

    straight = session(None, lambda: False)
    straight.advance(2)
    steps = iter(range(7))
    with pytest.raises(Stopped):
        session(tmp_path / "c.pt", lambda: next(steps, None) is None).advance(2)
    again = session(tmp_path / "c.pt", lambda: False)
    again.advance(2)
    assert_same(weights(again.populations[0]), weights(straight.populations[0]))


def test_what_is_handed_out_has_ordinary_dropout():
    for engine in (Stacked, Single):
        one = population(MEMBERS, with_dropout, engine)
        advance(one, FOLDS, 1)
        module = one.module(1)
        assert [type(part) for part in module].count(nn.Dropout) == 2
        assert not any("draws" in vars(part) for part in module)
        assert any(
            isinstance(part, Keyed) for part in (one.network.template if engine is Stacked else one.network.modules[0])
        )


def test_other_random_layers_and_subclasses_are_left_alone():
    class Own(nn.Dropout):
        pass

    layers = nn.Sequential(Own(0.5), nn.AlphaDropout(0.5), nn.Dropout2d(0.5))
    assert not keyed(layers, Draws())
    assert [type(part) for part in plain(layers)] == [Own, nn.AlphaDropout, nn.Dropout2d]
