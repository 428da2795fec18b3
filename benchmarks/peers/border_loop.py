"""The usual loop that tunes the last stage of a network whose lower part is frozen, without a cache.

    python benchmarks/peers/border_loop.py JOB.json --seed 0

JOB names the photographs, the part of each that every view takes, the weights, and what stays frozen. The frozen part
needs no gradient and is in evaluation mode; each epoch decodes every photograph and runs the whole network.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import timm
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

WORKERS = 2


class Photographs(Dataset):
    """Photographs in the view of the epoch."""

    def __init__(self, part, config, n_views):
        self.part, self.n_views, self.epoch = part, n_views, 0
        self.side = config.input_size[1:]
        self.tail = transforms.Compose([transforms.ToTensor(), transforms.Normalize(config.mean, config.std)])

    def __len__(self):
        return len(self.part["paths"])

    def __getitem__(self, row):
        box, is_mirrored = self.part["windows"][row][self.epoch % self.n_views]
        with Image.open(self.part["paths"][row]) as image:
            picture = ImageOps.exif_transpose(image).convert("RGB")
            picture = picture.resize(self.side, Image.Resampling.BICUBIC, box=box)
        return self.tail(ImageOps.mirror(picture) if is_mirrored else picture), self.part["codes"][row]


class Model(nn.Module):
    """A backbone of which a part is frozen, and a new linear layer."""

    def __init__(self, job):
        super().__init__()
        self.backbone = timm.create_model(job["architecture"], pretrained=False, num_classes=0)
        self.backbone.load_state_dict(load_file(job["weights"]))
        self.frozen = [self.backbone.get_submodule(name) for name in job["below"]]
        for part in self.frozen:
            part.requires_grad_(False)
        self.head = nn.Linear(self.backbone.num_features, job["n_classes"])

    def forward(self, x):
        return self.head(self.backbone(x))

    def begin_epoch(self):
        self.train()
        for part in self.frozen:
            part.eval()


def train(model, photographs, job):
    """AdamW with a cosine schedule."""
    moving = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(moving, lr=job["learning_rate"], weight_decay=job["weight_decay"])
    loader = DataLoader(photographs, batch_size=job["size"], shuffle=True, num_workers=WORKERS)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, job["epochs"] * len(loader))
    criterion = nn.CrossEntropyLoss()
    for epoch in range(job["epochs"]):
        photographs.epoch = epoch
        model.begin_epoch()
        for x, y in loader:
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
            schedule.step()


@torch.no_grad()
def predict(model, photographs, job):
    """(n,) classes."""
    model.eval()
    loader = DataLoader(photographs, batch_size=job["size"], num_workers=WORKERS)
    return torch.cat([model(x).argmax(1) for x, _ in loader])


def main():
    """Train and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    job = json.loads(args.job.read_text())
    torch.manual_seed(args.seed)
    config = timm.get_pretrained_cfg(job["architecture"])
    model = Model(job)
    train(model, Photographs(job["train"], config, job["n_views"]), job)
    predicted = predict(model, Photographs(job["valid"], config, 1), job)
    accuracy = float((predicted == torch.tensor(job["valid"]["codes"])).float().mean())
    print(json.dumps({"predicted": predicted.tolist(), "accuracy": accuracy}))


if __name__ == "__main__":
    main()
