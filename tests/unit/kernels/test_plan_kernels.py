"""Whole steps of the native plan against torch's functions and autograd in float64: layers, losses, bounds, threads."""

import numpy as np
import pytest
import torch
from plan_reference import Native, network, output_of
from torch.nn import functional as F

LINEAR = {"kind": "linear"}
COLUMNS = (3, 0, 1, 4, 2)


def mixed(kind, **more):
    """A layer between two products, in a width that fills no vector."""
    return [{**LINEAR, "out": 17}, {"kind": kind, **more}, {**LINEAR, "out": 3}]


NETWORKS = {
    "linear": [{**LINEAR, "out": 3}],
    "no bias": [{**LINEAR, "out": 17, "unbiased": True}, {"kind": "relu"}, {**LINEAR, "out": 3}],
    "wide": [{**LINEAR, "out": 300}, {"kind": "relu"}, {**LINEAR, "out": 131}, {"kind": "relu"}, {**LINEAR, "out": 1}],
    "narrow": [{**LINEAR, "out": 1}, {"kind": "tanh"}, {**LINEAR, "out": 3}],
    "relu": mixed("relu"),
    "leaky": mixed("leaky_relu", a=0.1),
    "gelu": mixed("gelu"),
    "gelu tanh": mixed("gelu", a=1.0),
    "silu": mixed("silu"),
    "tanh": mixed("tanh"),
    "sigmoid": mixed("sigmoid"),
    "dropout": mixed("dropout", a=0.3, extra=2),
    "layer norm": mixed("layer_norm", a=1e-5),
    "layer norm plain": mixed("layer_norm", a=0.1, plain=True),
    "batch norm": mixed("batch_norm", a=1e-5, b=0.1),
    "batch norm plain": mixed("batch_norm", a=1e-2, b=0.3, plain=True),
    "norms first": [
        {"kind": "batch_norm", "a": 1e-5, "b": 0.2}, {"kind": "layer_norm", "a": 1e-5}, {**LINEAR, "out": 2},
    ],
    "activations in a row": [
        {**LINEAR, "out": 9}, {"kind": "tanh"}, {"kind": "relu"}, {"kind": "dropout", "a": 0.2}, {"kind": "silu"},
        {"kind": "sigmoid"}, {"kind": "leaky_relu", "a": 0.3}, {"kind": "relu"}, {**LINEAR, "out": 2},
    ],
    "ends in an activation": [{**LINEAR, "out": 4}, {"kind": "relu"}],
    "residual": [
        {**LINEAR, "out": 12}, {"kind": "relu"}, {**LINEAR, "out": 12}, {"kind": "relu"},
        {"kind": "add", "source": 4, "other": 2}, {"kind": "relu"}, {"kind": "add", "source": 6, "other": 6},
        {**LINEAR, "out": 2},
    ],
    "two heads": [
        {**LINEAR, "out": 8}, {"kind": "relu"}, {**LINEAR, "out": 5, "source": 2}, {**LINEAR, "out": 7, "source": 2},
        {"kind": "gelu", "source": 4}, {"kind": "concat", "source": 3, "other": 5, "out": 12}, {**LINEAR, "out": 2},
    ],
    "a relu read twice": [
        {**LINEAR, "out": 8}, {"kind": "relu", "source": 1}, {**LINEAR, "out": 8, "source": 1},
        {"kind": "add", "source": 2, "other": 3}, {"kind": "batch_norm", "a": 1e-5, "b": 0.1},
        {"kind": "dropout", "a": 0.5}, {**LINEAR, "out": 2},
    ],
    "a relu that comes later": [
        {**LINEAR, "out": 8}, {**LINEAR, "out": 8, "source": 0}, {"kind": "relu", "source": 1},
        {"kind": "sigmoid", "source": 2}, {"kind": "add", "source": 4, "other": 3}, {**LINEAR, "out": 2},
    ],
    "residual of the input": [
        {**LINEAR, "out": 5}, {"kind": "add", "source": 1, "other": 0}, {"kind": "layer_norm", "a": 1e-5},
    ],
    "an unused layer": [{**LINEAR, "out": 4}, {**LINEAR, "out": 6, "source": 0}, {**LINEAR, "out": 2, "source": 1}],
    "codes": [
        {"kind": "select", "out": 1, "first": 2, "source": 0}, {"kind": "embedding", "extra": 4, "out": 6},
        {"kind": "select", "out": 3, "first": 0, "source": 0}, {"kind": "concat", "source": 2, "other": 3, "out": 9},
        {**LINEAR, "out": 11}, {"kind": "batch_norm", "a": 1e-5, "b": 0.1}, {"kind": "relu"},
        {"kind": "dropout", "a": 0.4}, {**LINEAR, "out": 3},
    ],
    "columns of a hidden value": [
        {**LINEAR, "out": 5}, {"kind": "select", "out": 4, "first": 1},
        {"kind": "select", "out": 2, "first": 1, "source": 1},
        {"kind": "concat", "source": 2, "other": 3, "out": 6}, {**LINEAR, "out": 2},
    ],
}  # fmt: skip
SIZES = (37, 64, 150, 2)  # of the batches, one step each


