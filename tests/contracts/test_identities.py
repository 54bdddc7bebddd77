"""Losses that are each other at some of their parameters."""

import math

import pytest
import torch
from torch import Tensor

from losslab.catalog import CATALOGUE
from losslab.testing.samples import draw

REAL = draw(CATALOGUE["mse_loss"], shape=(40,), seed=5)
CLASS = draw(CATALOGUE["cross_entropy"], shape=(40,), seed=5)
ANSWER = draw(CATALOGUE["binary_cross_entropy_with_logits"], shape=(40,), seed=5)
COUNT = (REAL[0], torch.arange(40).double() % 7 + 1)


def values(name: str, data: tuple[Tensor, Tensor], **options) -> Tensor:
    return CATALOGUE[name](*data, reduction="none", **options)


def own(name: str, factor: float = 1.0, offset: float = 0.0, **options):
    return lambda data: factor * values(name, data, **options) + offset


def flipped(name: str, **options):
    """With input and target swapped."""
    return lambda data: values(name, (data[1], data[0]), **options)


def two_classes(name: str, factor: float = 1.0, **options):
    """A loss over classes on the scores 0 and x."""
    return lambda data: (
        factor * values(name, (torch.stack([torch.zeros_like(data[0]), data[0]], -1), data[1].long()), **options)
    )


def constant_in_input(one, other, data: tuple[Tensor, Tensor]) -> Tensor:
    """The difference of two losses, less what does not depend on the input."""
    elsewhere = (data[0] - 1.3, data[1])
    return (one(data) - other(data)) - (one(elsewhere) - other(elsewhere))


