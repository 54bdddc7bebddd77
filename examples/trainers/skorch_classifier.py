"""A losslab loss as the criterion of skorch, its parameters in a scikit-learn grid.

pip install losslab[trainers]
python examples/trainers/skorch_classifier.py
"""

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from skorch import NeuralNetClassifier

from losslab import nn


def main(epochs: int = 10) -> GridSearchCV:
    X, y = load_digits(return_X_y=True)
    X, y = (X / 16).astype(np.float32), y.astype(np.int64)
    torch.manual_seed(0)
    net = NeuralNetClassifier(
        torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10)),
        criterion=nn.FocalLoss,
        criterion__gamma=2.0,
        optimizer=torch.optim.AdamW,
        lr=0.01,
        max_epochs=epochs,
        train_split=None,
        verbose=0,
    )
    grid = GridSearchCV(net, {"criterion__gamma": [0.0, 2.0]}, cv=2, scoring="accuracy")
    return grid.fit(X, y)


if __name__ == "__main__":
    found = main()
    print(f"accuracy {found.best_score_:.3f} with {found.best_params_}")
