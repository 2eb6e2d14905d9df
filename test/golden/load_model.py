"""Loads a text model into PyTorch by load_state_dict(strict=True) and prints its mean nats per symbol over a text as one stream.

    python test/golden/load_model.py m.safetensors text.txt

Compare with `gatecell evaluate m.safetensors text.txt --json`. Needs torch and safetensors; no test runs it, because tests
must not need Python: test/tasks/run-files.test.ts holds the names of the tensors instead.
"""

import json
import sys

import torch
from safetensors import safe_open
from safetensors.torch import load_file


class TextModel(torch.nn.Module):
    def __init__(self, size, network):
        super().__init__()
        hidden = network["hidden"]
        self.embedding = torch.nn.Embedding(size, network["embedding"])
        self.lstm = torch.nn.LSTM(network["embedding"], hidden, network["layers"])
        self.head = torch.nn.Linear(hidden, size)

    def forward(self, ids):
        return self.head(self.lstm(self.embedding(ids))[0])


def main(path, text):
    with safe_open(path, "pt") as file:
        config = json.loads(file.metadata()["config"])
    vocabulary = config["vocabulary"]
    if vocabulary["kind"] == "byte":
        ids, size = list(open(text, "rb").read()), 256
    else:
        symbols = vocabulary["symbols"]
        numbers = {symbol: index for index, symbol in enumerate(symbols)}
        ids = [numbers[symbol] for symbol in open(text, encoding="utf-8", newline="").read()]
        size = len(symbols) + (1 if vocabulary["unknown"] else 0)
    model = TextModel(size, config["network"])
    print(model.load_state_dict(load_file(path), strict=True))
    with torch.no_grad():
        logits = model(torch.tensor(ids[:-1]))
        print(torch.nn.functional.cross_entropy(logits.double(), torch.tensor(ids[1:])).item(), "nats per symbol")


main(*sys.argv[1:])