def natives(name, *, members=1, dtype=torch.float64, sizes=SIZES, seed=0, **more):
    """Members of a network on 300 rows whose second column holds codes 0 to 3."""
    layers, parameters, constants = network(*NETWORKS[name], features=5)
    draw = torch.Generator().manual_seed(seed)
    X = torch.randn(300, 5, generator=draw, dtype=torch.float64)
    X[:, 1] = torch.randint(0, 4, (300,), generator=draw)
    outputs = layers[-1]["out"]
    y = torch.randn(300, outputs, generator=draw, dtype=torch.float64).to(dtype)
    if more.get("rowwise"):
        y = torch.randint(0, outputs, (300,), generator=draw)
    rows = torch.stack([torch.randint(0, 300, (sum(sizes),), generator=draw) for _ in range(members)])
    param = 0.4 * torch.randn(members, parameters, generator=draw, dtype=torch.float64)
    constant = torch.rand(members, constants, generator=draw, dtype=torch.float64) + 0.5
    return Native(layers, param.to(dtype), constant.to(dtype), X.to(dtype), y, rows, columns=COLUMNS, **more)


def starts(sizes=SIZES):
    return [0, *np.cumsum(sizes).tolist()]


def one_alone(
    native, k, *, sizes=SIZES, loss=F.mse_loss, optimizer=None, before=lambda parameters, step: None, first=0
):
    """Member k by torch: its parameters, constants and losses after the steps."""
    param = native.param[k].clone().requires_grad_()
    constant, found = native.constant[k].clone(), []
    optimizer = optimizer([param]) if optimizer else torch.optim.SGD([param], lr=1.0)
    for step, rows in enumerate(native.rows[k].split(list(sizes))):
        x, key = native.X[rows], int(native.numbers.get("key", 0))
        output = output_of(native.layers, native.columns, param, constant, x, train=True, key=key, step=first + step)
        value = loss(output, native.y[rows])
        optimizer.zero_grad()
        value.backward()
        before(param, step)
        optimizer.step()
        found.append(value.item())
    return param.detach(), constant, found


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_trains_as_in_torch(name, threads):
    native = natives(name, members=3, hyper={"lr": 1.0}, numbers={"key": 12345678901234567890})
    truth = [one_alone(native, k) for k in range(3)]
    members = native.run(starts(), threads)
    assert (members["broken_step"] == -1).all()
    for k, (param, constant, losses) in enumerate(truth):
        size = max(1.0, float(param.abs().max()))
        assert float((native.param[k] - param).abs().max()) < 1e-9 * size
        torch.testing.assert_close(native.constant[k], constant, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(native.losses[k], losses, rtol=1e-9)
        assert native.weights[k].tolist() == [size * native.y.shape[1] for size in SIZES]


@pytest.mark.parametrize("name", NETWORKS)
def test_evaluation_is_torchs(name):
    native = natives(name, members=2)
    plan = native.plan()
    for shared, threads in ((True, 1), (False, 2)):
        X = native.X if shared else torch.stack([native.X, native.X.flip(0)])
        output = torch.full((2, 300, plan.outputs), torch.nan, dtype=torch.float64)
        memory = plan.workspace(2, 300, threads).fill_(255)
        plan.forward(native.param, native.constant, X, output, memory, threads)
        for k in range(2):
            x = X if shared else X[k]
            truth = output_of(native.layers, COLUMNS, native.param[k], native.constant[k], x, train=False)
            torch.testing.assert_close(output[k], truth, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["wide", "activations in a row", "codes", "a relu read twice", "layer norm", "gelu"])
def test_threads_change_no_bit(name, dtype):
    found = []
    for threads in (1, 2, 3):
        native = natives(name, members=4, dtype=dtype, hyper={"lr": 0.1}, numbers={"clip_norm": 0.5, "l2": 0.01})
        native.run(starts(), threads)
        found.append((native.param, native.constant, native.losses))
    for param, constant, losses in found[1:]:
        assert torch.equal(param, found[0][0])
        assert torch.equal(constant, found[0][1])
        assert (losses == found[0][2]).all()


def test_a_batch_of_one_and_float32():
    sizes = (1, 1, 3)
    native = natives("residual", dtype=torch.float32, sizes=sizes, hyper={"lr": 0.1})
    whole = natives("residual", sizes=sizes)
    truth, _, losses = one_alone(whole, 0, sizes=sizes, optimizer=lambda p: torch.optim.SGD(p, lr=0.1))
    native.run(starts(sizes), 2)
    torch.testing.assert_close(native.param[0].double(), truth, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(native.losses[0], losses, rtol=1e-4)


def test_adamw_goes_on_from_the_step_where_it_is():
    native = natives("relu", rule="adamw", hyper=ADAMW, numbers={"done": 0})
    truth, _, _ = one_alone(native, 0, optimizer=lambda p: torch.optim.AdamW(p, lr=0.02, weight_decay=0.1))
    native.run(starts())
    torch.testing.assert_close(native.param[0], truth, rtol=1e-9, atol=1e-9)


ADAMW = {"lr": 0.02, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.1}


def test_dropout_draws_by_the_members_own_step():
    native = natives("dropout", hyper={"lr": 1.0}, numbers={"key": 3, "done": 40})
    truth, _, _ = one_alone(native, 0, first=40)
    native.run(starts())
    torch.testing.assert_close(native.param[0], truth, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("bounds", [{"clip_norm": 0.2}, {"clip_value": 0.01}, {"clip_norm": 0.3, "clip_value": 0.02}])
def test_penalties_come_before_the_bounds_of_the_gradient(bounds):
    native = natives("wide", hyper={"lr": 1.0}, numbers={"l1": 0.03, "l2": 0.2, **bounds})
    penalised = (torch.arange(native.param.shape[1]) % 3 > 0).to(torch.uint8)

    def before(param, step):
        param.grad += (0.03 * param.detach().sign() + 0.2 * param.detach()) * penalised
        if "clip_norm" in bounds:
            torch.nn.utils.clip_grad_norm_([param], bounds["clip_norm"])
        if "clip_value" in bounds:
            torch.nn.utils.clip_grad_value_([param], bounds["clip_value"])

    truth, _, losses = one_alone(native, 0, before=before)
    native.run(starts(), 2, penalised)
    torch.testing.assert_close(native.param[0], truth, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(native.losses[0], losses, rtol=1e-9)


def test_rows_count_by_their_weight_and_one_of_weight_zero_not_at_all():
    weight = torch.rand(300, dtype=torch.float64)
    weight[::3] = 0
    native = natives("relu", hyper={"lr": 1.0}, tensors={"row_weight": weight})
    native.y[::3] = torch.nan
    rows = native.rows[0].split(list(SIZES))

    def loss(output, y, *, place=[0]):  # noqa: B006
        own = weight[rows[place[0]]][:, None].expand_as(output)
        place[0] += 1
        return ((output - y.nan_to_num()) ** 2 * own).sum() / own.sum()

    truth, _, losses = one_alone(native, 0, loss=loss)
    native.run(starts())
    torch.testing.assert_close(native.param[0], truth, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(native.losses[0], losses, rtol=1e-9)
    np.testing.assert_allclose(native.weights[0], [3 * float(weight[own].sum()) for own in rows], rtol=1e-12)


def test_class_weights_divide_where_the_loss_says_so():
    classes = torch.tensor([0.2, 1.5, 3.0], dtype=torch.float64)
    native = natives("relu", hyper={"lr": 1.0}, rowwise=True, loss="cross_entropy", tensors={"class_weight": classes})
    truth, _, losses = one_alone(native, 0, loss=lambda o, y: F.cross_entropy(o, y, weight=classes))
    native.run(starts(), 2)
    torch.testing.assert_close(native.param[0], truth, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(native.losses[0], losses, rtol=1e-9)
    rows = native.rows[0].split(list(SIZES))
    np.testing.assert_allclose(native.weights[0], [float(classes[native.y[own]].sum()) for own in rows], rtol=1e-12)


def test_the_schedule_and_the_mean_of_the_weights():
    factors = torch.tensor([0.5, 1.0, 0.25, 2.0], dtype=torch.float64)
    mean = torch.full((1, natives("relu").param.shape[1]), torch.nan, dtype=torch.float64)
    tensors = {"lr_factor": factors, "average": mean}
    native = natives("relu", hyper={"lr": 0.3}, tensors=tensors, numbers={"average_share": 0.2})
    param, kept = native.param[0].clone(), []

    def before(parameter, step):
        kept.append(parameter.detach().clone())
        parameter.grad *= float(factors[step]) * 0.3

    truth, _, _ = one_alone(native, 0, before=before)
    kept.append(truth)
    mean.fill_(0)
    mean[0] = param  # as before the first step
    native.run(starts())
    expected = kept[1]
    for after in kept[2:]:
        expected = expected.lerp(after, 0.2)
    torch.testing.assert_close(native.param[0], truth, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(mean[0], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("threads", [1, 2])
def test_state_and_mean_follow_weights_beyond_a_chunk(threads):
    """Updates go chunk by chunk of 4096 parameters."""
    first = natives("wide", rule="adamw", hyper=ADAMW)
    mean, kept = first.param.clone(), []
    more = {"tensors": {"average": mean}, "numbers": {"average_share": 0.3, "clip_norm": 0.7}}
    native = natives("wide", rule="adamw", hyper=ADAMW, **more)

    def before(parameter, step):
        kept.append(parameter.detach().clone())
        torch.nn.utils.clip_grad_norm_([parameter], 0.7)

    truth, _, _ = one_alone(
        native, 0, optimizer=lambda p: torch.optim.AdamW(p, lr=0.02, weight_decay=0.1), before=before
    )
    native.run(starts(), threads)
    expected = kept[1]
    for after in (*kept[2:], truth):
        expected = expected.lerp(after, 0.3)
    torch.testing.assert_close(native.param[0], truth, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(mean[0], expected, rtol=1e-8, atol=1e-8)


def test_a_row_of_weight_zero_may_have_any_label():
    whole = torch.tensor([0.2, 1.5, 3.0, torch.nan], dtype=torch.float64)  # NaN: behind the last class
    weight = torch.rand(300, dtype=torch.float64)
    weight[::4] = 0
    tensors = {"class_weight": whole[:3], "row_weight": weight}
    native, other = (
        natives("relu", hyper={"lr": 1.0}, rowwise=True, loss="cross_entropy", tensors=tensors) for _ in range(2)
    )
    native.y[::4] = 3
    native.run(starts())
    other.run(starts())
    assert np.isfinite(native.losses).all()
    assert torch.equal(native.param, other.param)
    assert (native.weights == other.weights).all()


@pytest.mark.parametrize("loss", ["mse_loss", "cross_entropy"])
def test_a_batch_of_weight_zero_changes_nothing(loss):
    weight = torch.zeros(300, dtype=torch.float64)
    more = {"rowwise": loss == "cross_entropy", "loss": loss, "tensors": {"row_weight": weight}}
    native = natives("residual", hyper={"lr": 1.0}, **more)
    before = native.param.clone()
    members = native.run(starts(), 2)
    assert members["broken_step"].tolist() == [-1]
    assert torch.equal(native.param, before)
    assert not native.losses.any()
    assert not native.weights.any()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_broken_member_is_named_with_step_and_layer_and_the_others_go_on(threads):
    native, sound = (natives("two heads", members=3, hyper={"lr": 0.1}) for _ in range(2))
    at = native.layers[3]["weight"]
    for one in (native, sound):
        one.rows %= 299
    native.rows[2, 37] = 299  # the first row of the second step
    native.X[299] = 1e200
    native.param[1, at] = torch.inf
    members = native.run(starts(), threads)
    sound.run(starts(), threads)
    assert members["broken_step"].tolist() == [-1, 0, 1]
    assert members["broken_layer"].tolist() == [-1, 3, 7]  # 7, the loss: squares of outputs that are finite
    assert torch.equal(native.param[0], sound.param[0])
    assert np.isfinite(native.losses[0]).all()
    assert np.isnan(native.losses[1, 1:]).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_what_breaks_on_the_way_back_is_named_too(threads):
    narrow = natives("narrow", hyper={"lr": 0.1})
    first, last = narrow.layers[0], narrow.layers[2]
    narrow.param[0] = 0
    narrow.param[0, first["bias"]] = 1e-290
    narrow.param[0, last["weight"]] = 1e300  # an output of 1e10, whose slope times this weight is beyond float64
    assert narrow.run(starts(), threads)["broken_layer"].tolist() == [2]
    flat = natives("linear", hyper={"lr": 0.1})
    flat.param[0], flat.X[:, 0], flat.y[:] = 0, 1e200, -1e150  # the slope times the input is
    assert flat.run(starts(), threads)["broken_layer"].tolist() == [0]


def test_an_input_that_is_not_finite_is_no_layers_fault():
    native = natives("relu", hyper={"lr": 0.1})
    native.X[native.rows[0, 40], 3] = torch.nan
    members = native.run(starts())
    assert (members["broken_step"][0], members["broken_layer"][0]) == (1, -1)
