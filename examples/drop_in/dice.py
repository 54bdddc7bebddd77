"""Trains as the 2D segmentation tutorial of MONAI does, on discs; prints the loss of each step.

Like https://github.com/Project-MONAI/tutorials/blob/main/2d_segmentation/torch/unet_training_array.py: a U-Net with one
output, Dice loss after a sigmoid, Adam at .001, batches of 4. The network is smaller.
"""

import numpy as np
import torch
from monai.losses import DiceLoss
from torch import nn


def discs(count: int, size: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Noisy pictures (N, 1, size, size) of bright discs, and the masks of these, 0 and 1."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:size, :size]
    middle, radius = random.uniform(6, size - 6, (2, count, 1, 1)), random.uniform(2, 6, (count, 1, 1))
    masks = np.hypot(rows - middle[0], columns - middle[1]) < radius
    return (masks + 0.3 * random.normal(size=masks.shape))[:, None], masks[:, None].astype(float)


class UNet(nn.Module):
    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, width, 3, stride=2, padding=1), nn.InstanceNorm2d(width), nn.PReLU())
        self.deep = nn.Sequential(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.PReLU())
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.head = nn.ConvTranspose2d(2 * width, 1, 2, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        fine = self.down(x)
        return self.head(torch.cat([fine, self.up(self.deep(fine))], dim=1))


images, masks = (torch.tensor(part).float() for part in discs(80))

torch.manual_seed(0)
model = UNet()
loss_function = DiceLoss(sigmoid=True)
optimizer = torch.optim.Adam(model.parameters(), 1e-3)

for step in range(20):
    batch = slice(4 * step, 4 * step + 4)
    optimizer.zero_grad()
    loss = loss_function(model(images[batch]), masks[batch])
    loss.backward()
    optimizer.step()
    print(f"step {step}: {loss.item()}")
