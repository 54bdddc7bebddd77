"""A losslab loss in the Trainer of Hugging Face, right under gradient accumulation.

    pip install losslab[trainers]
    python examples/trainers/huggingface_trainer.py

`compute_loss_func` is called with the labels of one batch, and with their number in all batches of the step: the sum
over the batch, divided by that number, adds up to the mean over the step, however uneven its batches are. So the loss
is made with reduction="sum". A mean of each batch would weigh the rows of a short batch too much.
"""

import tempfile
from typing import Any

import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

from losslab import nn

loss = nn.FocalLoss(gamma=2.0, reduction="sum")


def focal(outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
    count = len(labels) if num_items_in_batch is None else num_items_in_batch
    return loss(outputs.logits, labels) / count


def sentences(rows: int) -> list[dict[str, torch.Tensor]]:
    """Sentences of 8 words; the label says which of three words stands first."""
    words = torch.randint(3, 50, (rows, 8), generator=torch.Generator().manual_seed(0))
    words[:, 0] = torch.arange(rows) % 3
    return [{"input_ids": row, "labels": row[0]} for row in words]


def train(rows: int = 96, batch_size: int = 8, accumulate: int = 2, steps: int = 30, **settings: Any) -> Trainer:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=50, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, num_labels=3,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, per_device_train_batch_size=batch_size, gradient_accumulation_steps=accumulate, max_steps=steps,
            use_cpu=True, report_to="none", save_strategy="no", logging_strategy="no", disable_tqdm=True,
            **{"learning_rate": 5e-3, **settings},
        )  # fmt: skip
        trainer = Trainer(
            BertForSequenceClassification(config), arguments, train_dataset=sentences(rows), compute_loss_func=focal
        )
        trainer.train()
    return trainer


def main() -> float:
    model = train().model.eval()
    new = sentences(300)[200:]
    with torch.no_grad():
        scores = model(torch.stack([one["input_ids"] for one in new])).logits
    return (scores.argmax(1) == torch.stack([one["labels"] for one in new])).float().mean().item()


if __name__ == "__main__":
    print(f"accuracy {main():.3f}")
