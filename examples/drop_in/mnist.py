"""Trains as the MNIST example of pytorch/examples does, on the digits of scikit-learn; prints its losses.

Like https://github.com/pytorch/examples/blob/main/mnist/main.py: two convolutions, two dropouts, log-softmax,
negative log-likelihood, Adadelta at 1.0 whose rate falls by .7; in the test, the sum over the rows.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3)
        self.dropout1, self.dropout2 = nn.Dropout(0.25), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(256, 128), nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        x = self.dropout1(F.max_pool2d(x, 2)).flatten(1)
        x = self.dropout2(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)


X, y = load_digits(return_X_y=True)
images = (torch.tensor(X).float().reshape(-1, 1, 8, 8) / 16 - 0.3) / 0.38
digits = TensorDataset(images, torch.tensor(y))
train = torch.utils.data.Subset(digits, range(640))
test = torch.utils.data.Subset(digits, range(1400, 1797))

torch.manual_seed(1)
model = Net()
optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
scheduler = StepLR(optimizer, step_size=1, gamma=0.7)

for epoch in range(1, 4):
    model.train()
    for data, target in DataLoader(train, batch_size=64, shuffle=True):
        optimizer.zero_grad()
        loss = F.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()
        print(f"epoch {epoch}: {loss.item()}")
    model.eval()
    total = 0.0
    with torch.no_grad():
        for data, target in DataLoader(test, batch_size=100):
            total += F.nll_loss(model(data), target, reduction="sum").item()
    print(f"test: {total / len(test)}")
    scheduler.step()