SAME = {
    "the median quantile is half the absolute error": (own("quantile_loss", quantile=0.5), own("l1_loss", 0.5), REAL),
    "opposite quantiles are each other's mirror": (own("quantile_loss", quantile=0.8),
                                                   flipped("quantile_loss", quantile=0.2), REAL),
    "quantiles of p and 1 - p add up to the absolute error": (
        lambda data: values("quantile_loss", data, quantile=0.3) + values("quantile_loss", data, quantile=0.7),
        own("l1_loss"), REAL),
    "the middle expectile is half the square": (own("expectile_loss", expectile=0.5), own("mse_loss", 0.5), REAL),
    "a wide Huber is half the square": (own("huber_loss", delta=1e6), own("mse_loss", 0.5), REAL),
    "a sharp smooth L1 is the absolute error": (own("smooth_l1_loss", beta=0.0), own("l1_loss"), REAL),
    "no band leaves the absolute error": (own("epsilon_insensitive_loss", epsilon=0.0), own("l1_loss"), REAL),
    "no band leaves the square": (own("squared_epsilon_insensitive_loss", epsilon=0.0), own("mse_loss"), REAL),
    "the squared band is the band's square": (
        own("squared_epsilon_insensitive_loss", epsilon=0.4),
        lambda data: values("epsilon_insensitive_loss", data, epsilon=0.4).square(), REAL),
    "general robust at 2 is half the square": (own("general_robust_loss", alpha=2.0, scale=0.5),
                                               own("mse_loss", 2.0), REAL),
    "general robust at 1 is pseudo-Huber": (own("general_robust_loss", 0.25, alpha=1.0, scale=0.5),
                                            own("pseudo_huber_loss", scale=0.5), REAL),
    "general robust at 0 is Cauchy": (own("general_robust_loss", alpha=0.0, scale=1.0),
                                      own("cauchy_loss", scale=math.sqrt(2)), REAL),
    "general robust at -2 is Geman-McClure": (own("general_robust_loss", alpha=-2.0, scale=1.0),
                                              own("geman_mcclure_loss", scale=2.0), REAL),
    "general robust at -inf is Welsch": (own("general_robust_loss", alpha=-math.inf, scale=1.0),
                                         own("welsch_loss", scale=math.sqrt(2)), REAL),
    "Laplace's likelihood is the absolute error": (own("laplace_nll_loss", scale=2.5),
                                                   own("l1_loss", 0.4, math.log(5)), REAL),
    "focal without its power is cross-entropy": (own("focal_loss", gamma=0.0), own("cross_entropy"), CLASS),
    "sigmoid focal without its power is half the log loss": (
        own("sigmoid_focal_loss", gamma=0.0, alpha=0.5), own("binary_cross_entropy_with_logits", 0.5), ANSWER),
    "dual focal without its power is cross-entropy": (own("dual_focal_loss", gamma=0.0), own("cross_entropy"), CLASS),
    "one power for all rows is focal": (own("sample_dependent_focal_loss", gamma_hard=1.7, gamma_easy=1.7),
                                        own("focal_loss", gamma=1.7), CLASS),
    "poly1 with 0 is cross-entropy": (own("poly1_cross_entropy", epsilon=0.0), own("cross_entropy"), CLASS),
    "poly1 focal with 0 is focal": (own("poly1_focal_loss", epsilon=0.0, gamma=1.3),
                                    own("focal_loss", gamma=1.3), CLASS),
    "poly1 focal without its power is poly1": (own("poly1_focal_loss", epsilon=0.7, gamma=0.0),
                                               own("poly1_cross_entropy", epsilon=0.7), CLASS),
    "generalised cross-entropy at 1 is half the absolute error": (own("generalized_cross_entropy", q=1.0),
                                                                  own("class_absolute_error_loss", 0.5), CLASS),
    "generalised cross-entropy near 0 is cross-entropy": (own("generalized_cross_entropy", q=1e-9),
                                                          own("cross_entropy"), CLASS),
    "Taylor's first term is half the absolute error": (own("taylor_cross_entropy_loss", order=1.0),
                                                       own("class_absolute_error_loss", 0.5), CLASS),
    "no penalty is cross-entropy": (own("confidence_penalty_loss", beta=0.0), own("cross_entropy"), CLASS),
    "no margin penalty is cross-entropy": (own("margin_label_smoothing_loss", penalty=0.0),
                                           own("cross_entropy"), CLASS),
    "log-probabilities are cross-entropy": (lambda data: values("nll_loss", (data[0].log_softmax(-1), data[1])),
                                            own("cross_entropy"), CLASS),
    "a sigmoid before is the log loss": (lambda data: values("binary_cross_entropy", (data[0].sigmoid(), data[1])),
                                         own("binary_cross_entropy_with_logits"), ANSWER),
    "two classes are the log loss": (two_classes("cross_entropy"), own("binary_cross_entropy_with_logits"), ANSWER),
    "Brier of two classes is twice the binary one": (two_classes("brier_loss", 0.5), own("sigmoid_brier_loss"), ANSWER),
    "the squared hinge is the hinge's square": (own("squared_hinge_loss", margin=0.8),
                                                lambda data: values("hinge_loss", data, margin=0.8).square(), ANSWER),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_one_is_the_other(name):
    one, other, data = SAME[name]
    torch.testing.assert_close(one(data), other(data), rtol=1e-6, atol=1e-7)


LIKELIHOODS = {
    "Tweedie near 1 is Poisson": ("tweedie_loss", {"power": 1 + 1e-7}, "poisson_nll_loss", {}),
    "Tweedie near 2 is gamma": ("tweedie_loss", {"power": 2 - 1e-9}, "gamma_nll_loss", {}),
    "little dispersion is Poisson": ("negative_binomial_nll_loss", {"dispersion": 1e-8}, "poisson_nll_loss", {}),
    "many degrees of freedom are half the square": ("student_t_nll_loss", {"df": 1e8}, "mse_loss", {}),
}


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_likelihoods_are_the_other_up_to_what_the_input_does_not_move(name):
    first, options, second, rest = LIKELIHOODS[name]
    factor = 0.5 if second == "mse_loss" else 1.0
    found = constant_in_input(own(first, **options), own(second, factor, **rest), COUNT)
    torch.testing.assert_close(found, torch.zeros_like(found), rtol=0, atol=1e-4)
