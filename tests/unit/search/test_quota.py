"""Which losses take part, the default first, and equal trials for each."""

from dataclasses import replace

import pytest
import torch

from losslab.search.quota import candidates, equal_quota, too_few
from losslab.spec.declare import Catalogue
from losslab.spec.interval import REAL, UNIT, Interval
from losslab.spec.record import LossRecord, Parameter
from losslab.train.lookup import default_loss, is_own


def a_loss(name, task, group="", domain=REAL, **facts):
    return LossRecord(
        name=name, rule=lambda input, target: input, kind="rowwise", formula="", source="", tasks=(task,),
        outputs=facts.pop("outputs", "one"), link="identity", target="real", cases=(), parameters={},
        group=group or name, input_domain=domain, **facts,
    )  # fmt: skip


LOSSES = [
    a_loss("focal_loss", "multiclass"),
    a_loss("nll_loss", "multiclass", "cross_entropy", Interval(high=0)),
    a_loss("cross_entropy", "multiclass", "cross_entropy"),
    a_loss("scaled_cross_entropy", "multiclass", "cross_entropy"),
    a_loss("relaxed_loss", "binary", "hinge", outputs="classes"),
    a_loss("hinge_loss", "binary", "hinge"),
    a_loss("binary_cross_entropy", "binary", "bce", UNIT),
    a_loss("binary_cross_entropy_with_logits", "binary", "bce"),
    a_loss("probability_only_loss", "binary", "alone", UNIT),
    a_loss("l1_loss", "regression"),
    a_loss("mse_loss", "regression"),
    a_loss("quantile_loss", "regression"),
]
CATALOGUE = Catalogue({record.name: record for record in LOSSES})


def names(task, losses=None, metric=None):
    return [record.name for record in candidates(task, losses, metric, CATALOGUE).losses]


def test_all_that_fit_one_of_each_group_on_raw_outputs_the_default_first():
    assert names("multiclass") == ["cross_entropy", "focal_loss"]
    assert names("binary") == ["binary_cross_entropy_with_logits", "hinge_loss"]
    assert names("regression") == ["mse_loss", "l1_loss", "quantile_loss"]
    assert candidates("multiclass", catalogue=CATALOGUE).notes == ()


def test_a_loss_that_waits_to_be_named_is_searched_only_then():
    waiting = Catalogue({r.name: replace(r, by_default=r.name != "l1_loss") for r in CATALOGUE.values()})
    assert "l1_loss" not in [r.name for r in candidates("regression", catalogue=waiting).losses]
    assert [r.name for r in candidates("regression", ["l1"], catalogue=waiting).losses] == ["mse_loss", "l1_loss"]


def test_default_depends_on_a_metric_that_is_a_loss_only():
    assert names("regression", metric="pinball")[0] == "quantile_loss"
    assert names("regression", metric=replace(LOSSES[0], name="pinball"))[0] == "quantile_loss"
    assert names("regression", metric="mae")[0] == "mse_loss"
    assert default_loss("multiclass", "pinball", CATALOGUE).name == "cross_entropy"


def test_quantile_loss_starts_at_the_level_of_the_metric():
    level = Parameter(UNIT, search=Interval(0.1, 0.9), default=0.5)
    records = {record.name: record for record in LOSSES}
    records["quantile_loss"] = replace(records["quantile_loss"], parameters={"quantile": level})
    for losses in (None, ["quantile", "l1"]):
        found = candidates("regression", losses, "pinball:0.95", Catalogue(records))
        assert found.default.name == "quantile_loss"
        assert found.default.defaults == {"quantile": 0.95}
        assert found.default.parameters["quantile"].search == Interval(0.1, 0.95)
    for metric in ("pinball", "mae", None):
        (plain,) = [r for r in candidates("regression", None, metric, Catalogue(records)).losses if r.parameters]
        assert plain.parameters["quantile"] == level


def test_named_losses_with_or_without_ending_and_the_default_added():
    found = candidates("regression", ["l1", "quantile_loss"], catalogue=CATALOGUE)
    assert [record.name for record in found.losses] == ["mse_loss", "l1_loss", "quantile_loss"]
    assert found.default.name == "mse_loss"
    assert len(found.notes) == 1
    assert "mse_loss was added" in found.notes[0]
    only = candidates("regression", ["l1", "quantile_loss"], catalogue=CATALOGUE, add_default=False)
    assert [record.name for record in only.losses] == ["l1_loss", "quantile_loss"]
    assert names("regression", ["l1", "mse"]) == ["mse_loss", "l1_loss"]
    assert names("multiclass", "focal-loss") == ["cross_entropy", "focal_loss"]


def test_the_loss_that_a_group_is_called_after_speaks_for_it():
    smooth = a_loss("smooth_l1_loss", "regression", "huber")
    records = [smooth, *LOSSES[-3:], a_loss("huber_loss", "regression", "huber")]
    found = candidates("regression", catalogue=Catalogue({record.name: record for record in records}))
    assert [record.name for record in found.losses] == ["mse_loss", "l1_loss", "quantile_loss", "huber_loss"]


