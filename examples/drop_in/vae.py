"""Trains as the variational autoencoder of pytorch/examples does, on the digits of scikit-learn; prints its losses.

Like https://github.com/pytorch/examples/blob/main/vae/main.py: the binary cross-entropy of the pixels, summed, and the
divergence of the code from a normal distribution; Adam at .001.
"""

import torch
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.nn import functional as F


class VAE(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inside = nn.Linear(64, 40)
        self.mean, self.logvar = nn.Linear(40, 4), nn.Linear(40, 4)
        self.outside, self.pixels = nn.Linear(4, 40), nn.Linear(40, 64)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        hidden = F.relu(self.inside(x))
        mean, logvar = self.mean(hidden), self.logvar(hidden)
        code = mean + torch.randn_like(mean) * torch.exp(0.5 * logvar)
        return torch.sigmoid(self.pixels(F.relu(self.outside(code)))), mean, logvar


def loss_function(pixels: torch.Tensor, x: torch.Tensor, mean: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    divergence = -0.5 * torch.sum(1 + logvar - mean.pow(2) - logvar.exp())
    return F.binary_cross_entropy(pixels, x, reduction="sum") + divergence


images = torch.tensor(load_digits().data).float() / 16

torch.manual_seed(1)
model = VAE()
optimizer = optim.Adam(model.parameters(), lr=1e-3)

for step in range(30):
    data = images[torch.randint(len(images), (128,))]
    optimizer.zero_grad()
    pixels, mean, logvar = model(data)
    loss = loss_function(pixels, data, mean, logvar)
    loss.backward()
    optimizer.step()
    print(f"step {step}: {loss.item() / len(data)}")
