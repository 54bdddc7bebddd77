# Written by `make stubs` from the declared losses, beside torch 2.13: change a loss, not this file.
# ruff: noqa: E501, F401, I001 -- summaries are as long as they are, imports the same in every file

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from losslab.spec.reduction import Empty, Normalize, Reduction
from torch.nn.functional import GRID_SAMPLE_INTERPOLATION_MODES as GRID_SAMPLE_INTERPOLATION_MODES
from torch.nn.functional import GRID_SAMPLE_PADDING_MODES as GRID_SAMPLE_PADDING_MODES
from torch.nn.functional import ScalingType as ScalingType
from torch.nn.functional import SwizzleType as SwizzleType
from torch.nn.functional import adaptive_avg_pool1d as adaptive_avg_pool1d
from torch.nn.functional import adaptive_avg_pool2d as adaptive_avg_pool2d
from torch.nn.functional import adaptive_avg_pool3d as adaptive_avg_pool3d
from torch.nn.functional import adaptive_max_pool1d as adaptive_max_pool1d
from torch.nn.functional import adaptive_max_pool1d_with_indices as adaptive_max_pool1d_with_indices
from torch.nn.functional import adaptive_max_pool2d as adaptive_max_pool2d
from torch.nn.functional import adaptive_max_pool2d_with_indices as adaptive_max_pool2d_with_indices
from torch.nn.functional import adaptive_max_pool3d as adaptive_max_pool3d
from torch.nn.functional import adaptive_max_pool3d_with_indices as adaptive_max_pool3d_with_indices
from torch.nn.functional import affine_grid as affine_grid
from torch.nn.functional import alpha_dropout as alpha_dropout
from torch.nn.functional import assert_int_or_pair as assert_int_or_pair
from torch.nn.functional import avg_pool1d as avg_pool1d
from torch.nn.functional import avg_pool2d as avg_pool2d
from torch.nn.functional import avg_pool3d as avg_pool3d
from torch.nn.functional import batch_norm as batch_norm
from torch.nn.functional import bilinear as bilinear
from torch.nn.functional import celu as celu
from torch.nn.functional import celu_ as celu_
from torch.nn.functional import channel_shuffle as channel_shuffle
from torch.nn.functional import conv1d as conv1d
from torch.nn.functional import conv2d as conv2d
from torch.nn.functional import conv3d as conv3d
from torch.nn.functional import conv_tbc as conv_tbc
from torch.nn.functional import conv_transpose1d as conv_transpose1d
from torch.nn.functional import conv_transpose2d as conv_transpose2d
from torch.nn.functional import conv_transpose3d as conv_transpose3d
from torch.nn.functional import cosine_similarity as cosine_similarity
from torch.nn.functional import dropout as dropout
from torch.nn.functional import dropout1d as dropout1d
from torch.nn.functional import dropout2d as dropout2d
from torch.nn.functional import dropout3d as dropout3d
from torch.nn.functional import elu as elu
from torch.nn.functional import elu_ as elu_
from torch.nn.functional import embedding as embedding
from torch.nn.functional import embedding_bag as embedding_bag
from torch.nn.functional import feature_alpha_dropout as feature_alpha_dropout
from torch.nn.functional import fold as fold
from torch.nn.functional import fractional_max_pool2d as fractional_max_pool2d
from torch.nn.functional import fractional_max_pool2d_with_indices as fractional_max_pool2d_with_indices
from torch.nn.functional import fractional_max_pool3d as fractional_max_pool3d
from torch.nn.functional import fractional_max_pool3d_with_indices as fractional_max_pool3d_with_indices
from torch.nn.functional import gelu as gelu
from torch.nn.functional import glu as glu
from torch.nn.functional import grid_sample as grid_sample
from torch.nn.functional import group_norm as group_norm
from torch.nn.functional import grouped_mm as grouped_mm
from torch.nn.functional import gumbel_softmax as gumbel_softmax
from torch.nn.functional import hardshrink as hardshrink
from torch.nn.functional import hardsigmoid as hardsigmoid
from torch.nn.functional import hardswish as hardswish
from torch.nn.functional import hardtanh as hardtanh
from torch.nn.functional import hardtanh_ as hardtanh_
from torch.nn.functional import instance_norm as instance_norm
from torch.nn.functional import interpolate as interpolate
from torch.nn.functional import layer_norm as layer_norm
from torch.nn.functional import leaky_relu as leaky_relu
from torch.nn.functional import leaky_relu_ as leaky_relu_
from torch.nn.functional import linear as linear
from torch.nn.functional import local_response_norm as local_response_norm
from torch.nn.functional import log_softmax as log_softmax
from torch.nn.functional import lp_pool1d as lp_pool1d
from torch.nn.functional import lp_pool2d as lp_pool2d
from torch.nn.functional import lp_pool3d as lp_pool3d
from torch.nn.functional import max_pool1d as max_pool1d
from torch.nn.functional import max_pool1d_with_indices as max_pool1d_with_indices
from torch.nn.functional import max_pool2d as max_pool2d
from torch.nn.functional import max_pool2d_with_indices as max_pool2d_with_indices
from torch.nn.functional import max_pool3d as max_pool3d
from torch.nn.functional import max_pool3d_with_indices as max_pool3d_with_indices
from torch.nn.functional import max_unpool1d as max_unpool1d
from torch.nn.functional import max_unpool2d as max_unpool2d
from torch.nn.functional import max_unpool3d as max_unpool3d
from torch.nn.functional import mish as mish
from torch.nn.functional import multi_head_attention_forward as multi_head_attention_forward
from torch.nn.functional import native_channel_shuffle as native_channel_shuffle
from torch.nn.functional import normalize as normalize
from torch.nn.functional import one_hot as one_hot
from torch.nn.functional import pad as pad
from torch.nn.functional import pairwise_distance as pairwise_distance
from torch.nn.functional import pdist as pdist
from torch.nn.functional import pixel_shuffle as pixel_shuffle
from torch.nn.functional import pixel_unshuffle as pixel_unshuffle
from torch.nn.functional import prelu as prelu
from torch.nn.functional import relu as relu
from torch.nn.functional import relu6 as relu6
from torch.nn.functional import relu_ as relu_
from torch.nn.functional import rms_norm as rms_norm
from torch.nn.functional import rrelu as rrelu
from torch.nn.functional import rrelu_ as rrelu_
from torch.nn.functional import scaled_dot_product_attention as scaled_dot_product_attention
from torch.nn.functional import scaled_mm as scaled_mm
from torch.nn.functional import selu as selu
from torch.nn.functional import selu_ as selu_
from torch.nn.functional import sigmoid as sigmoid
from torch.nn.functional import silu as silu
from torch.nn.functional import softmax as softmax
from torch.nn.functional import softmin as softmin
from torch.nn.functional import softplus as softplus
from torch.nn.functional import softshrink as softshrink
from torch.nn.functional import softsign as softsign
from torch.nn.functional import tanh as tanh
from torch.nn.functional import tanhshrink as tanhshrink
from torch.nn.functional import threshold as threshold
from torch.nn.functional import unfold as unfold
from torch.nn.functional import upsample as upsample
from torch.nn.functional import upsample_bilinear as upsample_bilinear
from torch.nn.functional import upsample_nearest as upsample_nearest