def test_a_model_with_a_head_of_its_own():
    def names_for(outputs, losses=None, records=()):
        catalogue = Catalogue({record.name: record for record in [*LOSSES, *records]})
        found = candidates("binary", losses, catalogue=catalogue, outputs=outputs)
        return [record.name for record in found.losses], found.notes

    two = replace(LOSSES[2], tasks=("binary", "multiclass"), outputs="classes", group="bce")
    lone = a_loss("lone_loss", "binary", outputs="classes")
    assert names_for("classes", None, [two, lone])[0] == ["cross_entropy", "lone_loss", "relaxed_loss"]
    assert names_for("one", None, [two, lone])[0] == ["binary_cross_entropy_with_logits", "hinge_loss"]
    found, notes = names_for("one", ["relaxed_loss", "cross_entropy"], [two])
    assert found == ["binary_cross_entropy_with_logits", "hinge_loss"]
    assert "hinge_loss takes the place of relaxed_loss: the model has one output" in notes
    with pytest.raises(ValueError, match="lone_loss wants an output for each class; the model has one output"):
        names_for("one", ["lone_loss"], [two, lone])
    own = candidates("binary", [lambda input, target: input], outputs="classes").losses[1]
    assert (own.outputs, own.target) == ("classes", "class")


def test_reparametrisations_are_one_loss():
    found = candidates("multiclass", ["scaled_cross_entropy", "focal", "cross_entropy"], catalogue=CATALOGUE)
    assert [record.name for record in found.losses] == ["scaled_cross_entropy", "focal_loss"]
    assert "cross_entropy is left out: up to a reparametrisation it is the same loss as scaled" in found.notes[0]
    twice = candidates("regression", ["mse", "mse_loss"], catalogue=CATALOGUE)
    assert [record.name for record in twice.losses] == ["mse_loss"]
    assert "named twice" in twice.notes[0]


def test_a_spelling_on_probabilities_gives_way_to_raw_outputs():
    found = candidates("multiclass", ["nll_loss", "focal"], catalogue=CATALOGUE)
    assert [record.name for record in found.losses] == ["cross_entropy", "focal_loss"]
    assert "cross_entropy takes the place of nll_loss" in found.notes[0]
    with pytest.raises(ValueError, match=r"probability_only_loss wants inputs in \[0, 1\]; the model gives raw"):
        names("binary", ["probability_only_loss"])


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        (["mse_los"], r"no loss 'mse_los'; nearest: mse_loss"),
        (["focal_loss"], r"focal_loss is for multiclass, the task is regression; what fits: l1_loss, mse_loss, quant"),
        ([], "losses is empty"),
    ],
)
def test_bad_names(losses, message):
    with pytest.raises(ValueError, match=message):
        names("regression", losses)


def test_bad_types():
    with pytest.raises(TypeError, match=r"SmoothL1Loss is a class; pass an instance, SmoothL1Loss\(\)"):
        names("regression", [torch.nn.SmoothL1Loss])
    with pytest.raises(TypeError, match="3 is neither a loss's name nor callable"):
        names("regression", [3])
    with pytest.raises(ValueError, match="task 'ranking' is not one of"):
        names("ranking")


def test_own_losses():
    def mine(input, target):
        return (input - target).abs()

    module = torch.nn.SmoothL1Loss()
    found = candidates("regression", [mine, module, torch.nn.SmoothL1Loss(), mine], catalogue=CATALOGUE)
    assert [record.name for record in found.losses] == ["mse_loss", "mine", "SmoothL1Loss", "SmoothL1Loss_2"]
    assert [is_own(record) for record in found.losses] == [False, True, True, True]
    assert found.losses[1].rule is mine
    assert found.losses[2].rule is module
    assert found.losses[1].parameters == {}
    assert "mine was named twice" in found.notes[1]
    assert found.losses[1](torch.tensor([3.0]), torch.tensor([1.0])) == 2


def test_own_loss_gives_no_probability_unless_it_says_so():
    plain = candidates("multiclass", [lambda input, target: input], catalogue=CATALOGUE).losses[1]
    assert (plain.link, plain.outputs, plain.target, plain.name) == ("arg-max", "classes", "class", "lambda")
    module = torch.nn.CrossEntropyLoss()
    module.link = "softmax"
    assert candidates("multiclass", [module], catalogue=CATALOGUE).losses[1].link == "softmax"
    binary = candidates("binary", [lambda input, target: input], catalogue=CATALOGUE).losses[1]
    assert (binary.outputs, binary.target) == ("one", "probability")


def test_a_record_under_another_name_and_group_is_another_loss():
    again = replace(LOSSES[-2], name="mse_again", group="mse_again", parameters={"x": Parameter(REAL)})
    assert names("regression", [again]) == ["mse_loss", "mse_again"]


def test_equal_quota():
    quota = equal_quota(256, 5)
    assert (quota.each, quota.total, str(quota)) == (51, 255, "255 trials = 5 losses x 51")
    assert str(equal_quota(4000, 1)) == "4,000 trials = 1 loss x 4,000"
    assert equal_quota(5, 5).each == 1
    with pytest.raises(ValueError, match="4 trials are too few for 5 losses"):
        equal_quota(4, 5)


def test_few_trials_and_few_retrainings_are_noted():
    assert too_few(16, 5) == too_few(None, 5) == []
    (trials,) = too_few(15, 5)
    assert trials.startswith("15 trials per loss are few")
    assert too_few(1, 5)[0].startswith("1 trial per loss is few")
    (runs,) = too_few(None, 4)
    assert runs.startswith("4 retrainings are few")
