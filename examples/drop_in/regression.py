"""A small network learns the diabetes table with a robust loss; prints losses of training and validation rows."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_diabetes
from torch import nn

X, y = load_diabetes(return_X_y=True)
features, target = torch.tensor(X).float() * 20, torch.tensor(y).float()
target = (target - target.mean()) / target.std()

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(10, 32), nn.Tanh(), nn.Linear(32, 1))
loss_fn = nn.HuberLoss(delta=0.7)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=1e-4)

for step in range(30):
    rows = torch.randint(400, (64,))
    optimizer.zero_grad()
    loss = loss_fn(model(features[rows]).squeeze(1), target[rows])
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        left = model(features[400:])
        smooth = F.smooth_l1_loss(left, target[400:, None], beta=0.5)
        squared = F.mse_loss(left.squeeze(1), target[400:], reduction="none")
    print(f"step {step}: {loss.item()}")
    print(f"validation: {smooth.item()}")
    print(f"worst row: {squared.max().item()}")
