"""What people do wrong with losses, as they write it: the call, what it raises or warns, and what the text must say."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

import losslab.functional as F
from losslab import nn
from losslab.spec.policy import EmptyLossWarning, LossWarning

NAN, INF = float("nan"), float("inf")


@dataclass(frozen=True)
class Misuse:
    """pain: the row of the list of pains, and what is done. words: what was found, where, and what to do."""

    pain: str
    call: Callable[[], Any]
    kind: type[Exception]
    words: tuple[str, ...]


def flat(*size: int) -> torch.Tensor:
    return torch.linspace(-2, 2, max(1, torch.Size(size).numel())).reshape(size)


def whole(*size: int, classes: int = 3) -> torch.Tensor:
    return torch.arange(torch.Size(size).numel()).reshape(size) % classes


def soft(*size: int, dim: int = 1) -> torch.Tensor:
    return flat(*size).sin().softmax(dim)


def error(pain: str, call: Callable[[], Any], *words: str) -> Misuse:
    return Misuse(pain, call, ValueError, words)


def wrong_type(pain: str, call: Callable[[], Any], *words: str) -> Misuse:
    return Misuse(pain, call, TypeError, words)


def smell(pain: str, call: Callable[[], Any], *words: str) -> Misuse:
    return Misuse(pain, call, LossWarning, words)


YES = torch.tensor([1.0, 0.0] * 16)
CTC = (flat(5, 2, 4).log_softmax(-1), torch.tensor([[1, 2, 3], [1, 1, 2]]))
META = {"device": "meta"}

SHAPES = (
    error("1 column against row", lambda: F.mse_loss(flat(32, 1), flat(32)), "(32, 1)", "(32,)", "1024 pairs",
          "input.squeeze(1) or target.unsqueeze(1)"),
    error("1 in a likelihood", lambda: F.gaussian_nll_loss(flat(8, 1), flat(8), torch.ones(8, 1)), "input.squeeze(1)"),
    error("1 signs of pairs", lambda: F.cosine_embedding_loss(flat(8, 4), flat(8, 4), torch.ones(8, 1)), "(8, 1)",
          "Use target.squeeze(1)"),
    error("1 sample_weight", lambda: F.mse_loss(flat(8, 1), flat(8, 1), sample_weight=torch.ones(8)), "sample_weight",
          "(8,)", "(8, 1)"),
    error("1 mask", lambda: F.cross_entropy(flat(8, 3), whole(8), mask=torch.ones(8, 1) > 0), "mask", "(8, 1)", "(8,)"),
    error("16 pos_weight of a picture", lambda: F.binary_cross_entropy_with_logits(
        flat(2, 3, 4, 4), torch.ones(2, 3, 4, 4), pos_weight=torch.ones(3)), "(3,)", "pos_weight.reshape(-1, 1, 1)"),
    error("16 weight for each row", lambda: F.binary_cross_entropy_with_logits(
        flat(8, 3), torch.ones(8, 3), weight=torch.ones(8)), "(8,)", "sample_weight=weight[:, None]"),
    error("16 weight of classes", lambda: F.cross_entropy(flat(8, 3), whole(8), weight=torch.ones(8)), "(8,)", "(3,)",
          "For a weight per sample use sample_weight"),
    wrong_type("16 weight as a list", lambda: F.cross_entropy(flat(8, 3), whole(8), weight=[1.0, 2.0, 3.0]),
               "found list", "torch.tensor(weight)"),
    smell("16 weight below 0", lambda: F.cross_entropy(flat(8, 3), whole(8), weight=torch.tensor([1.0, -2.0, 1.0])),
          "weight holds -2", "give it weight 0"),
    smell("16 sample_weight below 0", lambda: F.mse_loss(flat(2), YES[:2], sample_weight=torch.tensor([1.0, -0.5])),
          "sample_weight holds -0.5"),
    error("22 boxes in columns", lambda: F.giou_loss(flat(4, 7), flat(4, 7)), "(4, 7)", "input.transpose(0, 1)"),
    error("22 corners", lambda: F.giou_loss(torch.tensor([[0.5, 0.5, 0.2, 0.2]]), torch.tensor([[0.0, 0, 1, 1]])),
          "x1 <= x2", "[0] is (0.5, 0.5, 0.2, 0.2)", "x - w / 2"),
    error("23 class weights turned", lambda: F.arcface_loss(flat(8, 4), flat(4, 3), whole(8)), "(4, 3)",
          "weight.transpose(0, 1)"),
)  # fmt: skip

CLASSES = (
    error("3 float labels", lambda: F.cross_entropy(flat(8, 3), whole(8).float()), "float32", "target.long()"),
    error("3 column of labels", lambda: F.cross_entropy(flat(8, 3), whole(8, 1)), "(8, 1)", "target.squeeze(1)"),
    error("3 column of floats", lambda: F.cross_entropy(flat(8, 3), whole(8, 1).float()), "target.squeeze(1).long()"),
    error("3 one-hot", lambda: F.focal_loss(flat(8, 3), torch.eye(3)[whole(8)]), "(8, 3)", "target.argmax(1)"),
    error("3 whole one-hot", lambda: F.cross_entropy(flat(8, 3), torch.eye(3)[whole(8)].long()), "target.argmax(1)",
          "target.float()"),
    error("3 classes last", lambda: F.cross_entropy(flat(4, 9, 12), whole(4, 9)), "9 classes in dimension 1",
          "class_dim=-1"),
    error("3 classes last, dice", lambda: F.dice_loss(flat(2, 6, 7, 3), whole(2, 6, 7)), "class_dim=-1"),
    error("3 distributions last", lambda: F.cross_entropy(flat(2, 4, 5), soft(2, 4, 5, dim=2)), "sum to one",
          "is class_dim right?"),
    error("3 one score", lambda: F.cross_entropy(flat(8, 1), whole(8, classes=2)), "1 class,",
          "binary_cross_entropy_with_logits"),
    error("3 scores without classes", lambda: F.cross_entropy(flat(8), whole(8)), "binary_cross_entropy_with_logits"),
    error("3 two scores", lambda: F.binary_cross_entropy_with_logits(flat(8, 2), YES[:8]), "(8, 2)",
          "cross_entropy(input, target.long())"),
    wrong_type("3 swapped", lambda: F.cross_entropy(whole(8), flat(8, 3)), "int64", "are input and target swapped"),
    smell("3 swapped probabilities", lambda: F.binary_cross_entropy(YES, flat(32).sigmoid()), "swapped?"),
    error("13 void label", lambda: F.cross_entropy(flat(1, 21, 2, 2), torch.full((1, 2, 2), 255)),
          "label 255 at [0, 0, 0]", "21 classes", "0 to 20", "ignore_index=255"),
    error("13 labels from 1", lambda: F.cross_entropy(flat(6, 3), 1 + whole(6)), "label 3 at [2]", "use target - 1"),
    error("13 in a margin", lambda: F.arcface_loss(flat(2, 4), flat(3, 4), torch.tensor([0, 3])), "target 3 at [1]"),
    wrong_type("13 several ignored", lambda: F.cross_entropy(flat(8, 3), whole(8), ignore_index=[1, 2]), "[1, 2]",
               "mask="),
    Misuse("8 all ignored", lambda: F.cross_entropy(flat(8, 3), torch.full((8,), -100)), EmptyLossWarning,
           ("nothing to average", 'empty="nan"')),
)  # fmt: skip

VALUES = (
    smell("2 softmax twice", lambda: F.cross_entropy(soft(8, 10), whole(8)), "softmax was applied already", "1.4612",
          "10 classes", "before softmax"),
    smell("2 sigmoid twice", lambda: F.binary_cross_entropy_with_logits(flat(32).sigmoid(), YES), "0.3133", "0.6931",
          "before the sigmoid"),
    smell("2 of a student", lambda: F.distillation_loss(soft(4, 3), flat(4, 3)), "input sums to one", "before softmax"),
    smell("2 of a teacher", lambda: F.distillation_loss(flat(4, 3), soft(4, 3)), "teacher sums to one"),
    smell("9 mean of kl_div", lambda: F.kl_div(soft(4, 3).log(), soft(4, 3)), 'reduction="batchmean"'),
    smell("9 probabilities", lambda: F.kl_div(soft(4, 3), soft(4, 3), reduction="batchmean"), "log-probabilities",
          "largest value is 0.", "apply log_softmax"),
    error("9 swapped", lambda: F.kl_div(soft(4, 3), soft(4, 3).log()), "smallest value is -", "log_target=True"),
    smell("9 no distribution", lambda: F.kl_div(soft(4, 3).log(), flat(4, 3).sigmoid(), reduction="sum"),
          "do not sum to one"),
    smell("10 probabilities", lambda: F.nll_loss(soft(4, 3), whole(4)), "log-probabilities", "or use cross_entropy"),
    error("12 logits", lambda: F.binary_cross_entropy(flat(32), YES), "from -2 to 2", "24 outside", "at [0]",
          "Apply a sigmoid"),
    error("12 log-probabilities", lambda: F.binary_cross_entropy(flat(32).sigmoid().log(), YES), "input.exp()"),
    error("12 NaN", lambda: F.binary_cross_entropy(torch.tensor([0.5, NAN]), YES[:2]), "1 outside", "nan at [1]"),
    error("12 picture of 255", lambda: F.sigmoid_dice_loss(flat(1, 1, 4), 255 * YES[:4].reshape(1, 1, 4)),
          "from 0 to 255", "target / 255"),
    error("14 signs", lambda: F.hinge_loss(flat(32), 2 * YES - 1), "from -1 to 1", "(target + 1) / 2"),
    error("14 signs of pairs", lambda: F.contrastive_loss(flat(4, 3), flat(4, 3), 2 * YES[:4] - 1), "-1 at [1]",
          "(target + 1) / 2"),
    *(smell(f"14 {loss.__name__}", lambda loss=loss, given=given: loss(*given, YES), "holds 0 and 1", "2 * target - 1")
      for loss, given in ((F.soft_margin_loss, (flat(32),)), (F.hinge_embedding_loss, (flat(32),)),
                          (F.margin_ranking_loss, (flat(32), flat(32))),
                          (F.cosine_embedding_loss, (flat(32, 3), flat(32, 3))))),
    smell("5 NaN", lambda: F.cross_entropy(torch.tensor([[0.0, NAN]]), whole(1)), "input holds NaN (1 of 2",
          "at [0, 1]", "learning rate"),
    smell("5 NaN in the data", lambda: F.mse_loss(flat(2), torch.tensor([0.0, NAN])), "target holds NaN", "at [1]",
          "mask"),
    smell("5 NaN in a set", lambda: F.triplet_margin_loss(flat(2, 2), flat(2, 2) * NAN, flat(2, 2)),
          "positive holds NaN (4 of 4"),
    smell("5 infinite score", lambda: F.cross_entropy(torch.tensor([[0.0, INF]]), whole(1)), "infinite score", "-inf"),
)  # fmt: skip

SETS = (
    smell("15 infeasible", lambda: F.ctc_loss(*CTC, [5, 3], [3, 3]), "samples 1", "3 frames", "zero_infinity=True"),
    error("15 blank", lambda: F.ctc_loss(CTC[0], CTC[1] - 1, [5, 5], [3, 3]), "blank 0 at [0, 0]", "another class"),
    error("15 too long", lambda: F.ctc_loss(*CTC, [6, 5], [3, 3]), "input_lengths[0] is 6", "0 to 5"),
    error("15 batch first", lambda: F.ctc_loss(CTC[0].transpose(0, 1), CTC[1], [5, 5], [3, 3]),
          "log_probs.transpose(0, 1)"),
    wrong_type("15 one length", lambda: F.ctc_loss(*CTC, 5, [3, 3]), "input_lengths", "a length for each row"),
    smell("15 scores", lambda: F.ctc_loss(CTC[0] + 3, CTC[1], [5, 5], [3, 3]), "log_softmax"),
    smell("22 softmax before dice", lambda: F.dice_loss(soft(2, 3, 4), whole(2, 4)), "from_logits=False"),
    smell("22 sigmoid before dice", lambda: F.sigmoid_dice_loss(flat(1, 1, 32).sigmoid(), YES.reshape(1, 1, 32)),
          "from_logits=False"),
    error("22 scores to dice", lambda: F.dice_loss(flat(2, 3, 4), whole(2, 4), from_logits=False), "from -2 to 2",
          "Leave it at True"),
    smell("22 sigmoid before a hinge", lambda: F.lovasz_hinge_loss(flat(1, 32).sigmoid(), YES[None]), "before it"),
    smell("23 collapse", lambda: F.triplet_margin_loss(*[torch.ones(4, 3)] * 3), "12 rows", "collapsed"),
    smell("23 no pairs", lambda: F.supcon_loss(flat(4, 3), whole(4, classes=4)), "no two rows share a label"),
    smell("23 a scale", lambda: F.clip_loss(flat(4, 3), flat(4, 3).cos(), temperature=100), "temperature of 100",
          "pass 0.01"),
    smell("no events", lambda: F.cox_loss(flat(4), 3 + flat(4), torch.zeros(4)), "no row", "larger batches"),
    *(smell(f"no order, {loss.__name__}", lambda loss=loss: loss(flat(2, 4), torch.ones(2, 4)), "no order to learn")
      for loss in (F.ranknet_loss, F.lambdarank_loss, F.listnet_loss, F.listmle_loss, F.approx_ndcg_loss)),
)  # fmt: skip

CALLS = (
    *(wrong_type(f"28 {key}", lambda key=key: F.mse_loss(flat(3), flat(3), **{key: False}), key, 'reduction="mean"')
      for key in ("size_average", "reduce")),
    wrong_type("28 module", lambda: nn.MSELoss(size_average=False), "MSELoss", 'reduction="mean"'),
    wrong_type("28 by position", lambda: F.mse_loss(flat(3), flat(3), True), "by position", "reduction=..."),
    error("28 other word", lambda: F.mse_loss(flat(3), flat(3), reduction="elementwise_mean"), "'mean', 'sum', 'none'"),
    wrong_type("square brackets", lambda: nn.L1Loss()[flat(3), flat(3)], "round brackets", "loss(input, target)"),
    wrong_type("tensors to the class", lambda: nn.L1Loss(flat(3), flat(3)), "L1Loss()(input, target)"),
    wrong_type("tensors for sizes", lambda: nn.ArcFaceLoss(flat(3, 3), whole(3)), "in_features is a Tensor",
               "ArcFaceLoss(in_features, num_classes, ...)"),
    wrong_type("option in the call", lambda: nn.L1Loss()(flat(3), flat(3), reduction="sum"), "L1Loss(reduction=...)"),
    wrong_type("mask of numbers", lambda: F.mse_loss(flat(3), flat(3), mask=torch.ones(3)), "float32", "mask.bool()"),
    wrong_type("model's answer", lambda: F.cross_entropy({"logits": flat(2, 3)}, whole(2)), "dict", "input['logits']"),
    wrong_type("tuple", lambda: F.triplet_margin_loss((flat(2, 3), 1), flat(2, 3), flat(2, 3)), "anchor[0]"),
    Misuse("typing error", lambda: F.cros_entropy, AttributeError, ("did you mean cross_entropy?",)),
    Misuse("typing error, module", lambda: nn.CrossEntrpyLoss, AttributeError, ("did you mean CrossEntropyLoss?",)),
    error("bounds", lambda: F.quantile_loss(flat(3), flat(3), quantile=90), "quantile = 90", "(0, 1)"),
    error("devices", lambda: F.cross_entropy(flat(4, 3), torch.zeros(4, **META).long()), "input is on cpu",
          "target on meta", "target.to(input.device)"),
    error("devices, weight", lambda: F.cross_entropy(flat(4, 3), whole(4), weight=torch.ones(3, **META)),
          "weight.to(input.device)"),
    error("devices, of three", lambda: F.triplet_margin_loss(flat(4, 3), flat(4, 3), torch.ones(4, 3, **META)),
          "anchor is on cpu", "negative.to(anchor.device)"),
    Misuse("empty batch", lambda: F.mse_loss(flat(3)[:0], flat(3)[:0]), EmptyLossWarning, ("the batch is empty",)),
    error("no classes", lambda: F.cross_entropy(torch.zeros(3, 0), whole(3)), "(3, 0)", "no classes"),
    error("no dimension", lambda: F.cross_entropy(torch.tensor(1.0), torch.tensor(0)), "(C), (N, C)"),
)  # fmt: skip

TABLES = (SHAPES, CLASSES, VALUES, SETS, CALLS)
