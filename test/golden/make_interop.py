# Writes test/golden/interop: files of PyTorch and NumPy with what they hold, for test/interop. PyTorch 2.13, safetensors 0.8, NumPy 2.
# Usage: python test/golden/make_interop.py
import json, pathlib, sys
import numpy as np
import torch
from safetensors.torch import save_file

folder = pathlib.Path(__file__).parent / "interop"
folder.mkdir(exist_ok=True)
expected = {}


def described(tensors):
    return {name: {"dtype": str(t.dtype).replace("torch.", ""), "shape": list(t.shape), "data": t.double().flatten().tolist()}
            for name, t in tensors.items()}


def seeded(module, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.randint(-1024, 1024, p.shape, generator=generator) / 1024.0)
    return module


lstm = seeded(torch.nn.LSTM(3, 4, num_layers=2, bidirectional=True), 1)
torch.save(lstm.state_dict(), folder / "lstm.pt")
expected["lstm"] = described(lstm.state_dict())

views = torch.arange(12, dtype=torch.float32).reshape(3, 4)
kinds = {
    "transposed": views.t(), "column": views[:, 1], "part": views[1:, ::2], "shared": views,
    "half": torch.tensor([1.5, -2.0]).half(), "brain": torch.tensor([1.5, -3.0]).bfloat16(),
    "double": torch.tensor([0.1], dtype=torch.float64), "count": torch.tensor(7), "flags": torch.tensor([True, False]),
    "empty": torch.zeros(0, 3), "small": torch.tensor([-3], dtype=torch.int16), "byte": torch.tensor([200], dtype=torch.uint8),
}
torch.save(kinds, folder / "views.pt")
expected["views"] = described(kinds)


class Characters(torch.nn.Module):
    def __init__(self, cell=torch.nn.LSTM):
        super().__init__()
        self.embed = torch.nn.Embedding(7, 4)
        self.rnn = cell(4, 5, num_layers=2)
        self.decoder = torch.nn.Linear(5, 7)

    def forward(self, ids):
        return self.decoder(self.rnn(self.embed(ids))[0])


text = seeded(Characters(), 2)
ids = torch.tensor([[0, 3], [6, 1], [2, 2], [5, 4]])
torch.save({"epoch": 3, "state_dict": {f"module.{k}": v for k, v in text.state_dict().items()},
            "optimizer": torch.optim.Adam(text.parameters()).state_dict()}, folder / "checkpoint.pt")
save_file({k: v.contiguous() for k, v in text.state_dict().items()}, folder / "text.safetensors")
expected["text"] = described(text.state_dict())
expected["logits"] = {"ids": ids.flatten().tolist(), "shape": [4, 2, 7], "data": text(ids).double().flatten().tolist()}

torch.save(seeded(torch.nn.LSTM(2, 2), 4), folder / "module.pt")
torch.save(lstm.state_dict(), folder / "old.pt", _use_new_zipfile_serialization=False)

torch.jit.script(seeded(torch.nn.Linear(2, 2), 5)).save(folder / "script.pt")

arrays = {"a": np.arange(6, dtype="<f4").reshape(2, 3), "fortran": np.asfortranarray(np.arange(6, dtype="<f8").reshape(2, 3)),
          "ids": np.array([1, -2, 3], dtype="<i8"), "flags": np.array([True, False]), "scalar": np.array(1.5, dtype="<f2")}
np.savez(folder / "arrays.npz", **arrays)
np.savez_compressed(folder / "compressed.npz", **arrays)
np.savez(folder / "objects.npz", a=np.array([{}], dtype=object))
np.save(folder / "fortran.npy", arrays["fortran"])
expected["arrays"] = {k: {"dtype": str(a.dtype), "shape": list(a.shape), "data": a.astype("f8").flatten().tolist()} for k, a in arrays.items()}

(folder / "expected.json").write_text(json.dumps(expected))
print(f"torch {torch.__version__}, numpy {np.__version__}", file=sys.stderr)
