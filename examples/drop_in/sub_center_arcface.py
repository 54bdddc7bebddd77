"""Trains as the notebook SubCenterArcFaceMNIST of pytorch-metric-learning does, on the digits of scikit-learn.

Like https://github.com/KevinMusgrave/pytorch-metric-learning/blob/master/examples/notebooks/SubCenterArcFaceMNIST.ipynb:
an embedding of 128 numbers, Adam at .01 for the network and another at .0001 for the class centres of the loss.
Dropout is left out, so that the figures are the same on every machine. Prints the loss of each step.
"""

import numpy as np
import torch
import torch.nn as nn
from pytorch_metric_learning import losses
from sklearn.datasets import load_digits

X, y = load_digits(return_X_y=True)
images, labels = torch.tensor(X).float().reshape(-1, 1, 8, 8) / 16, torch.tensor(y)
centres = torch.tensor(np.random.default_rng(0).normal(size=(10, 3, 128))).float()

torch.manual_seed(1)
model = nn.Sequential(
    nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 128)
)
loss_func = losses.SubCenterArcFaceLoss(num_classes=10, embedding_size=128)
loss_func.W.data = centres.reshape(30, 128).T
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
loss_optimizer = torch.optim.Adam(loss_func.parameters(), lr=1e-4)

for step in range(20):
    batch = slice(64 * step, 64 * step + 64)
    optimizer.zero_grad()
    loss_optimizer.zero_grad()
    loss = loss_func(model(images[batch]), labels[batch])
    loss.backward()
    optimizer.step()
    loss_optimizer.step()
    print(f"step {step}: {loss.item()}")
