# Written by `make stubs` from the declared losses, beside torch 2.13: change a loss, not this file.
# ruff: noqa: E501, F401, I001 -- summaries are as long as they are, imports the same in every file

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from losslab import functional as functional
from losslab.spec.module import LossModule

from losslab.spec.reduction import Empty, Normalize, Reduction
from torch.nn import AdaptiveAvgPool1d as AdaptiveAvgPool1d
from torch.nn import AdaptiveAvgPool2d as AdaptiveAvgPool2d
from torch.nn import AdaptiveAvgPool3d as AdaptiveAvgPool3d
from torch.nn import AdaptiveLogSoftmaxWithLoss as AdaptiveLogSoftmaxWithLoss
from torch.nn import AdaptiveMaxPool1d as AdaptiveMaxPool1d
from torch.nn import AdaptiveMaxPool2d as AdaptiveMaxPool2d
from torch.nn import AdaptiveMaxPool3d as AdaptiveMaxPool3d
from torch.nn import AlphaDropout as AlphaDropout
from torch.nn import AvgPool1d as AvgPool1d
from torch.nn import AvgPool2d as AvgPool2d
from torch.nn import AvgPool3d as AvgPool3d
from torch.nn import BatchNorm1d as BatchNorm1d
from torch.nn import BatchNorm2d as BatchNorm2d
from torch.nn import BatchNorm3d as BatchNorm3d
from torch.nn import Bilinear as Bilinear
from torch.nn import Buffer as Buffer
from torch.nn import CELU as CELU
from torch.nn import ChannelShuffle as ChannelShuffle
from torch.nn import CircularPad1d as CircularPad1d
from torch.nn import CircularPad2d as CircularPad2d
from torch.nn import CircularPad3d as CircularPad3d
from torch.nn import ConstantPad1d as ConstantPad1d
from torch.nn import ConstantPad2d as ConstantPad2d
from torch.nn import ConstantPad3d as ConstantPad3d
from torch.nn import Container as Container
from torch.nn import Conv1d as Conv1d
from torch.nn import Conv2d as Conv2d
from torch.nn import Conv3d as Conv3d
from torch.nn import ConvTranspose1d as ConvTranspose1d
from torch.nn import ConvTranspose2d as ConvTranspose2d
from torch.nn import ConvTranspose3d as ConvTranspose3d
from torch.nn import CosineSimilarity as CosineSimilarity
from torch.nn import CrossMapLRN2d as CrossMapLRN2d
from torch.nn import DataParallel as DataParallel
from torch.nn import Dropout as Dropout
from torch.nn import Dropout1d as Dropout1d
from torch.nn import Dropout2d as Dropout2d
from torch.nn import Dropout3d as Dropout3d
from torch.nn import ELU as ELU
from torch.nn import Embedding as Embedding
from torch.nn import EmbeddingBag as EmbeddingBag
from torch.nn import FeatureAlphaDropout as FeatureAlphaDropout
from torch.nn import Flatten as Flatten
from torch.nn import Fold as Fold
from torch.nn import FractionalMaxPool2d as FractionalMaxPool2d
from torch.nn import FractionalMaxPool3d as FractionalMaxPool3d
from torch.nn import GELU as GELU
from torch.nn import GLU as GLU
from torch.nn import GRU as GRU
from torch.nn import GRUCell as GRUCell
from torch.nn import GroupNorm as GroupNorm
from torch.nn import Hardshrink as Hardshrink
from torch.nn import Hardsigmoid as Hardsigmoid
from torch.nn import Hardswish as Hardswish
from torch.nn import Hardtanh as Hardtanh
from torch.nn import Identity as Identity
from torch.nn import InstanceNorm1d as InstanceNorm1d
from torch.nn import InstanceNorm2d as InstanceNorm2d
from torch.nn import InstanceNorm3d as InstanceNorm3d
from torch.nn import LPPool1d as LPPool1d
from torch.nn import LPPool2d as LPPool2d
from torch.nn import LPPool3d as LPPool3d
from torch.nn import LSTM as LSTM
from torch.nn import LSTMCell as LSTMCell
from torch.nn import LayerNorm as LayerNorm
from torch.nn import LazyBatchNorm1d as LazyBatchNorm1d
from torch.nn import LazyBatchNorm2d as LazyBatchNorm2d
from torch.nn import LazyBatchNorm3d as LazyBatchNorm3d
from torch.nn import LazyConv1d as LazyConv1d
from torch.nn import LazyConv2d as LazyConv2d
from torch.nn import LazyConv3d as LazyConv3d
from torch.nn import LazyConvTranspose1d as LazyConvTranspose1d
from torch.nn import LazyConvTranspose2d as LazyConvTranspose2d
from torch.nn import LazyConvTranspose3d as LazyConvTranspose3d
from torch.nn import LazyInstanceNorm1d as LazyInstanceNorm1d
from torch.nn import LazyInstanceNorm2d as LazyInstanceNorm2d
from torch.nn import LazyInstanceNorm3d as LazyInstanceNorm3d
from torch.nn import LazyLinear as LazyLinear
from torch.nn import LeakyReLU as LeakyReLU
from torch.nn import Linear as Linear
from torch.nn import LinearCrossEntropyOptions as LinearCrossEntropyOptions
from torch.nn import LocalResponseNorm as LocalResponseNorm
from torch.nn import LogSigmoid as LogSigmoid
from torch.nn import LogSoftmax as LogSoftmax
from torch.nn import MaxPool1d as MaxPool1d
from torch.nn import MaxPool2d as MaxPool2d
from torch.nn import MaxPool3d as MaxPool3d
from torch.nn import MaxUnpool1d as MaxUnpool1d
from torch.nn import MaxUnpool2d as MaxUnpool2d
from torch.nn import MaxUnpool3d as MaxUnpool3d
from torch.nn import Mish as Mish
from torch.nn import Module as Module
from torch.nn import ModuleDict as ModuleDict
from torch.nn import ModuleList as ModuleList
from torch.nn import MultiheadAttention as MultiheadAttention
from torch.nn import NLLLoss2d as NLLLoss2d
from torch.nn import PReLU as PReLU
from torch.nn import PairwiseDistance as PairwiseDistance
from torch.nn import Parameter as Parameter
from torch.nn import ParameterDict as ParameterDict
from torch.nn import ParameterList as ParameterList
from torch.nn import PixelShuffle as PixelShuffle
from torch.nn import PixelUnshuffle as PixelUnshuffle
from torch.nn import RMSNorm as RMSNorm
from torch.nn import RNN as RNN
from torch.nn import RNNBase as RNNBase
from torch.nn import RNNCell as RNNCell
from torch.nn import RNNCellBase as RNNCellBase
from torch.nn import RReLU as RReLU
from torch.nn import ReLU as ReLU
from torch.nn import ReLU6 as ReLU6
from torch.nn import ReflectionPad1d as ReflectionPad1d
from torch.nn import ReflectionPad2d as ReflectionPad2d
from torch.nn import ReflectionPad3d as ReflectionPad3d
from torch.nn import ReplicationPad1d as ReplicationPad1d
from torch.nn import ReplicationPad2d as ReplicationPad2d
from torch.nn import ReplicationPad3d as ReplicationPad3d
from torch.nn import SELU as SELU
from torch.nn import Sequential as Sequential
from torch.nn import SiLU as SiLU
from torch.nn import Sigmoid as Sigmoid
from torch.nn import Softmax as Softmax
from torch.nn import Softmax2d as Softmax2d
from torch.nn import Softmin as Softmin
from torch.nn import Softplus as Softplus
from torch.nn import Softshrink as Softshrink
from torch.nn import Softsign as Softsign
from torch.nn import SyncBatchNorm as SyncBatchNorm
from torch.nn import Tanh as Tanh
from torch.nn import Tanhshrink as Tanhshrink
from torch.nn import Threshold as Threshold
from torch.nn import Transformer as Transformer
from torch.nn import TransformerDecoder as TransformerDecoder
from torch.nn import TransformerDecoderLayer as TransformerDecoderLayer
from torch.nn import TransformerEncoder as TransformerEncoder
from torch.nn import TransformerEncoderLayer as TransformerEncoderLayer
from torch.nn import Unflatten as Unflatten
from torch.nn import Unfold as Unfold
from torch.nn import UninitializedBuffer as UninitializedBuffer
from torch.nn import UninitializedParameter as UninitializedParameter
from torch.nn import Upsample as Upsample
from torch.nn import UpsamplingBilinear2d as UpsamplingBilinear2d
from torch.nn import UpsamplingNearest2d as UpsamplingNearest2d
from torch.nn import ZeroPad1d as ZeroPad1d
from torch.nn import ZeroPad2d as ZeroPad2d
from torch.nn import ZeroPad3d as ZeroPad3d
from torch.nn import attention as attention
from torch.nn import common_types as common_types
from torch.nn import grad as grad
from torch.nn import init as init
from torch.nn import intrinsic as intrinsic
from torch.nn import modules as modules
from torch.nn import parallel as parallel
from torch.nn import parameter as parameter
from torch.nn import qat as qat
from torch.nn import quantizable as quantizable
from torch.nn import quantized as quantized
from torch.nn import utils as utils

