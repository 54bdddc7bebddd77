"""Keras with torch behind it."""

import os
from typing import Any

from .rows import Peer, Row


def names() -> dict[str, Any]:
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    keras.config.set_floatx("float64")
    return {"keras": keras, "losses": keras.losses}


ROWS = (
    Row("F.l1_loss(x, y)", "losses.mean_absolute_error(y, x)", "real"),
    Row("F.mse_loss(x, y)", "losses.mean_squared_error(y, x)", "real"),
    Row("F.huber_loss(x, y, delta=0.7)", "losses.huber(y, x, delta=0.7)", "real"),
    Row("F.log_cosh_loss(x, y)", "losses.log_cosh(y, x)", "real"),
    Row("F.msle_loss(x, y)", "losses.mean_squared_logarithmic_error(y, x)", "positive"),
    Row(
        "F.mape_loss(x, y)",
        "losses.mean_absolute_percentage_error(y, x)",
        "real",
        "in percent",
        "100 * F.mape_loss(x, y)",
    ),
    Row("F.poisson_nll_loss(x, y, log_input=False)", "losses.poisson(y, x)", "positive"),
    Row("F.kl_div(x.log(), y, reduction='batchmean')", "losses.kl_divergence(y, x).mean()", "distributions"),
    Row("F.binary_cross_entropy(x, y)", "losses.binary_crossentropy(y, x)", "chances"),
    Row(
        "F.binary_cross_entropy_with_logits(x, y)", "losses.binary_crossentropy(y, x, from_logits=True)", "two_classes"
    ),
    Row(
        "F.sigmoid_focal_loss(x, y)",
        "losses.binary_focal_crossentropy(y, x, from_logits=True)",
        "two_classes",
        "alpha is not used there unless apply_class_balancing is set",
        "F.sigmoid_focal_loss(x, y, alpha=0.5) * 2",
    ),
    Row(
        "F.sigmoid_focal_loss(x, y)",
        "losses.binary_focal_crossentropy(y, x, from_logits=True, apply_class_balancing=True)",
        "two_classes",
    ),
    Row("F.cross_entropy(x, y)", "losses.sparse_categorical_crossentropy(y, x, from_logits=True).mean()", "classes"),
    Row(
        "F.cross_entropy(x, rows, label_smoothing=0.1)",
        "losses.categorical_crossentropy(rows, x, from_logits=True, label_smoothing=0.1).mean()",
        "classes",
    ),
    Row(
        "F.focal_loss(x, y)",
        "losses.categorical_focal_crossentropy(rows, x, from_logits=True).mean()",
        "classes",
        "alpha is 0.25 for all classes",
        "F.focal_loss(x, y) / 4",
    ),
    Row(
        "F.generalized_cross_entropy(x, y, q=0.4)",
        "losses.categorical_generalized_cross_entropy(y, x.softmax(1), q=0.4).mean()",
        "classes",
    ),
    Row(
        "F.class_absolute_error_loss(x, y)",
        "losses.mean_absolute_error(rows, x.softmax(1)).mean()",
        "classes",
        "the mean over the classes, not their sum",
        "F.class_absolute_error_loss(x, y) / 5",
    ),
    Row("F.hinge_loss(x, y)", "losses.hinge(y, x)", "two_classes"),
    Row("F.squared_hinge_loss(x, y)", "losses.squared_hinge(y, x)", "two_classes"),
    Row(
        "F.crammer_singer_loss(x, y)",
        "losses.categorical_hinge(rows, x).mean()",
        "classes",
        "x * (1 - rows) counts as a score: the best other class is at least 0",
        within=1.0,
    ),
    Row(
        "F.dice_loss(x, y)",
        "losses.dice(channels, x.softmax(1))",
        "masks",
        "all images and classes are one region",
        within=0.5,
    ),
    Row(
        "F.tversky_loss(x, y, alpha=0.3, beta=0.7)",
        "losses.tversky(channels, x.softmax(1), alpha=0.3, beta=0.7)",
        "masks",
        "all images and classes are one region",
        within=0.5,
    ),
    Row(
        "F.circle_loss(x, y, margin=0.4, reduction='none')",
        "losses.circle(y, torch.nn.functional.normalize(x))",
        "embeddings",
        "the value agrees; in the gradient the weights of the pairs are not held constant",
        within=0.6,
    ),
    Row(
        "F.cosine_embedding_loss(x, y, torch.ones(8))",
        "losses.cosine_similarity(y, x).mean()",
        "views",
        "minus the cosine",
        "F.cosine_embedding_loss(x, y, torch.ones(8)) - 1",
    ),
    Row(
        "F.brier_loss(x, y)",
        "losses.mean_squared_error(rows, x.softmax(1)).mean()",
        "classes",
        "the mean over the classes, not their sum",
        "F.brier_loss(x, y) / 5",
    ),
    Row(
        "F.ctc_loss(x.log_softmax(2).movedim(1, 0), y, torch.tensor([9, 9]), torch.tensor([3, 3]), reduction='none')",
        "losses.ctc(y, x)",
        "sequences",
    ),
)
PEER = Peer("keras", names, ROWS, single=True)  # it averages in float32, whatever it is given
