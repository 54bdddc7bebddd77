"""A multilayer perceptron with residual blocks."""

from collections.abc import Mapping

from torch import Tensor, nn

from losslab.models.codes import Codes

EXPANSION = 2  # the inside of a block is so many times as wide


class ResidualBlock(nn.Module):
    """x + linear(dropout(relu(linear(norm(x))))), from (N, width) to (N, width)."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, EXPANSION * width)
        self.dropout = nn.Dropout(dropout)
        self.contract = nn.Linear(EXPANSION * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.contract(self.dropout(self.expand(self.norm(x)).relu()))


def resmlp(
    in_features: int,
    out_features: int,
    width: int = 64,
    depth: int = 2,
    *,
    dropout: float = 0.0,
    levels: Mapping[int, int] | None = None,
) -> nn.Sequential:
    """(N, in_features) to (N, out_features): a linear layer, `depth` residual blocks, norm, ReLU and a linear head.

    Columns of codes are embedded first. The tables' ResNet of Gorishniy et al. 2021, with LayerNorm in the place of
    BatchNorm: it keeps no running statistics, and trains on a batch of one row.
    """
    layers: list[nn.Module] = []
    if levels:
        codes = Codes(in_features, levels)
        layers, in_features = [codes], codes.out_features
    blocks = [ResidualBlock(width, dropout) for _ in range(depth)]
    return nn.Sequential(
        *layers,
        nn.Linear(in_features, width),
        *blocks,
        nn.LayerNorm(width),
        nn.ReLU(),
        nn.Linear(width, out_features),
    )
