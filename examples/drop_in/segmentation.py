"""A small U-Net finds discs and squares in noisy pictures whose edges are not judged; prints its losses."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

NOT_JUDGED = 255


def pictures(count: int, size: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (N, 1, size, size), and for each pixel its class: background 0, disc 1, square 2."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:size, :size]
    masks = np.zeros((count, size, size), dtype=np.int64)
    for mask in masks:
        (y1, x1), (y2, x2) = random.integers(8, size - 8, (2, 2))
        far, wide = np.hypot(rows - y1, columns - x1), np.maximum(abs(rows - y2), abs(columns - x2))
        mask[far < 6] = 1
        mask[wide < 4] = 2
        mask[abs(far - 6) < 0.5] = NOT_JUDGED
    grey = np.where(masks == NOT_JUDGED, 0, masks) / 2
    return (grey + 0.3 * random.normal(size=masks.shape))[:, None], masks


class UNet(nn.Module):
    def __init__(self, classes: int, width: int = 8) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.deep = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU())
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.head = nn.Conv2d(2 * width, classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        fine = self.down(x)
        return self.head(torch.cat([fine, self.up(self.deep(fine))], dim=1))


grey, masks = pictures(40)
images, target = torch.tensor(grey).float(), torch.tensor(masks)

torch.manual_seed(0)
model = UNet(classes=3)
loss_fn = nn.CrossEntropyLoss(weight=torch.tensor([0.2, 1.0, 1.5]), ignore_index=NOT_JUDGED)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

for step in range(30):
    rows = torch.randint(30, (8,))
    optimizer.zero_grad()
    loss = loss_fn(model(images[rows]), target[rows])
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        left = F.cross_entropy(model(images[30:]), target[30:], ignore_index=NOT_JUDGED)
    print(f"step {step}: {loss.item()}")
    print(f"other pictures: {left.item()}")
