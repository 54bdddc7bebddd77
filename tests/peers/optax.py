"""optax, on jax in float64."""

from typing import Any

from .rows import Peer, Row


def names() -> dict[str, Any]:
    import jax
    import optax

    jax.config.update("jax_enable_x64", True)
    return {"optax": optax, "jax": jax}


ROWS = (
    Row("F.mse_loss(x, y)", "optax.l2_loss(x, y).mean()", "real", "half of the square", "F.mse_loss(x, y) / 2"),
    Row("F.mse_loss(x, y)", "optax.squared_error(x, y).mean()", "real"),
    Row("F.huber_loss(x, y, delta=0.7)", "optax.huber_loss(x, y, delta=0.7).mean()", "real"),
    Row("F.log_cosh_loss(x, y)", "optax.log_cosh(x, y).mean()", "real"),
    Row("F.binary_cross_entropy_with_logits(x, y)", "optax.sigmoid_binary_cross_entropy(x, y).mean()", "two_classes"),
    Row("F.cross_entropy(x, y)", "optax.softmax_cross_entropy_with_integer_labels(x, y).mean()", "classes"),
    Row(
        "F.cross_entropy(x, rows, label_smoothing=0.1)",
        "optax.softmax_cross_entropy(x, optax.smooth_labels(rows, 0.1)).mean()",
        "classes",
    ),
    Row(
        "F.poly1_cross_entropy(x, y)",
        "optax.losses.poly_loss_cross_entropy(x, rows).mean()",
        "classes",
        "epsilon is 2",
        "F.poly1_cross_entropy(x, y, epsilon=2.0)",
    ),
    Row(
        "F.sigmoid_focal_loss(x, y)",
        "optax.sigmoid_focal_loss(x, y).mean()",
        "two_classes",
        "no alpha by default, which counts as 1 for both classes",
        "2 * F.sigmoid_focal_loss(x, y, alpha=0.5)",
    ),
    Row("F.sigmoid_focal_loss(x, y)", "optax.sigmoid_focal_loss(x, y, alpha=0.25).mean()", "two_classes"),
    Row("F.hinge_loss(x, y)", "optax.hinge_loss(x, 2 * y - 1).mean()", "two_classes"),
    Row("F.crammer_singer_loss(x, y)", "optax.losses.multiclass_hinge_loss(x, y).mean()", "classes"),
    Row("F.kl_div(x.log(), y, reduction='batchmean')", "optax.kl_divergence(jnp.log(x), y).mean()", "distributions"),
    Row("F.cosine_embedding_loss(x, y, torch.ones(8))", "optax.cosine_distance(x, y).mean()", "views"),
    Row(
        "F.triplet_margin_loss(x, y, z)",
        "optax.losses.triplet_margin_loss(x, y, z).mean()",
        "views",
        "eps is added to the squared distance, not to the differences",
        within=1e-5,
    ),
    Row(
        "F.listnet_loss(x, y)",
        "optax.losses.ranking_softmax_loss(x, y)",
        "lists",
        "weights are the relevance itself, not its softmax",
        "-(y * x.log_softmax(1)).sum(1).mean()",
    ),
    Row(
        "F.sigmoid_dice_loss(x, y)",
        "optax.losses.binary_dice_loss(x.reshape(2, 20), y.reshape(2, 20)).mean()",
        "region",
        "smooth is 1, beside an overlap that is not doubled",
        "F.sigmoid_dice_loss(x, y, smooth=2.0)",
    ),
    Row(
        "F.dice_loss(x, y)",
        "optax.losses.dice_loss(jnp.moveaxis(x, 1, -1), jnp.moveaxis(channels, 1, -1)).mean()",
        "masks",
        "smooth is 1, beside an overlap that is not doubled",
        "F.dice_loss(x, y, smooth=2.0)",
    ),
    Row(
        "F.generalized_dice_loss(x, y)",
        "optax.losses.multiclass_generalized_dice_loss(jnp.moveaxis(x, 1, -1), jnp.moveaxis(channels, 1, -1)).mean()",
        "masks",
        "a mean of the Dice losses of the classes, weighted by the pixels of the batch",
        within=1.0,
    ),
    Row(
        "F.nt_xent_loss(x, y, temperature=0.07)",
        "optax.losses.ntxent(jnp.concatenate((x, y)), jnp.tile(jnp.arange(8), 2))",
        "views",
    ),
    Row(
        "F.ctc_loss(x.log_softmax(2).movedim(1, 0), y, torch.tensor([9, 9]), torch.tensor([3, 3]), reduction='none')",
        "optax.ctc_loss(x, jnp.zeros((2, 9)), y, jnp.zeros((2, 3)))",
        "sequences",
    ),
)
PEER = Peer("optax", names, ROWS, kind="jax")
