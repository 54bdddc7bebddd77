"""pytorch-metric-learning."""

from typing import Any

import torch
from torch import Tensor

from .rows import Peer, Row


def names() -> dict[str, Any]:
    from pytorch_metric_learning import distances, losses, miners, reducers

    def holding(loss: torch.nn.Module, name: str, weight: Tensor) -> torch.nn.Module:
        """The loss with these class weights, proxies or centres."""
        getattr(loss, name).data = weight
        return loss

    return {"distances": distances, "losses": losses, "miners": miners, "reducers": reducers, "holding": holding}


RAW = "distances.LpDistance(normalize_embeddings=False)"
ALL = "reducer=reducers.MeanReducer()"
ROWS = (
    Row(
        "F.arcface_loss(x, weight, y)",
        "holding(losses.ArcFaceLoss(4, 6), 'W', weight.T)(x, y)",
        "embeddings",
        "the margin is 28.6 degrees",
        "F.arcface_loss(x, weight, y, margin=28.6 * torch.pi / 180)",
    ),
    Row("F.cosface_loss(x, weight, y)", "holding(losses.CosFaceLoss(4, 6), 'W', weight.T)(x, y)", "embeddings"),
    Row("F.sphereface_loss(x, weight, y)", "holding(losses.SphereFaceLoss(4, 6), 'W', weight.T)(x, y)", "embeddings"),
    Row(
        "F.sub_center_arcface_loss(x, centres, y, margin=28.6 * torch.pi / 180)",
        "holding(losses.SubCenterArcFaceLoss(num_classes=4, embedding_size=6), 'W', centres.flatten(0, 1).T)(x, y)",
        "embeddings",
    ),
    Row(
        "F.proxy_anchor_loss(x, weight, y)",
        "holding(losses.ProxyAnchorLoss(4, 6), 'proxies', weight)(x, y)",
        "embeddings",
    ),
    Row(
        "F.proxy_nca_loss(x, weight, y)",
        "holding(losses.ProxyNCALoss(4, 6), 'proxies', weight)(x, y)",
        "embeddings",
        "the row's own proxy is in the sum",
        "F.proxy_nca_loss(x, weight, y, with_own=True)",
    ),
    Row(
        "F.soft_triple_loss(x, centres, y)",
        "holding(losses.SoftTripleLoss(4, 6, centers_per_class=3), 'fc', centres.flatten(0, 1).T)(x, y)",
        "embeddings",
    ),
    Row("F.multi_similarity_loss(x, y)", "losses.MultiSimilarityLoss()(x, y)", "embeddings"),
    Row(
        "F.circle_loss(x, y, margin=0.4)",
        "losses.CircleLoss()(x, y)",
        "embeddings",
        "torch's softplus is a line from 20 on",
        within=1e-8,
    ),
    Row(
        "F.lifted_structure_loss(x, y)",
        f"losses.GeneralizedLiftedStructureLoss(distance={RAW})(x, y)",
        "embeddings",
        "another loss: one pull and one push for each row",
        within=2.0,
    ),
    Row("F.lifted_structure_loss(x, y)", f"losses.LiftedStructureLoss(distance={RAW})(x, y)", "embeddings"),
    Row(
        "F.batch_hard_triplet_loss(x, y)",
        f"losses.TripletMarginLoss(margin=0.2, distance={RAW}, {ALL})"
        f"(x, y, miners.BatchHardMiner(distance={RAW})(x, y))",
        "embeddings",
    ),
    Row("F.supcon_loss(x, y)", "losses.SupConLoss()(x, y)", "embeddings"),
    Row(
        "F.smooth_ap_loss(x[:8], y[:8])",
        "losses.SmoothAPLoss()(x[:8], y[:8])",
        "embeddings",
        "the row counts as a find of its own",
        within=2.0,
    ),
    Row(
        "F.nt_xent_loss(x, y)",
        "losses.NTXentLoss(temperature=0.5)(torch.cat((x, y)), torch.arange(8).repeat(2))",
        "views",
    ),
    Row(
        "F.nt_xent_loss(x, y)",
        "losses.NTXentLoss()(torch.cat((x, y)), torch.arange(8).repeat(2))",
        "views",
        "the temperature is 0.07",
        "F.nt_xent_loss(x, y, temperature=0.07)",
    ),
    Row(
        "F.n_pair_loss(x, y)",
        "losses.NPairsLoss(distance=distances.DotProductSimilarity(normalize_embeddings=False))"
        "(torch.cat((x, y)), torch.arange(8).repeat(2))",
        "views",
    ),
    Row("F.vicreg_loss(x, y)", "losses.VICRegLoss()(x, ref_emb=y)", "views"),
    Row(
        "F.contrastive_loss(x, z, torch.tensor([0, 1] * 4).double())",
        f"losses.ContrastiveLoss(distance={RAW})(torch.cat((x, z)), torch.arange(16), "
        "(torch.arange(1, 8, 2), torch.arange(9, 16, 2), torch.arange(0, 8, 2), torch.arange(8, 16, 2)))",
        "views",
        "distances are not squared, and pairs of each sort that cost nothing are left out of its mean",
        within=1.0,
    ),
    Row(
        "F.triplet_margin_loss(x, y, z, eps=0.0)",
        f"losses.TripletMarginLoss(margin=1.0, distance={RAW}, {ALL})(torch.cat((x, y, z)), torch.arange(24), "
        "(torch.arange(8), torch.arange(8) + 8, torch.arange(8) + 16))",
        "views",
    ),
)
NOTE = "`holding` gives a loss its class weights, proxies or centres, which it otherwise draws."
PEER = Peer("pytorch-metric-learning", names, ROWS, note=NOTE)
