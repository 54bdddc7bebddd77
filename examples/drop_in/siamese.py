"""Trains as the siamese network of pytorch/examples does, on the digits of scikit-learn; prints its losses.

Like https://github.com/pytorch/examples/blob/main/siamese_network/main.py: one network sees two pictures, a second one
says from both whether they show the same digit; sigmoid and binary cross-entropy, Adadelta at 1.0, falling by .7.
"""

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.optim.lr_scheduler import StepLR


class Siamese(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        convolutions = nn.Conv2d(1, 16, 3, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()
        self.tower = nn.Sequential(*convolutions)
        self.head = nn.Sequential(nn.Linear(2 * 144, 32), nn.ReLU(), nn.Linear(32, 1))
        self.sigmoid = nn.Sigmoid()
        self.head.apply(self.init_weights)

    def init_weights(self, layer: nn.Module) -> None:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            layer.bias.data.fill_(0.01)

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return self.sigmoid(self.head(torch.cat((self.tower(first), self.tower(second)), 1)))


X, y = load_digits(return_X_y=True)
images, labels = torch.tensor(X).float().reshape(-1, 1, 8, 8) / 16, torch.tensor(y)

torch.manual_seed(1)
model = Siamese()
optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
scheduler = StepLR(optimizer, step_size=1, gamma=0.7)
criterion = nn.BCELoss()

for epoch in range(1, 4):
    model.train()
    for _ in range(10):
        first, second = torch.randint(len(images), (2, 64))
        same = torch.rand(64) < 0.5  # of these pairs, the second is another picture of the first one's digit
        second = torch.where(same, (labels[first][:, None] == labels).int().argmax(1), second)
        optimizer.zero_grad()
        outputs = model(images[first], images[second]).squeeze()
        loss = criterion(outputs, (labels[first] == labels[second]).float())
        loss.backward()
        optimizer.step()
        print(f"epoch {epoch}: {loss.item()}")
    scheduler.step()
