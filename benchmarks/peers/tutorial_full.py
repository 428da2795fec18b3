"""PyTorch's transfer-learning tutorial, its first scenario: every weight moves, and a new linear head, SGD.

    python benchmarks/peers/tutorial_full.py JOB.json --seed 0 [--epochs 25]

JOB names photographs and codes of "fitting", "valid" and "tests", and the weights. Source: "Finetuning the ConvNet" in
PyTorch's "Transfer Learning for Computer Vision Tutorial": its transforms, batches of 4, SGD 0.001 with momentum 0.9, a
tenth after 7 epochs, 25 epochs, the weights of the epoch that the validation part liked best.
"""

from __future__ import annotations

import argparse
import copy
import json
import resource
from pathlib import Path

import timm
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

EPOCHS = 25


class Photographs(Dataset):
    """Photographs and codes."""

    def __init__(self, part, steps):
        self.part, self.steps = part, steps

    def __len__(self):
        return len(self.part["paths"])

    def __getitem__(self, row):
        with Image.open(self.part["paths"][row]) as image:
            return self.steps(image.convert("RGB")), self.part["codes"][row]


class Model(nn.Module):
    """A backbone and a new linear layer."""

    def __init__(self, job):
        super().__init__()
        self.backbone = timm.create_model(job["architecture"], pretrained=False, num_classes=0)
        self.backbone.load_state_dict(load_file(job["weights"]))
        self.head = nn.Linear(self.backbone.num_features, job["n_classes"])

    def forward(self, x):
        return self.head(self.backbone(x))


def loader(part, config, *, is_training, batch=4):
    """The tutorial's transforms; only the training part is augmented and shuffled."""
    tail = [transforms.ToTensor(), transforms.Normalize(config.mean, config.std)]
    random = [transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip()]
    fixed = [transforms.Resize(256), transforms.CenterCrop(224)]
    steps = transforms.Compose([*(random if is_training else fixed), *tail])
    return DataLoader(Photographs(part, steps), batch_size=batch, shuffle=is_training)


def answers(model, made):
    """(n, n_classes) probabilities."""
    model.eval()
    with torch.no_grad():
        return torch.cat([model(x).softmax(1) for x, _ in made])


def train(model, fitting, valid, codes, epochs):
    """The tutorial's loop; the model ends with the weights of its best epoch."""
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=7, gamma=0.1)
    best, kept = -1.0, model.state_dict()
    for _ in range(epochs):
        model.train()
        for x, y in fitting:
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
        schedule.step()
        reached = float((answers(model, valid).argmax(1) == codes).float().mean())
        if reached > best:
            best, kept = reached, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    return best


def main():
    """Train and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", type=Path)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    job = json.loads(args.job.read_text())
    config = timm.get_pretrained_cfg(job["architecture"])
    model = Model(job)
    fitting = loader(job["fitting"], config, is_training=True)
    valid = loader(job["valid"], config, is_training=False, batch=16)
    best = train(model, fitting, valid, torch.tensor(job["valid"]["codes"]), args.epochs)
    proba = {
        name: answers(model, loader(part, config, is_training=False, batch=16)).tolist()
        for name, part in job["tests"].items()
    }
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"proba": proba, "valid_accuracy": best, "cpu_seconds": used.ru_utime + used.ru_stime}))


if __name__ == "__main__":
    main()
