"""Each update kernel makes the step of its rule: in float64 the same, in float32 as near to the truth as the rule."""

import copy
from itertools import product

import pytest
import torch

from losslab.kernels import updates
from losslab.optim import RULES, get

ELEMENTWISE = [name for name, rule in RULES.items() if not rule.shaped]
K = 3
ULPS = 4  # by which a kernel may be farther from the truth than the rule of the same type
DECAYS = {"weight_decay": (0.3, 0.0, 0.05)}
BETAS = {"lr": (0.1, 0.02, 0.3), "beta1": (0.5, 0.9, 0.8), "beta2": (0.95, 0.8, 0.999), "eps": (1e-3, 0.02, 1e-8)}
NUMBERS = {  # of each member; the second has no momentum and no decay where another has them
    "sgd": {"lr": (0.1, 0.02, 0.3), "momentum": (0.9, 0.0, 0.4), "dampening": (0.3, 0.7, -0.2), **DECAYS},
    "asgd": {"lr": (0.1, 0.02, 0.3), "lambd": (0.3, 0.0, 0.1), "alpha": (0.75, 0.5, 1.2), "t0": (2, 0, 5), **DECAYS},
    "rprop": {
        "lr": (0.1, 0.02, 0.3), "etaminus": (0.5, 0.3, 0.8), "etaplus": (1.5, 1.2, 1.9),
        "step_size_min": (0.06, 1e-6, 0.1), "step_size_max": (0.5, 0.025, 50.0),
    },
    "adagrad": {
        "lr": (0.1, 0.02, 0.3), "lr_decay": (0.5, 0.0, 0.1), **DECAYS, "initial_accumulator_value": (0.0, 0.5, 2.0),
        "eps": (1e-3, 0.02, 1e-10),
    },
    "adadelta": {"lr": (1.0, 0.2, 3.0), "rho": (0.3, 0.9, 0.6), "eps": (1e-2, 1e-3, 0.1), **DECAYS},
    "rmsprop": {
        "lr": (0.1, 0.02, 0.3), "alpha": (0.9, 0.3, 0.99), "eps": (1e-3, 0.02, 1e-8), **DECAYS,
        "momentum": (0.7, 0.0, 0.2),
    },
    "adam": {**BETAS, **DECAYS},
    "adamw": {**BETAS, **DECAYS},
    "nadam": {**BETAS, **DECAYS, "momentum_decay": (0.1, 1.0, 0.0)},
    "radam": {**BETAS, **DECAYS},
    "adamax": {**BETAS, **DECAYS},
    "lion": {"lr": (0.1, 0.02, 0.3), "beta1": (0.5, 0.9, 0.8), "beta2": (0.95, 0.3, 0.99), **DECAYS},
    "sparse_adam": BETAS,
}  # fmt: skip
WITHOUT_MOMENTUM = [("sgd", "momentum"), ("rmsprop", "momentum")]
CASES = [
    (name, dict(zip(get(name).options, flags, strict=True)), True)
    for name in ELEMENTWISE
    for flags in product((False, True), repeat=len(get(name).options))
] + [(name, dict.fromkeys(get(name).options, on), False) for name, _ in WITHOUT_MOMENTUM for on in (False, True)]