class CrossEntropyLoss(LossModule):
    """Log loss of softmax scores; targets are classes or distributions over them."""

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        label_smoothing: float | Tensor = 0.0,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class NLLLoss(LossModule):
    """Log loss of log-probabilities; with scores at hand, prefer cross_entropy."""

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class Poly1CrossEntropyLoss(LossModule):
    """Cross-entropy plus `epsilon` times the probability of error: above 0, rows that are nearly right pull harder."""

    def __init__(
        self,
        *,
        epsilon: float | Tensor = 1.0,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class MultiMarginLoss(LossModule):
    """How far each other class comes within `margin` of the target's, to the power `p` (1 and 2 in torch)."""

    def __init__(
        self,
        p: float | Tensor = 1,
        margin: float | Tensor = 1.0,
        weight: Tensor | None = None,
        *,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class GeneralizedCrossEntropyLoss(LossModule):
    """Between cross-entropy (`q` near 0) and the probability of error (`q` = 1), which wrong labels do not mislead."""

    def __init__(
        self,
        *,
        q: float | Tensor = 0.7,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class ClassAbsoluteErrorLoss(LossModule):
    """Absolute error of the probabilities: labels that are wrong at random, evenly over the classes, do not bend it."""

    def __init__(
        self,
        *,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class ReverseCrossEntropyLoss(LossModule):
    """Cross-entropy with label and prediction swapped, where `log_zero` (A) stands for the logarithm of a label of 0."""

    def __init__(
        self,
        *,
        log_zero: float | Tensor = -9.210340371976182,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class SymmetricCrossEntropyLoss(LossModule):
    """`alpha` times cross-entropy, which learns, plus `beta` times reverse cross-entropy, which forgives wrong labels."""

    def __init__(
        self,
        *,
        alpha: float | Tensor = 0.1,
        beta: float | Tensor = 1.0,
        log_zero: float | Tensor = -9.210340371976182,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class JensenShannonCrossEntropyLoss(LossModule):
    """Scaled Jensen-Shannon divergence: from cross-entropy (`label_share` near 0) to half the absolute error (near 1)."""

    def __init__(
        self,
        *,
        label_share: float | Tensor = 0.5,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class NormalizedCrossEntropyLoss(LossModule):
    """Cross-entropy divided by its sum over all labels that the row could have had: between 0 and 1."""

    def __init__(
        self,
        *,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class NCEAndRCELoss(LossModule):
    """`alpha` times normalised cross-entropy (active: lifts the label) plus `beta` times the reverse one (passive)."""

    def __init__(
        self,
        *,
        alpha: float | Tensor = 1.0,
        beta: float | Tensor = 1.0,
        log_zero: float | Tensor = -9.210340371976182,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class NCEAndMAELoss(LossModule):
    """`alpha` times normalised cross-entropy (active: lifts the label) plus `beta` times absolute error (passive)."""

    def __init__(
        self,
        *,
        alpha: float | Tensor = 1.0,
        beta: float | Tensor = 1.0,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class BCELoss(LossModule):
    """Log loss of probabilities, with the exact slope at both ends; with logits at hand, prefer the loss on logits."""

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class BCEWithLogitsLoss(LossModule):
    """Log loss of logits; `pos_weight` times more for the yes targets, one number or one for each column."""

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        pos_weight: float | Tensor | None = 1.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class SigmoidBrierLoss(LossModule):
    """Squared error of the probability, from a logit: from 0 to 1, so a wrong label costs no more than 1."""

    def __init__(
        self,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class BrierLoss(LossModule):
    """Squared error of the probabilities, summed over the classes: from 0 to 2."""

    def __init__(
        self,
        *,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class TaylorCrossEntropyLoss(LossModule):
    """The first `order` terms of cross-entropy's Taylor series in 1 - p, which stays bounded for wrong labels."""

    def __init__(
        self,
        *,
        order: float | Tensor = 2.0,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class DistributionFocalLoss(LossModule):
    """Cross-entropy with the two bins between which the target lies, each the nearer the more."""

    def __init__(
        self,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class DiceLoss(LossModule):
    """One minus the overlap of prediction and target of each class and image, after a softmax over the classes."""

    def __init__(
        self,
        *,
        smooth: float | Tensor = 1e-05,
        squared: bool = False,
        classes: str = "all",
        from_logits: bool = True,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class SigmoidDiceLoss(LossModule):
    """One minus the overlap of prediction and target of each channel and image, after a sigmoid of each score."""

    def __init__(
        self,
        *,
        smooth: float | Tensor = 1e-05,
        squared: bool = False,
        classes: str = "all",
        from_logits: bool = True,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class GeneralizedDiceLoss(LossModule):
    """Dice over all classes of an image at once, where a class counts by one over its squared number of pixels."""

    def __init__(
        self,
        *,
        smooth: float | Tensor = 1e-05,
        weighting: str = "square",
        from_logits: bool = True,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class LogCoshDiceLoss(LossModule):
    """The log-cosh of the Dice loss of each class and image: about half its square, so gentle near the end."""

    def __init__(
        self,
        *,
        smooth: float | Tensor = 1e-05,
        squared: bool = False,
        classes: str = "all",
        from_logits: bool = True,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class JaccardLoss(LossModule):
    """One minus intersection over union of prediction and target of each class and image, after a softmax."""

    def __init__(
        self,
        *,
        smooth: float | Tensor = 1e-05,
        squared: bool = False,
        classes: str = "all",
        from_logits: bool = True,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class SigmoidJaccardLoss(LossModule):
    """One minus intersection over union of each channel and image, after a sigmoid of each score."""

    def __init__(
        self,
        *,
        smooth: float | Tensor = 1e-05,
        squared: bool = False,
        classes: str = "all",
        from_logits: bool = True,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class TverskyLoss(LossModule):
    """The overlap loss in which `alpha` is the price of a false positive and `beta` of a false negative."""

    def __init__(
        self,
        *,
        alpha: float | Tensor = 0.5,
        beta: float | Tensor = 0.5,
        smooth: float | Tensor = 1e-05,
        classes: str = "all",
        from_logits: bool = True,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class SigmoidTverskyLoss(LossModule):
    """The Tversky loss of each channel and image, after a sigmoid of each score."""

    def __init__(
        self,
        *,
        alpha: float | Tensor = 0.5,
        beta: float | Tensor = 0.5,
        smooth: float | Tensor = 1e-05,
        classes: str = "all",
        from_logits: bool = True,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class FocalTverskyLoss(LossModule):
    """The Tversky loss of each class and image to the power `gamma`: below 1, a class that is nearly right still pulls."""

    def __init__(
        self,
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
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class IouLoss(LossModule):
    """One minus intersection over union of each predicted box and its target."""

    def __init__(
        self,
        *,
        eps: float | Tensor = 0.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class GiouLoss(LossModule):
    """The IoU loss, plus the share of the hull that is in neither box, so that boxes apart come together."""

    def __init__(
        self,
        *,
        eps: float | Tensor = 0.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class DiouLoss(LossModule):
    """The IoU loss, plus the squared distance of the centres over the squared diagonal of the hull."""

    def __init__(
        self,
        *,
        eps: float | Tensor = 0.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class CiouLoss(LossModule):
    """The DIoU loss, plus a penalty for another ratio of width to height, which counts more the better boxes overlap."""

    def __init__(
        self,
        *,
        eps: float | Tensor = 0.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class EiouLoss(LossModule):
    """The DIoU loss, plus the squared differences of the widths and of the heights, over those of the hull."""

    def __init__(
        self,
        *,
        eps: float | Tensor = 0.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class SiouLoss(LossModule):
    """The IoU loss, plus costs of distance and shape; the distance counts less where the centres lie on a diagonal."""

    def __init__(
        self,
        *,
        theta: float | Tensor = 4.0,
        eps: float | Tensor = 0.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class AlphaIouLoss(LossModule):
    """One minus a power of the IoU: above 1, boxes that fit well already pull more."""

    def __init__(
        self,
        *,
        alpha: float | Tensor = 3.0,
        eps: float | Tensor = 0.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class SigmoidFocalLoss(LossModule):
    """Log loss times the `gamma`-th power of the error's probability; yes targets weigh `alpha`, others the rest to 1."""

    def __init__(
        self,
        *,
        alpha: float | Tensor = 0.25,
        gamma: float | Tensor = 2.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class FocalLoss(LossModule):
    """Cross-entropy times the `gamma`-th power of the error's probability; `weight` plays the part of alpha."""

    def __init__(
        self,
        *,
        gamma: float | Tensor = 2.0,
        label_smoothing: float | Tensor = 0.0,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class Poly1FocalLoss(LossModule):
    """Focal loss whose first term in 1 - p is weighted anew: `epsilon` below 0 leaves it out, above 0 pulls harder."""

    def __init__(
        self,
        *,
        epsilon: float | Tensor = 1.0,
        gamma: float | Tensor = 2.0,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class AsymmetricLoss(LossModule):
    """Focal loss with a power of its own for no targets, which cost nothing while their probability is below `clip`."""

    def __init__(
        self,
        *,
        gamma_neg: float | Tensor = 4.0,
        gamma_pos: float | Tensor = 1.0,
        clip: float | Tensor = 0.05,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class ConfidencePenaltyLoss(LossModule):
    """Cross-entropy less `beta` times the entropy of the prediction: being sure costs something by itself."""

    def __init__(
        self,
        *,
        beta: float | Tensor = 0.1,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class MarginLabelSmoothingLoss(LossModule):
    """Cross-entropy plus `penalty` for each score that is more than `margin` below the highest (MbLS)."""

    def __init__(
        self,
        *,
        margin: float | Tensor = 10.0,
        penalty: float | Tensor = 0.1,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class DualFocalLoss(LossModule):
    """Focal loss that also looks at the best class below the target's: a row counts more while the two are close."""

    def __init__(
        self,
        *,
        gamma: float | Tensor = 2.0,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class SampleDependentFocalLoss(LossModule):
    """Focal loss with a power of its own for rows whose target has a probability below `threshold` (FLSD-53)."""

    def __init__(
        self,
        *,
        gamma_hard: float | Tensor = 5.0,
        gamma_easy: float | Tensor = 3.0,
        threshold: float | Tensor = 0.2,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class LabelRelaxationLoss(LossModule):
    """Nothing while the target's probability is at least 1 - `alpha`; below, the divergence from the nearest such one."""

    def __init__(
        self,
        *,
        alpha: float | Tensor = 0.1,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class ArcFaceLoss(LossModule):
    """Cross-entropy over cosines with class centres, after the angle to the row's own class was widened by `margin`."""

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        scale: float | Tensor = 64.0,
        margin: float | Tensor = 0.5,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class CosFaceLoss(LossModule):
    """Cross-entropy over cosines with class centres, after that of the row's own class was lowered by `margin`."""

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        scale: float | Tensor = 64.0,
        margin: float | Tensor = 0.35,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class SphereFaceLoss(LossModule):
    """Cross-entropy over cosines times the row's length, after the angle to its own class was multiplied by `margin`."""

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        scale: float | Tensor = 1.0,
        margin: float | Tensor = 4.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class SubCenterArcFaceLoss(LossModule):
    """`arcface_loss` with several centres for each class, of which the nearest counts: wrong labels get their own."""

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        num_centers: int,
        *,
        scale: float | Tensor = 64.0,
        margin: float | Tensor = 0.5,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class ClassBalancedLoss(LossModule):
    """Cross-entropy with classes weighted by one over how many different rows they have, in effect."""

    def __init__(
        self,
        *,
        class_counts: Tensor,
        beta: float | Tensor = 0.999,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class BalancedSoftmaxLoss(LossModule):
    """Cross-entropy of scores to which the logarithms of the counts are added, for training only."""

    def __init__(
        self,
        *,
        class_counts: Tensor,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class LogitAdjustedLoss(LossModule):
    """Cross-entropy of scores plus `tau` times the logarithms of the counts: rare classes must win by more."""

    def __init__(
        self,
        *,
        class_counts: Tensor,
        tau: float | Tensor = 1.0,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class LDAMLoss(LossModule):
    """Cross-entropy with a margin that is larger for rare classes: `max_margin` for the rarest."""

    def __init__(
        self,
        *,
        class_counts: Tensor,
        max_margin: float | Tensor = 0.5,
        scale: float | Tensor = 30.0,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class ContrastiveLoss(LossModule):
    """Pairs with target 1 are pulled together; pairs with target 0 are pushed apart until they are `margin` apart."""

    def __init__(
        self,
        *,
        margin: float | Tensor = 1.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input1: Tensor,
        input2: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input1: Tensor,
        input2: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class NPairLoss(LossModule):
    """Each anchor's product with its own positive should exceed those with the other anchors' positives."""

    def __init__(
        self,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        anchor: Tensor,
        positive: Tensor,
        target: Tensor | None = None,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        anchor: Tensor,
        positive: Tensor,
        target: Tensor | None = None,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class LiftedStructureLoss(LossModule):
    """Each pair of one label should be nearer than all negatives of both, of which the near ones count most."""

    def __init__(
        self,
        *,
        margin: float | Tensor = 1.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class MultiSimilarityLoss(LossModule):
    """Cosines of one label are pushed above `base`, those of two below; the hardest of each count most."""

    def __init__(
        self,
        *,
        alpha: float | Tensor = 2.0,
        beta: float | Tensor = 50.0,
        base: float | Tensor = 0.5,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class CircleLoss(LossModule):
    """Cosines of one label should exceed those of two; what is farther from its optimum is moved faster."""

    def __init__(
        self,
        *,
        margin: float | Tensor = 0.25,
        gamma: float | Tensor = 80.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class BatchHardTripletLoss(LossModule):
    """The farthest row of an anchor's label should be nearer to it than the nearest of another, by `margin`."""

    def __init__(
        self,
        *,
        margin: float | Tensor = 0.2,
        soft: bool = False,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class SmoothApLoss(LossModule):
    """One minus the average precision with which each row finds the others of its label, by smoothed ranks."""

    def __init__(
        self,
        *,
        temperature: float | Tensor = 0.01,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class InfoNCELoss(LossModule):
    """Each query should be nearer, by cosine, to its own positive than to the negatives."""

    def __init__(
        self,
        *,
        temperature: float | Tensor = 0.1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        query: Tensor,
        positive: Tensor,
        negatives: Tensor | None = None,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        query: Tensor,
        positive: Tensor,
        negatives: Tensor | None = None,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class NTXentLoss(LossModule):
    """Two views of a sample should be nearer to each other than to all views of the other samples (SimCLR)."""

    def __init__(
        self,
        *,
        temperature: float | Tensor = 0.5,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input1: Tensor,
        input2: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input1: Tensor,
        input2: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class SupConLoss(LossModule):
    """Rows of one label should be nearer to each other than to the rest: `nt_xent_loss` with labels."""

    def __init__(
        self,
        *,
        temperature: float | Tensor = 0.1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class CLIPLoss(LossModule):
    """Each image should find its text among the batch's texts, and each text its image."""

    def __init__(
        self,
        *,
        temperature: float | Tensor = 0.07,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        image: Tensor,
        text: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        image: Tensor,
        text: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class SigLIPLoss(LossModule):
    """Every image and text of the batch are asked whether they belong together, each pair by itself."""

    def __init__(
        self,
        *,
        temperature: float | Tensor = 0.1,
        bias: float | Tensor = -10.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        image: Tensor,
        text: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        image: Tensor,
        text: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class JSDivergenceLoss(LossModule):
    """Jensen-Shannon divergence: how far both distributions are from their mixture, in nats; never above ln 2."""

    def __init__(
        self,
        *,
        beta: float | Tensor = 0.5,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class TotalVariationLoss(LossModule):
    """The largest difference that two distributions give to the probability of any event: half the sum of differences."""

    def __init__(
        self,
        *,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class HellingerLoss(LossModule):
    """Squared Hellinger distance, from 0 to 1; with `squared=False` its root, which is a distance."""

    def __init__(
        self,
        *,
        squared: bool = True,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class RenyiDivergenceLoss(LossModule):
    """Rényi divergence of order `alpha` of the target from the prediction: small orders forgive, large ones punish."""

    def __init__(
        self,
        *,
        alpha: float | Tensor = 0.5,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class Wasserstein1DLoss(LossModule):
    """Distance between cumulative probabilities: the work of moving one distribution over ordered classes to the other."""

    def __init__(
        self,
        *,
        power: float | Tensor = 1.0,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class DistillationLoss(LossModule):
    """Kullback-Leibler divergence of the student's softened probabilities from the teacher's, times T squared."""

    def __init__(
        self,
        *,
        temperature: float | Tensor = 4.0,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        teacher: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        teacher: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class GeneralizedJSDistillationLoss(LossModule):
    """Generalized Jensen-Shannon divergence between student and teacher, times T squared; `beta` is the teacher's part."""

    def __init__(
        self,
        *,
        beta: float | Tensor = 0.5,
        temperature: float | Tensor = 1.0,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        teacher: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        teacher: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class DKDLoss(LossModule):
    """Distillation in two parts with weights: how sure of the true class (`alpha`), how the rest is shared (`beta`)."""

    def __init__(
        self,
        *,
        alpha: float | Tensor = 1.0,
        beta: float | Tensor = 8.0,
        temperature: float | Tensor = 4.0,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        teacher: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        teacher: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class RKDDistanceLoss(LossModule):
    """The student's embeddings should be as far from each other as the teacher's, measured by the mean distance."""

    def __init__(
        self,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        teacher: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        teacher: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class RKDAngleLoss(LossModule):
    """The student's embeddings should form the same angles as the teacher's, for all triples of a batch."""

    def __init__(
        self,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        teacher: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        teacher: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class AttentionTransferLoss(LossModule):
    """The student's features should be strong where the teacher's are: squared distance of their normed maps."""

    def __init__(
        self,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        teacher: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        teacher: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class KLDivLoss(LossModule):
    """Kullback-Leibler divergence KL(target || input): the input is log-probabilities, the target probabilities."""

    def __init__(
        self,
        *,
        log_target: bool = False,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class MarginRankingLoss(LossModule):
    """Of two scores, the first should be above the second by `margin` where the target is 1, below where it is -1."""

    def __init__(
        self,
        margin: float | Tensor = 0.0,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input1: Tensor,
        input2: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input1: Tensor,
        input2: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class TripletMarginLoss(LossModule):
    """The positive should be nearer to the anchor than the negative, by `margin`."""

    def __init__(
        self,
        margin: float | Tensor = 1.0,
        p: float | Tensor = 2.0,
        eps: float | Tensor = 1e-06,
        swap: bool = False,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        anchor: Tensor,
        positive: Tensor,
        negative: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        anchor: Tensor,
        positive: Tensor,
        negative: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class TripletMarginWithDistanceLoss(LossModule):
    """The positive should be nearer to the anchor than the negative, by `margin`, in a distance of your own."""

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float | Tensor = 1.0,
        swap: bool = False,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        anchor: Tensor,
        positive: Tensor,
        negative: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        anchor: Tensor,
        positive: Tensor,
        negative: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class CosineEmbeddingLoss(LossModule):
    """Two embeddings should point the same way where the target is 1; where it is -1, their cosine is at most `margin`."""

    def __init__(
        self,
        margin: float | Tensor = 0.0,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input1: Tensor,
        input2: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input1: Tensor,
        input2: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class SoftF1Loss(LossModule):
    """One minus the F score of each column over a batch, by sums of probabilities; `beta` above 1 favours recall."""

    def __init__(
        self,
        *,
        beta: float | Tensor = 1.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class L1Loss(LossModule):
    """Absolute error: its best constant is the median."""

    def __init__(
        self,
        *,
        weight: Tensor | None = None,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class MSELoss(LossModule):
    """Squared error: its best constant is the mean."""

    def __init__(
        self,
        *,
        weight: Tensor | None = None,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class SmoothL1Loss(LossModule):
    """Absolute error with a quadratic tip of half-width `beta`: Huber's loss divided by `beta`."""

    def __init__(
        self,
        *,
        beta: float | Tensor = 1.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class HuberLoss(LossModule):
    """Half the squared error near zero, linear beyond `delta`."""

    def __init__(
        self,
        reduction: Reduction = "mean",
        delta: float | Tensor = 1.0,
        *,
        weight: Tensor | None = None,
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class LogCoshLoss(LossModule):
    """A smooth relative of Huber's loss: half the squared error near zero, slope `scale` far away."""

    def __init__(
        self,
        *,
        scale: float | Tensor = 1.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class QuantileLoss(LossModule):
    """Pinball loss: its best constant is the `quantile`-quantile; at 0.5 it is half the absolute error."""

    def __init__(
        self,
        *,
        quantile: float | Tensor = 0.5,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class MsleLoss(LossModule):
    """Squared difference of log(1 + value): sizes are compared by ratio, and zero is a legal target."""

    def __init__(
        self,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class LogRatioLoss(LossModule):
    """Absolute logarithm of prediction over target: 0.69 for half as for twice the target."""

    def __init__(
        self,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class MapeLoss(LossModule):
    """Absolute error as a share of the target's size, which counts as at least `eps`."""

    def __init__(
        self,
        *,
        eps: float | Tensor = 1e-07,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class SmapeLoss(LossModule):
    """Absolute error as a share of the mean size of prediction and target, from 0 to 2; 0 where both are zero."""

    def __init__(
        self,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class ExpectileLoss(LossModule):
    """Squared error with weight `expectile` where the prediction is too low, else one minus it; at 0.5 half the square."""

    def __init__(
        self,
        *,
        expectile: float | Tensor = 0.5,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class EpsilonInsensitiveLoss(LossModule):
    """Absolute error beyond a band of half-width `epsilon`, within which errors are free."""

    def __init__(
        self,
        *,
        epsilon: float | Tensor = 0.1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class SquaredEpsilonInsensitiveLoss(LossModule):
    """Squared error beyond a band of half-width `epsilon`, within which errors are free."""

    def __init__(
        self,
        *,
        epsilon: float | Tensor = 0.1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class PseudoHuberLoss(LossModule):
    """Huber's loss with a smooth bend: half the squared error near zero, slope `scale` far away."""

    def __init__(
        self,
        *,
        scale: float | Tensor = 1.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class CharbonnierLoss(LossModule):
    """Absolute error with its tip rounded off over a width of `epsilon`; a perfect fit costs `epsilon`."""

    def __init__(
        self,
        *,
        epsilon: float | Tensor = 0.001,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class FairLoss(LossModule):
    """Between squared and absolute error like the pseudo-Huber loss, but bends sooner and nears its slope later."""

    def __init__(
        self,
        *,
        scale: float | Tensor = 1.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class CauchyLoss(LossModule):
    """Lorentzian loss: grows like a logarithm, so that the pull of far errors fades as 1 / r."""

    def __init__(
        self,
        *,
        scale: float | Tensor = 1.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class GemanMcClureLoss(LossModule):
    """Bounded: no error costs more than half of `scale` squared, and the pull of far ones fades as 1 / r^3."""

    def __init__(
        self,
        *,
        scale: float | Tensor = 1.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class WelschLoss(LossModule):
    """Leclerc's, or the correntropy loss: bounded by half of `scale` squared, beyond three scales without a pull."""

    def __init__(
        self,
        *,
        scale: float | Tensor = 1.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class TukeyBiweightLoss(LossModule):
    """Bisquare: errors beyond `scale` cost a sixth of its square and pull no more."""

    def __init__(
        self,
        *,
        scale: float | Tensor = 4.685,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class GeneralRobustLoss(LossModule):
    """From squared error (`alpha` 2) by way of pseudo-Huber (1), Cauchy (0) and Geman-McClure (-2) to Welsch (-inf)."""

    def __init__(
        self,
        *,
        alpha: float | Tensor = 1.0,
        scale: float | Tensor = 1.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class PoissonNLLLoss(LossModule):
    """Poisson likelihood of counts; the output is log m or, with `log_input=False`, m, to whose logarithm `eps` adds."""

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        *,
        eps: float | Tensor = 1e-08,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class GammaNllLoss(LossModule):
    """Gamma likelihood of positive amounts of `shape` k around exp(output): errors count in proportion to the mean."""

    def __init__(
        self,
        *,
        shape: float | Tensor = 1.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class TweedieLoss(LossModule):
    """Tweedie deviance of amounts that are often exactly zero: the variance grows as the `power` of the mean."""

    def __init__(
        self,
        *,
        power: float | Tensor = 1.5,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class NegativeBinomialNllLoss(LossModule):
    """Likelihood of counts whose variance is m + dispersion * m^2; the output is log m."""

    def __init__(
        self,
        *,
        dispersion: float | Tensor = 1.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class LaplaceNllLoss(LossModule):
    """Laplace likelihood with median at the output and a fixed `scale` b, its mean absolute error."""

    def __init__(
        self,
        *,
        scale: float | Tensor = 1.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class StudentTNllLoss(LossModule):
    """Student's t likelihood around the output: the pull of an error of size `scale` and more fades as 1 / r."""

    def __init__(
        self,
        *,
        df: float | Tensor = 4.0,
        scale: float | Tensor = 1.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class LinearCrossEntropyLoss(LossModule):
    """Cross-entropy of scores that a last linear layer makes: `cross_entropy(linear(input, W, b), target)`."""

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: Any | None = None,
        dtype: Any | None = None,
        weight: Tensor | None = None,
        label_smoothing: float | Tensor = 0.0,
        options: Any | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class RankNetLoss(LossModule):
    """Log loss on the order of every pair of items that differ in relevance, averaged over the pairs of a list."""

    def __init__(
        self,
        *,
        sigma: float | Tensor = 1.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class LambdaRankLoss(LossModule):
    """RankNet's pairs, each weighted by how much NDCG would change if the two items changed places."""

    def __init__(
        self,
        *,
        sigma: float | Tensor = 1.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class ListNetLoss(LossModule):
    """Cross-entropy between the softmax of the relevance and that of the scores, over the items of a list."""

    def __init__(
        self,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class ListMLELoss(LossModule):
    """Negative log-likelihood of the order by relevance, where items are drawn one after the other by their scores."""

    def __init__(
        self,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class ApproxNDCGLoss(LossModule):
    """One minus NDCG with soft places: the lower the `temperature`, the nearer to NDCG, and the fewer pairs it feels."""

    def __init__(
        self,
        *,
        temperature: float | Tensor = 0.1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class BPRLoss(LossModule):
    """The score of an item that was chosen should be above those of items that were not: log loss of the difference."""

    def __init__(
        self,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        positive: Tensor,
        negative: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        positive: Tensor,
        negative: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class LovaszSoftmaxLoss(LossModule):
    """Intersection over union carried on to probabilities: pixels count by their rank among the errors of a class."""

    def __init__(
        self,
        *,
        classes: str = "present",
        from_logits: bool = True,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class LovaszHingeLoss(LossModule):
    """Intersection over union of one region carried on to scores: hinge errors count by their rank."""

    def __init__(
        self,
        *,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class BoundaryLoss(LossModule):
    """The probability of each class times the pixel's signed distance from the boundary of that class's region."""

    def __init__(
        self,
        *,
        from_logits: bool = True,
        weight: Tensor | None = None,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        distance: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        distance: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class SoftMarginLoss(LossModule):
    """Log loss of logits, for targets -1 and +1."""

    def __init__(
        self,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class HingeEmbeddingLoss(LossModule):
    """Pulls the distances of similar pairs (+1) to 0 and pushes those of dissimilar pairs (-1) beyond `margin`."""

    def __init__(
        self,
        margin: float | Tensor = 1.0,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class HingeLoss(LossModule):
    """How far the score falls short of `margin` on the target's side: the loss of support vector machines."""

    def __init__(
        self,
        *,
        margin: float | Tensor = 1.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class SquaredHingeLoss(LossModule):
    """The square of hinge_loss: no corner at the margin, and a pull that grows with the shortfall."""

    def __init__(
        self,
        *,
        margin: float | Tensor = 1.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class ModifiedHuberLoss(LossModule):
    """The squared hinge, made linear where the score is beyond the margin on the wrong side."""

    def __init__(
        self,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class ExponentialLoss(LossModule):
    """AdaBoost's loss: the pull of a row grows as the exponential of how wrong it is."""

    def __init__(
        self,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class CrammerSingerLoss(LossModule):
    """How far the best of the other classes comes within `margin` of the target's: the multiclass hinge."""

    def __init__(
        self,
        *,
        margin: float | Tensor = 1.0,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class MultiLabelMarginLoss(LossModule):
    """Each class that a row has should score higher than each class that it has not, by 1."""

    def __init__(
        self,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class MultiLabelSoftMarginLoss(LossModule):
    """Log loss of each class as a yes or no of its own, averaged over the classes (the last dimension) of a row."""

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class RankedProbabilityLoss(LossModule):
    """Squared error of the chances to lie above each class: a probability one class off costs less than one far off."""

    def __init__(
        self,
        *,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class SoftOrdinalLoss(LossModule):
    """Divergence from a target that gives the classes next to the true one a share that falls with their distance."""

    def __init__(
        self,
        *,
        decay: float | Tensor = 2.0,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class AllThresholdLoss(LossModule):
    """For each of the C - 1 thresholds between two classes, the log loss of whether the row lies above it."""

    def __init__(
        self,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class ProxyNCALoss(LossModule):
    """A row should be nearer to the proxy of its class than to those of the others; all are normalised."""

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        scale: float | Tensor = 1.0,
        with_own: bool = False,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class ProxyAnchorLoss(LossModule):
    """Each class's proxy pulls all rows of its class and pushes all others, the hardest of the batch most."""

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        margin: float | Tensor = 0.1,
        alpha: float | Tensor = 32.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class SoftTripleLoss(LossModule):
    """Cross-entropy over cosines with classes of several centres each, of which the near ones count most."""

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        num_centers: int,
        *,
        scale: float | Tensor = 20.0,
        gamma: float | Tensor = 0.1,
        margin: float | Tensor = 0.01,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class CenterLoss(LossModule):
    """Half the squared distance of each row to the centre of its class."""

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class QualityFocalLoss(LossModule):
    """Log loss times a power of the distance from the target's quality: nothing where the quality is met."""

    def __init__(
        self,
        *,
        beta: float | Tensor = 2.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class VICRegLoss(LossModule):
    """Two views should agree, each column should vary by 1 or more, and no two columns should vary together."""

    def __init__(
        self,
        *,
        invariance: float | Tensor = 25.0,
        variance: float | Tensor = 25.0,
        covariance_weight: float | Tensor = 1.0,
        eps: float | Tensor = 0.0001,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input1: Tensor,
        input2: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input1: Tensor,
        input2: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class BarlowTwinsLoss(LossModule):
    """The correlations of two views' columns should be one for the same column and zero for two."""

    def __init__(
        self,
        *,
        redundancy: float | Tensor = 0.0051,
        eps: float | Tensor = 1e-05,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input1: Tensor,
        input2: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input1: Tensor,
        input2: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class BYOLLoss(LossModule):
    """The predictor's output should point where the teacher's projection of the other view points."""

    def __init__(
        self,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        prediction: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        prediction: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class SimSiamLoss(LossModule):
    """The negative cosine of the predictor's output with the projection of the other view, which is held constant."""

    def __init__(
        self,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        prediction: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        prediction: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class DINOLoss(LossModule):
    """Cross-entropy of the student's outputs with the sharpened, centred outputs of a teacher, which is held constant."""

    def __init__(
        self,
        *,
        student_temperature: float | Tensor = 0.1,
        teacher_temperature: float | Tensor = 0.04,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        center: Tensor | None = None,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        student: Tensor,
        teacher: Tensor,
        center: Tensor | None = None,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class KoLeoLoss(LossModule):
    """Each embedding should be far from its nearest neighbour in the batch, so that all spread out over the sphere."""

    def __init__(
        self,
        *,
        eps: float | Tensor = 1e-08,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class CTCLoss(LossModule):
    """Minus the log of the probability that the frames read as the target: repeated labels merge, then blanks go."""

    def __init__(
        self,
        blank: int = 0,
        reduction: Reduction = "mean",
        zero_infinity: bool = False,
        *,
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        log_probs: Tensor,
        targets: Tensor,
        input_lengths: Tensor,
        target_lengths: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        log_probs: Tensor,
        targets: Tensor,
        input_lengths: Tensor,
        target_lengths: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class CoxLoss(LossModule):
    """Partial likelihood of proportional hazards: at each event, the row that had it against all still at risk."""

    def __init__(
        self,
        *,
        ties: str = "efron",
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        time: Tensor,
        event: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        time: Tensor,
        event: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class WeibullAFTLoss(LossModule):
    """Negative log-likelihood of times that follow a Weibull law, given its location and scale in log time."""

    def __init__(
        self,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        location: Tensor,
        log_scale: Tensor,
        time: Tensor,
        event: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        location: Tensor,
        log_scale: Tensor,
        time: Tensor,
        event: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class LogNormalAFTLoss(LossModule):
    """Negative log-likelihood of times whose logarithm is normal, given its mean and the logarithm of its deviation."""

    def __init__(
        self,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        location: Tensor,
        log_scale: Tensor,
        time: Tensor,
        event: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        location: Tensor,
        log_scale: Tensor,
        time: Tensor,
        event: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class LogisticHazardLoss(LossModule):
    """Log loss of having the event in each interval of time that a row has reached, by scores of the hazards."""

    def __init__(
        self,
        *,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        interval: Tensor,
        event: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        interval: Tensor,
        event: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class BiTemperedLogisticLoss(LossModule):
    """Cross-entropy made bounded by `t1` below 1, and heavy-tailed by `t2` above 1; at 1 and 1 it is cross-entropy."""

    def __init__(
        self,
        *,
        t1: float | Tensor = 0.8,
        t2: float | Tensor = 1.2,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        class_dim: int = 1,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
        reuse_logits: bool = False,
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class MMDLoss(LossModule):
    """Squared maximum mean discrepancy of two samples, with a Gaussian kernel of standard deviation `bandwidth`."""

    def __init__(
        self,
        *,
        bandwidth: float | Tensor = 1.0,
        unbiased: bool = False,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
    ) -> Tensor: ...

class EnergyDistanceLoss(LossModule):
    """Energy distance of two samples: how much further apart rows of different samples are than rows of the same."""

    def __init__(
        self,
        *,
        unbiased: bool = False,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
    ) -> Tensor: ...

class GaussianNLLLoss(LossModule):
    """Gaussian likelihood of a target around the mean `input`, with a variance that the model gives too."""

    def __init__(
        self,
        *,
        full: bool = False,
        eps: float | Tensor = 1e-06,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        var: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        var: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class BetaNllLoss(LossModule):
    """Gaussian likelihood of a mean and a variance, each row weighted by its variance to the power `beta`."""

    def __init__(
        self,
        *,
        beta: float | Tensor = 0.5,
        eps: float | Tensor = 1e-06,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        var: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        var: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class CrpsGaussianLoss(LossModule):
    """Continuous ranked probability score of a Gaussian with mean `input` and variance `var`, in closed form."""

    def __init__(
        self,
        *,
        eps: float | Tensor = 1e-06,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        var: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        var: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class WingLoss(LossModule):
    """Logarithmic below `width`, so that small errors pull hardest; absolute error beyond."""

    def __init__(
        self,
        *,
        width: float | Tensor = 10.0,
        epsilon: float | Tensor = 2.0,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

class AdaptiveWingLoss(LossModule):
    """Wing loss of heatmaps with targets from 0 to 1: sharp at the peaks, nearly squared error on the background."""

    def __init__(
        self,
        *,
        alpha: float | Tensor = 2.1,
        omega: float | Tensor = 14.0,
        epsilon: float | Tensor = 1.0,
        theta: float | Tensor = 0.5,
        reduction: Reduction = "mean",
        normalize: Normalize = "weight",
        empty: Empty = "zero",
    ) -> None: ...
    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...
    def __call__(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor: ...

def __getattr__(name: str) -> Any: ...  # what this torch has beyond the one that wrote the file
