"""scipy: distributions, divergences and the robust losses of least squares."""

from typing import Any

from .rows import Peer, Row


def names() -> dict[str, Any]:
    import numpy as np
    from scipy import optimize, special, stats
    from scipy.spatial.distance import jensenshannon

    def least_squares(kind: str, x: Any, y: Any, scale: float) -> float:
        """The cost of optimize.least_squares at its start, which is half a sum: least over no parameter."""
        start = np.zeros(1)
        return optimize.least_squares(lambda p: (x - y) + 0 * p[0], start, loss=kind, f_scale=scale).cost

    return {
        "special": special,
        "stats": stats,
        "jensenshannon": jensenshannon,
        "least_squares": least_squares,
    }


ROWS = (
    Row("F.huber_loss(x, y, delta=0.7)", "special.huber(0.7, x - y).mean()", "real"),
    Row("F.pseudo_huber_loss(x, y, scale=0.7)", "special.pseudo_huber(0.7, x - y).mean()", "real"),
    Row("F.pseudo_huber_loss(x, y, scale=0.7, reduction='sum')", "least_squares('soft_l1', x, y, 0.7)", "real"),
    Row("F.cauchy_loss(x, y, scale=0.7, reduction='sum')", "least_squares('cauchy', x, y, 0.7)", "real"),
    Row("F.huber_loss(x, y, delta=0.7, reduction='sum')", "least_squares('huber', x, y, 0.7)", "real"),
    Row("F.laplace_nll_loss(x, y, scale=0.7)", "-stats.laplace.logpdf(y, x, 0.7).mean()", "real"),
    Row("F.student_t_nll_loss(x, y, df=3.0, scale=0.7)", "-stats.t.logpdf(y, 3.0, x, 0.7).mean()", "real"),
    Row(
        "F.gaussian_nll_loss(x, y, 0.7 * torch.ones_like(x), full=True)",
        "-stats.norm.logpdf(y, x, 0.7**0.5).mean()",
        "real",
    ),
    Row("F.poisson_nll_loss(x, y, full=True)", "-stats.poisson.logpmf(y, np.exp(x)).mean()", "counts"),
    Row(
        "F.negative_binomial_nll_loss(x, y, dispersion=0.7)",
        "-stats.nbinom.logpmf(y, 1 / 0.7, 1 / (1 + 0.7 * np.exp(x))).mean()",
        "counts",
    ),
    Row("F.gamma_nll_loss(x, y, shape=1.0)", "-stats.expon.logpdf(y, scale=np.exp(x)).mean()", "positive"),
    Row("F.gamma_nll_loss(x, y, shape=2.5)", "-stats.gamma.logpdf(y, 2.5, scale=np.exp(x) / 2.5).mean()", "positive"),
    Row(
        "F.weibull_aft_loss(x, scale, time, torch.ones(12).bool())",
        "-stats.weibull_min.logpdf(time, np.exp(-scale), scale=np.exp(x)).mean()",
        "times",
    ),
    Row(
        "F.log_normal_aft_loss(x, scale, time, torch.ones(12).bool())",
        "-stats.lognorm.logpdf(time, np.exp(scale), scale=np.exp(x)).mean()",
        "times",
    ),
    Row("F.kl_div(x.log(), y, reduction='batchmean')", "stats.entropy(y, x, axis=1).mean()", "distributions"),
    Row("F.kl_div(x.log(), y, reduction='sum')", "special.rel_entr(y, x).sum()", "distributions"),
    Row(
        "F.js_divergence_loss(x.log(), y)",
        "jensenshannon(x, y, axis=1).mean()",
        "distributions",
        "the root of the divergence",
        "F.js_divergence_loss(x.log(), y, reduction='none').sqrt().mean()",
    ),
    Row(
        "F.wasserstein_1d_loss(x.log(), y, reduction='none')[0]",
        "stats.wasserstein_distance(range(5), range(5), x[0], y[0])",
        "distributions",
    ),
    Row(
        "F.energy_distance_loss(x, y)",
        "stats.energy_distance(x[:, 0], y[:, 0])",
        "samples",
        "the root of the distance",
        "F.energy_distance_loss(x, y).sqrt()",
    ),
    Row(
        "F.binary_cross_entropy_with_logits(x, y)",
        "-(special.log_expit(x) * y + special.log_expit(-x) * (1 - y)).mean()",
        "two_classes",
    ),
    Row("F.nll_loss(x.log_softmax(1), y)", "-special.log_softmax(x, 1)[range(8), y].mean()", "classes"),
)
PEER = Peer(
    "scipy",
    names,
    ROWS,
    kind="numpy",
    note="`least_squares` is the cost of `scipy.optimize.least_squares` where it starts.",
)
