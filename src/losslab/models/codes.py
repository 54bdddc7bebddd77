"""Columns that hold codes of categories: an embedding for each, or a weight for each level."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

MOST = 50  # numbers for a category


def embedding_width(levels: int) -> int:
    """How many numbers stand for a category of so many levels: 1.6 L^0.56, at most 50 (fastai's rule, with 600)."""
    return min(MOST, round(1.6 * levels**0.56))


def plain_columns(in_features: int, levels: Mapping[int, int]) -> list[int]:
    """The columns that hold no codes. Raises ValueError for a column that is not there, or without levels."""
    for column, count in levels.items():
        if not 0 <= column < in_features or count < 1:
            raise ValueError(f"levels: column {column} with {count} levels, of {in_features} columns from 0")
    return [column for column in range(in_features) if column not in levels]


class Codes(nn.Module):
    """(..., D) to (..., out_features): plain columns as they are, then the embedding of each column of codes.

    levels: {column: L}, where that column holds 0..L-1 as floats. Embeddings begin uniform in +-1/sqrt(width)
    (Gorishniy et al. 2021); that of code 0, which stands for values not seen in training, begins at zero.
    """

    def __init__(self, in_features: int, levels: Mapping[int, int]) -> None:
        super().__init__()
        self.plain = plain_columns(in_features, levels)
        self.coded = sorted(levels)
        self.tables = nn.ModuleList(nn.Embedding(levels[c], embedding_width(levels[c])) for c in self.coded)
        self.out_features = len(self.plain) + sum(embedding_width(levels[column]) for column in self.coded)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for weight in self.tables.parameters():
            bound = weight.shape[1] ** -0.5
            nn.init.uniform_(weight, -bound, bound)
            with torch.no_grad():
                weight[0].zero_()

    def forward(self, x: Tensor) -> Tensor:
        embedded = [table(x[..., column].long()) for column, table in zip(self.coded, self.tables, strict=True)]
        return torch.cat([x[..., self.plain], *embedded], dim=-1)


class LinearOfCodes(nn.Module):
    """(..., D) to (..., out_features): a linear layer of the plain columns, plus a weight for each level of the codes.

    The same model as a linear layer of one-hot columns. The weights of levels begin at zero.
    """

    def __init__(self, in_features: int, out_features: int, levels: Mapping[int, int]) -> None:
        super().__init__()
        self.plain = plain_columns(in_features, levels)
        self.coded = sorted(levels)
        self.linear = nn.Linear(len(self.plain), out_features) if self.plain else None
        self.tables = nn.ModuleList(nn.Embedding(levels[column], out_features) for column in self.coded)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for weight in self.tables.parameters():
            nn.init.zeros_(weight)

    def forward(self, x: Tensor) -> Tensor:
        found = [table(x[..., column].long()) for column, table in zip(self.coded, self.tables, strict=True)]
        if self.linear is not None:
            found.append(self.linear(x[..., self.plain]))
        return torch.stack(found).sum(dim=0)
