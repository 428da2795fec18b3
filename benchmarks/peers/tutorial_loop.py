"""PyTorch's transfer-learning tutorial: frozen backbone run anew in each epoch, a new linear head, SGD.

    python benchmarks/peers/tutorial_loop.py DATA --weights FILE.safetensors --architecture NAME [--epochs 5]

DATA holds train/CLASS/* and val/CLASS/*. Source: "ConvNet as fixed feature extractor" in PyTorch's "Transfer Learning
for Computer Vision Tutorial": its transforms, batches of 4, SGD 0.001 with momentum 0.9, a tenth after 7 epochs.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import timm
import torch
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms


def loaders(data, mean, std, workers):
    """The tutorial's training and validation loaders."""
    tail = [transforms.ToTensor(), transforms.Normalize(mean, std)]
    steps = {
        "train": [transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip(), *tail],
        "val": [transforms.Resize(256), transforms.CenterCrop(224), *tail],
    }
    sets = {part: datasets.ImageFolder(data / part, transforms.Compose(own)) for part, own in steps.items()}
    made = {
        part: DataLoader(own, batch_size=4, shuffle=part == "train", num_workers=workers) for part, own in sets.items()
    }
    return made, len(sets["train"].classes)


class Model(nn.Module):
    """A frozen backbone and a new linear layer."""

    def __init__(self, architecture, weights, n_classes):
        super().__init__()
        self.backbone = timm.create_model(architecture, pretrained=False, num_classes=0)
        self.backbone.load_state_dict(load_file(weights))
        self.backbone.requires_grad_(False)
        self.head = nn.Linear(self.backbone.num_features, n_classes)

    def forward(self, x):
        return self.head(self.backbone(x))


def accuracy(model, loader):
    """On the validation part, which the tutorial looks at after every epoch."""
    model.eval()
    right = total = 0
    with torch.no_grad():
        for x, y in loader:
            right += int((model(x).argmax(1) == y).sum())
            total += len(y)
    return right / total


def train(model, made, epochs):
    """The tutorial's loop; the best accuracy of all epochs is what it reports."""
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.head.parameters(), lr=0.001, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=7, gamma=0.1)
    reached = []
    for _ in range(epochs):
        model.train()
        for x, y in made["train"]:
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
        schedule.step()
        reached.append(accuracy(model, made["val"]))
    return reached


def main():
    """Train and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--architecture", required=True)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    started = time.perf_counter()
    torch.manual_seed(args.seed)
    config = timm.get_pretrained_cfg(args.architecture)
    made, n_classes = loaders(args.data, config.mean, config.std, args.workers)
    model = Model(args.architecture, args.weights, n_classes)
    reached = train(model, made, args.epochs)
    print(json.dumps({"seconds": time.perf_counter() - started, "accuracy_by_epoch": reached, "epochs": args.epochs}))


if __name__ == "__main__":
    main()
