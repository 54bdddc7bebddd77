"""A small convolutional network learns the digits of scikit-learn by cross-entropy; prints the loss of every step."""

import torch
from sklearn.datasets import load_digits
from torch import nn

X, y = load_digits(return_X_y=True)
images, labels = torch.tensor(X).float().reshape(-1, 1, 8, 8) / 6 - 1, torch.tensor(y)

torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(1, 32, 5, padding=2),
    nn.MaxPool2d(2),
    nn.Conv2d(32, 32, 5, padding=2),
    nn.MaxPool2d(2),
    nn.Conv2d(32, 64, 5, padding=2),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(64, 64),
    nn.Linear(64, 10),
)
loss_fn = nn.CrossEntropyLoss(label_smoothing=0.05)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

for step in range(30):
    batch = slice(50 * step, 50 * step + 50)
    optimizer.zero_grad()
    loss = loss_fn(model(images[batch]), labels[batch])
    loss.backward()
    optimizer.step()
    print(f"step {step}: {loss.item()}")