def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    label_smoothing: float | Tensor = 0.0,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Log loss of softmax scores; targets are classes or distributions over them."""

def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Log loss of log-probabilities; with scores at hand, prefer cross_entropy."""

def poly1_cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    epsilon: float | Tensor = 1.0,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Cross-entropy plus `epsilon` times the probability of error: above 0, rows that are nearly right pull harder."""

def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: float | Tensor = 1,
    margin: float | Tensor = 1.0,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """How far each other class comes within `margin` of the target's, to the power `p` (1 and 2 in torch)."""

def generalized_cross_entropy(
    input: Tensor,
    target: Tensor,
    *,
    q: float | Tensor = 0.7,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Between cross-entropy (`q` near 0) and the probability of error (`q` = 1), which wrong labels do not mislead."""

def class_absolute_error_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Absolute error of the probabilities: labels that are wrong at random, evenly over the classes, do not bend it."""

def reverse_cross_entropy_loss(
    input: Tensor,
    target: Tensor,
    *,
    log_zero: float | Tensor = -9.210340371976182,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Cross-entropy with label and prediction swapped, where `log_zero` (A) stands for the logarithm of a label of 0."""

def symmetric_cross_entropy_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 0.1,
    beta: float | Tensor = 1.0,
    log_zero: float | Tensor = -9.210340371976182,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """`alpha` times cross-entropy, which learns, plus `beta` times reverse cross-entropy, which forgives wrong labels."""

def jensen_shannon_cross_entropy_loss(
    input: Tensor,
    target: Tensor,
    *,
    label_share: float | Tensor = 0.5,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Scaled Jensen-Shannon divergence: from cross-entropy (`label_share` near 0) to half the absolute error (near 1)."""

def normalized_cross_entropy_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Cross-entropy divided by its sum over all labels that the row could have had: between 0 and 1."""

def nce_and_rce_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 1.0,
    beta: float | Tensor = 1.0,
    log_zero: float | Tensor = -9.210340371976182,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """`alpha` times normalised cross-entropy (active: lifts the label) plus `beta` times the reverse one (passive)."""

def nce_and_mae_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 1.0,
    beta: float | Tensor = 1.0,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """`alpha` times normalised cross-entropy (active: lifts the label) plus `beta` times absolute error (passive)."""

def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Log loss of probabilities, with the exact slope at both ends; with logits at hand, prefer the loss on logits."""

def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    pos_weight: float | Tensor | None = 1.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Log loss of logits; `pos_weight` times more for the yes targets, one number or one for each column."""

def sigmoid_brier_loss(
    input: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Squared error of the probability, from a logit: from 0 to 1, so a wrong label costs no more than 1."""

def brier_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Squared error of the probabilities, summed over the classes: from 0 to 2."""

def taylor_cross_entropy_loss(
    input: Tensor,
    target: Tensor,
    *,
    order: float | Tensor = 2.0,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """The first `order` terms of cross-entropy's Taylor series in 1 - p, which stays bounded for wrong labels."""

def distribution_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Cross-entropy with the two bins between which the target lies, each the nearer the more."""

def dice_loss(
    input: Tensor,
    target: Tensor,
    *,
    smooth: float | Tensor = 1e-05,
    squared: bool = False,
    classes: str = "all",
    from_logits: bool = True,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """One minus the overlap of prediction and target of each class and image, after a softmax over the classes."""

def sigmoid_dice_loss(
    input: Tensor,
    target: Tensor,
    *,
    smooth: float | Tensor = 1e-05,
    squared: bool = False,
    classes: str = "all",
    from_logits: bool = True,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """One minus the overlap of prediction and target of each channel and image, after a sigmoid of each score."""

def generalized_dice_loss(
    input: Tensor,
    target: Tensor,
    *,
    smooth: float | Tensor = 1e-05,
    weighting: str = "square",
    from_logits: bool = True,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Dice over all classes of an image at once, where a class counts by one over its squared number of pixels."""

def log_cosh_dice_loss(
    input: Tensor,
    target: Tensor,
    *,
    smooth: float | Tensor = 1e-05,
    squared: bool = False,
    classes: str = "all",
    from_logits: bool = True,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The log-cosh of the Dice loss of each class and image: about half its square, so gentle near the end."""

def jaccard_loss(
    input: Tensor,
    target: Tensor,
    *,
    smooth: float | Tensor = 1e-05,
    squared: bool = False,
    classes: str = "all",
    from_logits: bool = True,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """One minus intersection over union of prediction and target of each class and image, after a softmax."""

def sigmoid_jaccard_loss(
    input: Tensor,
    target: Tensor,
    *,
    smooth: float | Tensor = 1e-05,
    squared: bool = False,
    classes: str = "all",
    from_logits: bool = True,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """One minus intersection over union of each channel and image, after a sigmoid of each score."""

def tversky_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 0.5,
    beta: float | Tensor = 0.5,
    smooth: float | Tensor = 1e-05,
    classes: str = "all",
    from_logits: bool = True,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The overlap loss in which `alpha` is the price of a false positive and `beta` of a false negative."""

def sigmoid_tversky_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 0.5,
    beta: float | Tensor = 0.5,
    smooth: float | Tensor = 1e-05,
    classes: str = "all",
    from_logits: bool = True,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The Tversky loss of each channel and image, after a sigmoid of each score."""

def focal_tversky_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 0.3,
    beta: float | Tensor = 0.7,
    gamma: float | Tensor = 0.75,
    smooth: float | Tensor = 1e-05,
    classes: str = "all",
    from_logits: bool = True,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The Tversky loss of each class and image to the power `gamma`: below 1, a class that is nearly right still pulls."""

def iou_loss(
    input: Tensor,
    target: Tensor,
    *,
    eps: float | Tensor = 0.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """One minus intersection over union of each predicted box and its target."""

def giou_loss(
    input: Tensor,
    target: Tensor,
    *,
    eps: float | Tensor = 0.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The IoU loss, plus the share of the hull that is in neither box, so that boxes apart come together."""

def diou_loss(
    input: Tensor,
    target: Tensor,
    *,
    eps: float | Tensor = 0.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The IoU loss, plus the squared distance of the centres over the squared diagonal of the hull."""

def ciou_loss(
    input: Tensor,
    target: Tensor,
    *,
    eps: float | Tensor = 0.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The DIoU loss, plus a penalty for another ratio of width to height, which counts more the better boxes overlap."""

def eiou_loss(
    input: Tensor,
    target: Tensor,
    *,
    eps: float | Tensor = 0.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The DIoU loss, plus the squared differences of the widths and of the heights, over those of the hull."""

def siou_loss(
    input: Tensor,
    target: Tensor,
    *,
    theta: float | Tensor = 4.0,
    eps: float | Tensor = 0.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The IoU loss, plus costs of distance and shape; the distance counts less where the centres lie on a diagonal."""

def alpha_iou_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 3.0,
    eps: float | Tensor = 0.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """One minus a power of the IoU: above 1, boxes that fit well already pull more."""

def sigmoid_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 0.25,
    gamma: float | Tensor = 2.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Log loss times the `gamma`-th power of the error's probability; yes targets weigh `alpha`, others the rest to 1."""

def focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    gamma: float | Tensor = 2.0,
    label_smoothing: float | Tensor = 0.0,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Cross-entropy times the `gamma`-th power of the error's probability; `weight` plays the part of alpha."""

def poly1_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    epsilon: float | Tensor = 1.0,
    gamma: float | Tensor = 2.0,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Focal loss whose first term in 1 - p is weighted anew: `epsilon` below 0 leaves it out, above 0 pulls harder."""

def asymmetric_loss(
    input: Tensor,
    target: Tensor,
    *,
    gamma_neg: float | Tensor = 4.0,
    gamma_pos: float | Tensor = 1.0,
    clip: float | Tensor = 0.05,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Focal loss with a power of its own for no targets, which cost nothing while their probability is below `clip`."""

def confidence_penalty_loss(
    input: Tensor,
    target: Tensor,
    *,
    beta: float | Tensor = 0.1,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Cross-entropy less `beta` times the entropy of the prediction: being sure costs something by itself."""

def margin_label_smoothing_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float | Tensor = 10.0,
    penalty: float | Tensor = 0.1,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Cross-entropy plus `penalty` for each score that is more than `margin` below the highest (MbLS)."""

def dual_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    gamma: float | Tensor = 2.0,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Focal loss that also looks at the best class below the target's: a row counts more while the two are close."""

def sample_dependent_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    gamma_hard: float | Tensor = 5.0,
    gamma_easy: float | Tensor = 3.0,
    threshold: float | Tensor = 0.2,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Focal loss with a power of its own for rows whose target has a probability below `threshold` (FLSD-53)."""

def label_relaxation_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 0.1,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Nothing while the target's probability is at least 1 - `alpha`; below, the divergence from the nearest such one."""

def arcface_loss(
    input: Tensor,
    weight: Tensor,
    target: Tensor,
    *,
    scale: float | Tensor = 64.0,
    margin: float | Tensor = 0.5,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Cross-entropy over cosines with class centres, after the angle to the row's own class was widened by `margin`."""

def cosface_loss(
    input: Tensor,
    weight: Tensor,
    target: Tensor,
    *,
    scale: float | Tensor = 64.0,
    margin: float | Tensor = 0.35,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Cross-entropy over cosines with class centres, after that of the row's own class was lowered by `margin`."""

def sphereface_loss(
    input: Tensor,
    weight: Tensor,
    target: Tensor,
    *,
    scale: float | Tensor = 1.0,
    margin: float | Tensor = 4.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Cross-entropy over cosines times the row's length, after the angle to its own class was multiplied by `margin`."""

def sub_center_arcface_loss(
    input: Tensor,
    weight: Tensor,
    target: Tensor,
    *,
    scale: float | Tensor = 64.0,
    margin: float | Tensor = 0.5,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """`arcface_loss` with several centres for each class, of which the nearest counts: wrong labels get their own."""

def class_balanced_loss(
    input: Tensor,
    target: Tensor,
    *,
    class_counts: Tensor,
    beta: float | Tensor = 0.999,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Cross-entropy with classes weighted by one over how many different rows they have, in effect."""

def balanced_softmax_loss(
    input: Tensor,
    target: Tensor,
    *,
    class_counts: Tensor,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Cross-entropy of scores to which the logarithms of the counts are added, for training only."""

def logit_adjusted_loss(
    input: Tensor,
    target: Tensor,
    *,
    class_counts: Tensor,
    tau: float | Tensor = 1.0,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Cross-entropy of scores plus `tau` times the logarithms of the counts: rare classes must win by more."""

def ldam_loss(
    input: Tensor,
    target: Tensor,
    *,
    class_counts: Tensor,
    max_margin: float | Tensor = 0.5,
    scale: float | Tensor = 30.0,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Cross-entropy with a margin that is larger for rare classes: `max_margin` for the rarest."""

def contrastive_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    *,
    margin: float | Tensor = 1.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Pairs with target 1 are pulled together; pairs with target 0 are pushed apart until they are `margin` apart."""

def n_pair_loss(
    anchor: Tensor,
    positive: Tensor,
    target: Tensor | None = None,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Each anchor's product with its own positive should exceed those with the other anchors' positives."""

def lifted_structure_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float | Tensor = 1.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Each pair of one label should be nearer than all negatives of both, of which the near ones count most."""

def multi_similarity_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 2.0,
    beta: float | Tensor = 50.0,
    base: float | Tensor = 0.5,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Cosines of one label are pushed above `base`, those of two below; the hardest of each count most."""

def circle_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float | Tensor = 0.25,
    gamma: float | Tensor = 80.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Cosines of one label should exceed those of two; what is farther from its optimum is moved faster."""

def batch_hard_triplet_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float | Tensor = 0.2,
    soft: bool = False,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The farthest row of an anchor's label should be nearer to it than the nearest of another, by `margin`."""

def smooth_ap_loss(
    input: Tensor,
    target: Tensor,
    *,
    temperature: float | Tensor = 0.01,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """One minus the average precision with which each row finds the others of its label, by smoothed ranks."""

def info_nce_loss(
    query: Tensor,
    positive: Tensor,
    negatives: Tensor | None = None,
    *,
    temperature: float | Tensor = 0.1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Each query should be nearer, by cosine, to its own positive than to the negatives."""

def nt_xent_loss(
    input1: Tensor,
    input2: Tensor,
    *,
    temperature: float | Tensor = 0.5,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Two views of a sample should be nearer to each other than to all views of the other samples (SimCLR)."""

def supcon_loss(
    input: Tensor,
    target: Tensor,
    *,
    temperature: float | Tensor = 0.1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Rows of one label should be nearer to each other than to the rest: `nt_xent_loss` with labels."""

def clip_loss(
    image: Tensor,
    text: Tensor,
    *,
    temperature: float | Tensor = 0.07,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Each image should find its text among the batch's texts, and each text its image."""

def siglip_loss(
    image: Tensor,
    text: Tensor,
    *,
    temperature: float | Tensor = 0.1,
    bias: float | Tensor = -10.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Every image and text of the batch are asked whether they belong together, each pair by itself."""

def js_divergence_loss(
    input: Tensor,
    target: Tensor,
    *,
    beta: float | Tensor = 0.5,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Jensen-Shannon divergence: how far both distributions are from their mixture, in nats; never above ln 2."""

def total_variation_loss(
    input: Tensor,
    target: Tensor,
    *,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The largest difference that two distributions give to the probability of any event: half the sum of differences."""

def hellinger_loss(
    input: Tensor,
    target: Tensor,
    *,
    squared: bool = True,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Squared Hellinger distance, from 0 to 1; with `squared=False` its root, which is a distance."""

def renyi_divergence_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 0.5,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Rényi divergence of order `alpha` of the target from the prediction: small orders forgive, large ones punish."""

def wasserstein_1d_loss(
    input: Tensor,
    target: Tensor,
    *,
    power: float | Tensor = 1.0,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Distance between cumulative probabilities: the work of moving one distribution over ordered classes to the other."""

def distillation_loss(
    input: Tensor,
    teacher: Tensor,
    *,
    temperature: float | Tensor = 4.0,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Kullback-Leibler divergence of the student's softened probabilities from the teacher's, times T squared."""

def generalized_js_distillation_loss(
    input: Tensor,
    teacher: Tensor,
    *,
    beta: float | Tensor = 0.5,
    temperature: float | Tensor = 1.0,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Generalized Jensen-Shannon divergence between student and teacher, times T squared; `beta` is the teacher's part."""

def dkd_loss(
    input: Tensor,
    teacher: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 1.0,
    beta: float | Tensor = 8.0,
    temperature: float | Tensor = 4.0,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Distillation in two parts with weights: how sure of the true class (`alpha`), how the rest is shared (`beta`)."""

def rkd_distance_loss(
    input: Tensor,
    teacher: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The student's embeddings should be as far from each other as the teacher's, measured by the mean distance."""

def rkd_angle_loss(
    input: Tensor,
    teacher: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The student's embeddings should form the same angles as the teacher's, for all triples of a batch."""

def attention_transfer_loss(
    input: Tensor,
    teacher: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The student's features should be strong where the teacher's are: squared distance of their normed maps."""

def kl_div(
    input: Tensor,
    target: Tensor,
    *,
    log_target: bool = False,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Kullback-Leibler divergence KL(target || input): the input is log-probabilities, the target probabilities."""

def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float | Tensor = 0.0,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Of two scores, the first should be above the second by `margin` where the target is 1, below where it is -1."""

def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float | Tensor = 1.0,
    p: float | Tensor = 2.0,
    eps: float | Tensor = 1e-06,
    swap: bool = False,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The positive should be nearer to the anchor than the negative, by `margin`."""

def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float | Tensor = 1.0,
    swap: bool = False,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The positive should be nearer to the anchor than the negative, by `margin`, in a distance of your own."""

def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float | Tensor = 0.0,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Two embeddings should point the same way where the target is 1; where it is -1, their cosine is at most `margin`."""

def soft_f1_loss(
    input: Tensor,
    target: Tensor,
    *,
    beta: float | Tensor = 1.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """One minus the F score of each column over a batch, by sums of probabilities; `beta` above 1 favours recall."""

def l1_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Absolute error: its best constant is the median."""

def mse_loss(
    input: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Squared error: its best constant is the mean."""

def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    *,
    beta: float | Tensor = 1.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Absolute error with a quadratic tip of half-width `beta`: Huber's loss divided by `beta`."""

def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: Reduction = "mean",
    delta: float | Tensor = 1.0,
    weight: Tensor | None = None,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Half the squared error near zero, linear beyond `delta`."""

def log_cosh_loss(
    input: Tensor,
    target: Tensor,
    *,
    scale: float | Tensor = 1.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """A smooth relative of Huber's loss: half the squared error near zero, slope `scale` far away."""

def quantile_loss(
    input: Tensor,
    target: Tensor,
    *,
    quantile: float | Tensor = 0.5,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Pinball loss: its best constant is the `quantile`-quantile; at 0.5 it is half the absolute error."""

def msle_loss(
    input: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Squared difference of log(1 + value): sizes are compared by ratio, and zero is a legal target."""

def log_ratio_loss(
    input: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Absolute logarithm of prediction over target: 0.69 for half as for twice the target."""

def mape_loss(
    input: Tensor,
    target: Tensor,
    *,
    eps: float | Tensor = 1e-07,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Absolute error as a share of the target's size, which counts as at least `eps`."""

def smape_loss(
    input: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Absolute error as a share of the mean size of prediction and target, from 0 to 2; 0 where both are zero."""

def expectile_loss(
    input: Tensor,
    target: Tensor,
    *,
    expectile: float | Tensor = 0.5,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Squared error with weight `expectile` where the prediction is too low, else one minus it; at 0.5 half the square."""

def epsilon_insensitive_loss(
    input: Tensor,
    target: Tensor,
    *,
    epsilon: float | Tensor = 0.1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Absolute error beyond a band of half-width `epsilon`, within which errors are free."""

def squared_epsilon_insensitive_loss(
    input: Tensor,
    target: Tensor,
    *,
    epsilon: float | Tensor = 0.1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Squared error beyond a band of half-width `epsilon`, within which errors are free."""

def pseudo_huber_loss(
    input: Tensor,
    target: Tensor,
    *,
    scale: float | Tensor = 1.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Huber's loss with a smooth bend: half the squared error near zero, slope `scale` far away."""

def charbonnier_loss(
    input: Tensor,
    target: Tensor,
    *,
    epsilon: float | Tensor = 0.001,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Absolute error with its tip rounded off over a width of `epsilon`; a perfect fit costs `epsilon`."""

def fair_loss(
    input: Tensor,
    target: Tensor,
    *,
    scale: float | Tensor = 1.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Between squared and absolute error like the pseudo-Huber loss, but bends sooner and nears its slope later."""

def cauchy_loss(
    input: Tensor,
    target: Tensor,
    *,
    scale: float | Tensor = 1.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Lorentzian loss: grows like a logarithm, so that the pull of far errors fades as 1 / r."""

def geman_mcclure_loss(
    input: Tensor,
    target: Tensor,
    *,
    scale: float | Tensor = 1.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Bounded: no error costs more than half of `scale` squared, and the pull of far ones fades as 1 / r^3."""

def welsch_loss(
    input: Tensor,
    target: Tensor,
    *,
    scale: float | Tensor = 1.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Leclerc's, or the correntropy loss: bounded by half of `scale` squared, beyond three scales without a pull."""

def tukey_biweight_loss(
    input: Tensor,
    target: Tensor,
    *,
    scale: float | Tensor = 4.685,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Bisquare: errors beyond `scale` cost a sixth of its square and pull no more."""

def general_robust_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 1.0,
    scale: float | Tensor = 1.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """From squared error (`alpha` 2) by way of pseudo-Huber (1), Cauchy (0) and Geman-McClure (-2) to Welsch (-inf)."""

def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    *,
    eps: float | Tensor = 1e-08,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Poisson likelihood of counts; the output is log m or, with `log_input=False`, m, to whose logarithm `eps` adds."""

def gamma_nll_loss(
    input: Tensor,
    target: Tensor,
    *,
    shape: float | Tensor = 1.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Gamma likelihood of positive amounts of `shape` k around exp(output): errors count in proportion to the mean."""

def tweedie_loss(
    input: Tensor,
    target: Tensor,
    *,
    power: float | Tensor = 1.5,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Tweedie deviance of amounts that are often exactly zero: the variance grows as the `power` of the mean."""

def negative_binomial_nll_loss(
    input: Tensor,
    target: Tensor,
    *,
    dispersion: float | Tensor = 1.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Likelihood of counts whose variance is m + dispersion * m^2; the output is log m."""

def laplace_nll_loss(
    input: Tensor,
    target: Tensor,
    *,
    scale: float | Tensor = 1.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Laplace likelihood with median at the output and a fixed `scale` b, its mean absolute error."""

def student_t_nll_loss(
    input: Tensor,
    target: Tensor,
    *,
    df: float | Tensor = 4.0,
    scale: float | Tensor = 1.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Student's t likelihood around the output: the pull of an error of size `scale` and more fades as 1 / r."""

def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    label_smoothing: float | Tensor = 0.0,
    options: Any | None = None,
    ignore_index: int = -100,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Cross-entropy of scores that a last linear layer makes: `cross_entropy(linear(input, W, b), target)`."""

def ranknet_loss(
    input: Tensor,
    target: Tensor,
    *,
    sigma: float | Tensor = 1.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Log loss on the order of every pair of items that differ in relevance, averaged over the pairs of a list."""

def lambdarank_loss(
    input: Tensor,
    target: Tensor,
    *,
    sigma: float | Tensor = 1.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """RankNet's pairs, each weighted by how much NDCG would change if the two items changed places."""

def listnet_loss(
    input: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Cross-entropy between the softmax of the relevance and that of the scores, over the items of a list."""

def listmle_loss(
    input: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Negative log-likelihood of the order by relevance, where items are drawn one after the other by their scores."""

def approx_ndcg_loss(
    input: Tensor,
    target: Tensor,
    *,
    temperature: float | Tensor = 0.1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """One minus NDCG with soft places: the lower the `temperature`, the nearer to NDCG, and the fewer pairs it feels."""

def bpr_loss(
    positive: Tensor,
    negative: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The score of an item that was chosen should be above those of items that were not: log loss of the difference."""

def lovasz_softmax_loss(
    input: Tensor,
    target: Tensor,
    *,
    classes: str = "present",
    from_logits: bool = True,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Intersection over union carried on to probabilities: pixels count by their rank among the errors of a class."""

def lovasz_hinge_loss(
    input: Tensor,
    target: Tensor,
    *,
    ignore_index: int = -100,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Intersection over union of one region carried on to scores: hinge errors count by their rank."""

def boundary_loss(
    input: Tensor,
    distance: Tensor,
    *,
    from_logits: bool = True,
    weight: Tensor | None = None,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The probability of each class times the pixel's signed distance from the boundary of that class's region."""

def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Log loss of logits, for targets -1 and +1."""

def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float | Tensor = 1.0,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Pulls the distances of similar pairs (+1) to 0 and pushes those of dissimilar pairs (-1) beyond `margin`."""

def hinge_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float | Tensor = 1.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """How far the score falls short of `margin` on the target's side: the loss of support vector machines."""

def squared_hinge_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float | Tensor = 1.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The square of hinge_loss: no corner at the margin, and a pull that grows with the shortfall."""

def modified_huber_loss(
    input: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The squared hinge, made linear where the score is beyond the margin on the wrong side."""

def exponential_loss(
    input: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """AdaBoost's loss: the pull of a row grows as the exponential of how wrong it is."""

def crammer_singer_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float | Tensor = 1.0,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """How far the best of the other classes comes within `margin` of the target's: the multiclass hinge."""

def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Each class that a row has should score higher than each class that it has not, by 1."""

def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Log loss of each class as a yes or no of its own, averaged over the classes (the last dimension) of a row."""

def ranked_probability_loss(
    input: Tensor,
    target: Tensor,
    *,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Squared error of the chances to lie above each class: a probability one class off costs less than one far off."""

def soft_ordinal_loss(
    input: Tensor,
    target: Tensor,
    *,
    decay: float | Tensor = 2.0,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Divergence from a target that gives the classes next to the true one a share that falls with their distance."""

def all_threshold_loss(
    input: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """For each of the C - 1 thresholds between two classes, the log loss of whether the row lies above it."""

def proxy_nca_loss(
    input: Tensor,
    weight: Tensor,
    target: Tensor,
    *,
    scale: float | Tensor = 1.0,
    with_own: bool = False,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """A row should be nearer to the proxy of its class than to those of the others; all are normalised."""

def proxy_anchor_loss(
    input: Tensor,
    weight: Tensor,
    target: Tensor,
    *,
    margin: float | Tensor = 0.1,
    alpha: float | Tensor = 32.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Each class's proxy pulls all rows of its class and pushes all others, the hardest of the batch most."""

def soft_triple_loss(
    input: Tensor,
    weight: Tensor,
    target: Tensor,
    *,
    scale: float | Tensor = 20.0,
    gamma: float | Tensor = 0.1,
    margin: float | Tensor = 0.01,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Cross-entropy over cosines with classes of several centres each, of which the near ones count most."""

def center_loss(
    input: Tensor,
    weight: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Half the squared distance of each row to the centre of its class."""

def quality_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    beta: float | Tensor = 2.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Log loss times a power of the distance from the target's quality: nothing where the quality is met."""

def vicreg_loss(
    input1: Tensor,
    input2: Tensor,
    *,
    invariance: float | Tensor = 25.0,
    variance: float | Tensor = 25.0,
    covariance_weight: float | Tensor = 1.0,
    eps: float | Tensor = 0.0001,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Two views should agree, each column should vary by 1 or more, and no two columns should vary together."""

def barlow_twins_loss(
    input1: Tensor,
    input2: Tensor,
    *,
    redundancy: float | Tensor = 0.0051,
    eps: float | Tensor = 1e-05,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The correlations of two views' columns should be one for the same column and zero for two."""

def byol_loss(
    prediction: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The predictor's output should point where the teacher's projection of the other view points."""

def simsiam_loss(
    prediction: Tensor,
    target: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """The negative cosine of the predictor's output with the projection of the other view, which is held constant."""

def dino_loss(
    student: Tensor,
    teacher: Tensor,
    center: Tensor | None = None,
    *,
    student_temperature: float | Tensor = 0.1,
    teacher_temperature: float | Tensor = 0.04,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Cross-entropy of the student's outputs with the sharpened, centred outputs of a teacher, which is held constant."""

def koleo_loss(
    input: Tensor,
    *,
    eps: float | Tensor = 1e-08,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Each embedding should be far from its nearest neighbour in the batch, so that all spread out over the sphere."""

def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    blank: int = 0,
    reduction: Reduction = "mean",
    zero_infinity: bool = False,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Minus the log of the probability that the frames read as the target: repeated labels merge, then blanks go."""

def cox_loss(
    input: Tensor,
    time: Tensor,
    event: Tensor,
    *,
    ties: str = "efron",
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Partial likelihood of proportional hazards: at each event, the row that had it against all still at risk."""

def weibull_aft_loss(
    location: Tensor,
    log_scale: Tensor,
    time: Tensor,
    event: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Negative log-likelihood of times that follow a Weibull law, given its location and scale in log time."""

def log_normal_aft_loss(
    location: Tensor,
    log_scale: Tensor,
    time: Tensor,
    event: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Negative log-likelihood of times whose logarithm is normal, given its mean and the logarithm of its deviation."""

def logistic_hazard_loss(
    input: Tensor,
    interval: Tensor,
    event: Tensor,
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Log loss of having the event in each interval of time that a row has reached, by scores of the hazards."""

def bi_tempered_logistic_loss(
    input: Tensor,
    target: Tensor,
    *,
    t1: float | Tensor = 0.8,
    t2: float | Tensor = 1.2,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    class_dim: int = 1,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
    reuse_logits: bool = False,
) -> Tensor:
    """Cross-entropy made bounded by `t1` below 1, and heavy-tailed by `t2` above 1; at 1 and 1 it is cross-entropy."""

def mmd_loss(
    input: Tensor,
    target: Tensor,
    *,
    bandwidth: float | Tensor = 1.0,
    unbiased: bool = False,
    sample_weight: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Squared maximum mean discrepancy of two samples, with a Gaussian kernel of standard deviation `bandwidth`."""

def energy_distance_loss(
    input: Tensor,
    target: Tensor,
    *,
    unbiased: bool = False,
    sample_weight: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Energy distance of two samples: how much further apart rows of different samples are than rows of the same."""

def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor,
    full: bool = False,
    eps: float | Tensor = 1e-06,
    reduction: Reduction = "mean",
    *,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Gaussian likelihood of a target around the mean `input`, with a variance that the model gives too."""

def beta_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor,
    *,
    beta: float | Tensor = 0.5,
    eps: float | Tensor = 1e-06,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Gaussian likelihood of a mean and a variance, each row weighted by its variance to the power `beta`."""

def crps_gaussian_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor,
    *,
    eps: float | Tensor = 1e-06,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Continuous ranked probability score of a Gaussian with mean `input` and variance `var`, in closed form."""

def wing_loss(
    input: Tensor,
    target: Tensor,
    *,
    width: float | Tensor = 10.0,
    epsilon: float | Tensor = 2.0,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Logarithmic below `width`, so that small errors pull hardest; absolute error beyond."""

def adaptive_wing_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float | Tensor = 2.1,
    omega: float | Tensor = 14.0,
    epsilon: float | Tensor = 1.0,
    theta: float | Tensor = 0.5,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    reduction: Reduction = "mean",
    normalize: Normalize = "weight",
    empty: Empty = "zero",
) -> Tensor:
    """Wing loss of heatmaps with targets from 0 to 1: sharp at the peaks, nearly squared error on the background."""

def __getattr__(name: str) -> Any: ...  # what this torch has beyond the one that wrote the file