def column(values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


def numbers_of(name, momentum=True):
    """Hyperparameters as tensors (K, 1); without momentum, a float 0, by which a rule keeps no buffer."""
    numbers = {key: column(values) for key, values in NUMBERS[name].items()}
    return numbers if momentum else {**numbers, "momentum": 0.0}


def draws(count, width, dtype, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, K, width, generator=generator, dtype=torch.float64).to(dtype)


class Stepper:
    """A kernel beside its rule: `step` makes one step in place and gives what the rule makes of the same tensors."""

    def __init__(self, name, options, momentum=True, *, width=131, dtype=torch.float64, param=None):
        self.rule, self.options, self.numbers = get(name), options, numbers_of(name, momentum)
        self.kernel = updates.find(name)
        self.param = draws(1, width, dtype, seed=9)[0] if param is None else param
        self.state = self.rule.start(self.param, **self.numbers, **options)
        hyper = torch.stack([torch.as_tensor(self.numbers[key]).expand(K, 1)[:, 0] for key in self.kernel.hyper], 1)
        kept = [self.state.get(key) for key in self.kernel.states]
        self.update = updates.Update(self.kernel, kept, hyper, self.kernel.bits(options))

    def by_rule(self, grad, step, dtype, factor=1.0):
        state = {key: value.to(dtype) for key, value in self.state.items()}
        numbers = {**self.numbers, "lr": self.numbers["lr"] * factor}
        clock = torch.full((K, 1), float(step), dtype=dtype)
        return self.rule.update(self.param.to(dtype), grad.to(dtype), state, step=clock, **numbers, **self.options)

    def step(self, grad, step):
        self.update(self.param, grad, torch.full((K,), float(step)))


@pytest.mark.parametrize("name", RULES)
def test_names_and_their_order_are_the_records(name):
    rule, kernel = get(name), updates.find(name)
    if rule.shaped:  # reads a parameter as a whole, which a kernel of neighbouring numbers cannot
        assert kernel is None
        return
    assert kernel.hyper == tuple(rule.hyper)
    assert kernel.options == tuple(rule.options)
    momentum = {"momentum": 0.5} if "momentum" in rule.hyper else {}
    everything = rule.start(torch.zeros(2), **{**rule.defaults, **dict.fromkeys(rule.options, True), **momentum})
    assert kernel.states == tuple(everything)
    assert tuple(NUMBERS[name]) == kernel.hyper


def test_every_kernel_has_a_rule():
    assert sorted(updates.names()) == sorted(ELEMENTWISE)
    assert updates.find("adamw2") is None


@pytest.mark.parametrize("first", [1, 2000])
@pytest.mark.parametrize(("name", "options", "momentum"), CASES)
def test_float64_is_the_rule(name, options, momentum, first):
    ours = Stepper(name, options, momentum)
    before = ours.param.clone()
    for step, grad in enumerate(draws(6, 131, torch.float64), first):
        param, state = ours.by_rule(grad, step, torch.float64)
        ours.step(grad, step)
        torch.testing.assert_close(ours.param, param, rtol=1e-14, atol=1e-15)
        for key, value in state.items():
            torch.testing.assert_close(ours.state[key], value, rtol=1e-14, atol=1e-15, msg=lambda m, k=key: f"{k}: {m}")
    moved = (ours.param - before).abs() > 1e-6
    assert (moved.double().mean(1) > 0.5).all(), "the case is too easy: weights stood still"


@pytest.mark.parametrize("first", [1, 7])
@pytest.mark.parametrize(("name", "options", "momentum"), CASES)
def test_float32_is_as_near_to_the_truth_as_the_rule(name, options, momentum, first):
    ours = Stepper(name, options, momentum, dtype=torch.float32, width=1031)
    for step, grad in enumerate(draws(5, 1031, torch.float32), first):
        truth, rule = ours.by_rule(grad, step, torch.float64), ours.by_rule(grad, step, torch.float32)
        reach = grad.double().abs() + ours.param.double().abs()  # of the gradient with its decay, and then its square
        old = {key: value.double().abs() for key, value in ours.state.items()}
        before = ours.param.double()
        ours.step(grad, step)
        near(ours.param, truth[0], rule[0], before.abs() + 2 * (truth[0] - before).abs() + 0.3 * reach)
        for key, value in truth[1].items():
            near(ours.state[key], value, rule[1][key], old[key] + value.abs() + reach + reach**2)


def near(found, truth, rule, size):
    """A member's usual error is about the rule's, and one number in a hundred is farther off by some ulp of `size`.

    size: how large the numbers are that it was made of. Where these cancel (RMSprop's v - mean^2, a gradient against
    its decay), the rule's own error is a matter of luck. No place is spared: in float64 all are compared.
    """
    eps = torch.finfo(torch.float32).eps
    gap, allowed = (found.double() - truth).abs(), (rule.double() - truth).abs()
    usual, usually_allowed = (one.square().mean(1).sqrt() for one in (gap, allowed))
    assert (usual <= 1.5 * usually_allowed + 0.1 * eps * truth.square().mean(1).sqrt()).all(), (usual, usually_allowed)
    beyond = (gap - allowed) / (eps * size)
    assert (beyond > ULPS).double().mean() < 0.01, (
        f"{beyond.quantile(0.99):.3g} ulp farther from the truth than the rule"
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("on", [False, True])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_what_is_not_finite_stays_in_its_place(name, on, dtype):
    """And what it becomes there is what the rule makes of it; exact zeros among the gradients, too."""
    options = dict.fromkeys(get(name).options, on)
    ours, clean = (Stepper(name, options, width=37, dtype=dtype) for _ in range(2))
    for step, grad in enumerate(draws(3, 37, dtype), 1):
        grad[:, 10 + step] = 0.0
        spoiled = grad.clone()
        if step == 2:
            spoiled[0, 3:6] = torch.tensor([float("nan"), float("inf"), -float("inf")])
        param, state = ours.by_rule(spoiled, step, dtype)
        ours.step(spoiled, step)
        clean.step(grad, step)
        for found, wanted in [(ours.param, param), *((ours.state[key], value) for key, value in state.items())]:
            torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6, equal_nan=True)
    elsewhere = torch.ones(K, 37, dtype=torch.bool)
    elsewhere[0, 3:6] = False
    assert torch.equal(ours.param[elsewhere], clean.param[elsewhere])
    for key, value in ours.state.items():
        assert torch.equal(value[elsewhere], clean.state[key][elsewhere])


def test_a_centered_variance_below_zero_counts_as_zero():
    """Rounding brings it there; here a state that makes it -0.3125."""
    kernel, grad = updates.find("rmsprop"), torch.full((1, 37), 0.6)
    hyper = torch.tensor([[0.1, 1.0, 0.5, 0.0, 0.0]], dtype=torch.float64)  # alpha = 1: the means stay as they are
    param, v, mean = torch.ones(1, 37), torch.full((1, 37), 0.25), torch.full((1, 37), 0.75)
    updates.run(kernel, param, grad, [v, mean, None], hyper, torch.ones(1), kernel.bits({"centered": True}))
    torch.testing.assert_close(param, torch.full((1, 37), 1 - 0.1 * 0.6 / 0.5))


@pytest.mark.parametrize("name", ["sgd", "adamw", "rmsprop", "rprop"])
@pytest.mark.parametrize("width", [1, 2, 15, 16, 17, 65])
def test_odd_sizes_in_a_wider_matrix(name, width):
    """Rows may lie apart; what is between them stays as it is."""
    wide, room = draws(2, width + 9, torch.float32, seed=4), slice(5, 5 + width)
    kept = wide.clone()
    options = dict.fromkeys(get(name).options, False)
    ours = Stepper(name, options, param=wide[0][:, room])
    param, state = ours.by_rule(wide[1][:, room], 1, torch.float32)
    ours.step(wide[1][:, room], 1)
    torch.testing.assert_close(ours.param, param, rtol=1e-5, atol=1e-6)
    for key, value in state.items():
        torch.testing.assert_close(ours.state[key], value, rtol=1e-5, atol=1e-6)
    kept[0][:, room] = ours.param
    assert torch.equal(wide, kept)


def test_a_step_by_hand():
    """AdamW at step 2: m = 0.5 * 2 + 0.5 * 4 = 3, v = 0.75 * 8 + 0.25 * 16 = 10, their corrections 0.75 and 0.4375."""
    kernel = updates.find("adamw")
    param, grad = torch.tensor([[10.0]], dtype=torch.float64), torch.tensor([[4.0]], dtype=torch.float64)
    m, v = torch.tensor([[2.0]], dtype=torch.float64), torch.tensor([[8.0]], dtype=torch.float64)
    hyper = torch.tensor([[0.1, 0.5, 0.75, 1.0, 0.3]], dtype=torch.float64)
    updates.run(kernel, param, grad, [m, v, None], hyper, torch.tensor([2.0]))
    assert (m.item(), v.item()) == (3.0, 10.0)
    assert param.item() == pytest.approx(10 - 0.1 * 0.3 * 10 - 0.1 * (3 / 0.75) / ((10 / 0.4375) ** 0.5 + 1), rel=1e-15)


@pytest.mark.parametrize("name", ["asgd", "adagrad", "adamw", "nadam", "radam", "sparse_adam"])
def test_members_have_clocks_of_their_own(name):
    options = dict.fromkeys(get(name).options, False)
    ours, grad, clock = Stepper(name, options, width=5), draws(1, 5, torch.float64)[0], torch.tensor([1.0, 40.0, 7.0])
    wanted, _ = ours.rule.update(ours.param, grad, ours.state, step=clock[:, None].double(), **ours.numbers, **options)
    ours.update(ours.param, grad, clock)
    torch.testing.assert_close(ours.param, wanted, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_the_factor_of_a_schedule_is_on_the_learning_rate(name):
    options = dict.fromkeys(get(name).options, False)
    ours, grads = Stepper(name, options, width=5), draws(2, 5, torch.float64)
    factor = torch.tensor([0.5, 1.0, 0.125], dtype=torch.float64)
    for step, grad in enumerate(grads, 1):
        param, _ = ours.by_rule(grad, step, torch.float64, factor[:, None])
        ours.update(ours.param, grad, torch.full((K,), float(step)), factor)
        torch.testing.assert_close(ours.param, param, rtol=1e-14, atol=1e-15)
    param, _ = ours.by_rule(grads[0], 3, torch.float64)
    ours.step(grads[0], 3)  # the next step has no factor again
    torch.testing.assert_close(ours.param, param, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("name", ["sgd", "adamw", "nadam"])
def test_threads_change_nothing(name):
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            ours = Stepper(name, dict.fromkeys(get(name).options, False), width=40_003, dtype=torch.float32)
            for step, grad in enumerate(draws(2, 40_003, torch.float32), 1):
                ours.step(grad, step)
            found.append([ours.param, *ours.state.values()])
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, two) for one, two in zip(*found, strict=True))
    untouched = draws(1, 40_003, torch.float32, seed=9)[0]
    assert (found[0][0] != untouched).double().mean() > 0.99  # every piece was reached


def test_what_does_not_fit_is_told():
    ours = Stepper("adamw", {}, width=5)
    step, grad = torch.ones(K), draws(1, 5, torch.float64)[0]
    with pytest.raises(ValueError, match=r"gradient \(3, 4\)"):
        ours.update(ours.param, grad[:, :4], step)
    with pytest.raises(ValueError, match=r"gradient \(3, 5\) torch.float32"):
        ours.update(ours.param, grad.float(), step)
    with pytest.raises(ValueError, match="rows without gaps"):
        ours.update(ours.param, torch.randn(5, K, dtype=torch.float64).T, step)
    with pytest.raises(ValueError, match=r"parameters \(2, 5\)"):
        ours.update(ours.param[:2], grad[:2], step[:2])
    kept = [torch.zeros(K, 5), torch.zeros(K, 4), None]
    with pytest.raises(ValueError, match=r"a state of shape \(3, 4\)"):
        updates.Update(ours.kernel, kept, torch.zeros(K, 5))


def test_a_copy_has_a_state_of_its_own():
    ours, grad = Stepper("adamw", {}, width=5), draws(1, 5, torch.float64)[0]
    other, theirs = copy.deepcopy((ours.update, ours.state))
    other(ours.param.clone(), grad, torch.ones(K))
    assert torch.equal(theirs["exp_avg"], grad * (1 - column(NUMBERS["adamw"]["beta1"])))
    assert not ours.state["exp_avg"].any()
