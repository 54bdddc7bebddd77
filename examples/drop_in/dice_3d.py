"""Trains as the 3D spleen segmentation tutorial of MONAI does, on balls; prints the loss of each step.

Like https://github.com/Project-MONAI/tutorials/blob/main/3d_segmentation/spleen_segmentation_3d.ipynb: two
outputs, Dice loss of labels that are turned into one channel each after a softmax, Adam at .0001, batches of 2. The
network is smaller.
"""

import numpy as np
import torch
from monai.losses import DiceLoss
from torch import nn


def balls(count: int, size: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Noisy volumes (N, 1, size, size, size) of bright balls, and for each voxel its label, 0 or 1."""
    random = np.random.default_rng(0)
    places = np.mgrid[:size, :size, :size][:, None]
    middle, radius = random.uniform(4, size - 4, (3, count, 1, 1, 1)), random.uniform(2, 4, (count, 1, 1, 1))
    labels = np.square(places - middle).sum(0) < np.square(radius)
    return (labels + 0.3 * random.normal(size=labels.shape))[:, None], labels[:, None].astype(float)


images, labels = (torch.tensor(part).float() for part in balls(40))

torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv3d(1, 8, 3, stride=2, padding=1),
    nn.BatchNorm3d(8),
    nn.PReLU(),
    nn.Conv3d(8, 8, 3, padding=1),
    nn.PReLU(),
    nn.ConvTranspose3d(8, 2, 2, stride=2),
)
loss_function = DiceLoss(to_onehot_y=True, softmax=True)
optimizer = torch.optim.Adam(model.parameters(), 1e-4)

for step in range(20):
    batch = slice(2 * step, 2 * step + 2)
    optimizer.zero_grad()
    loss = loss_function(model(images[batch]), labels[batch])
    loss.backward()
    optimizer.step()
    print(f"step {step}: {loss.item()}")
