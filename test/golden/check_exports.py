# Runs exported text models with ONNX Runtime and PyTorch, and prints the largest differences of their logits and states from ours. Each model is NNN.onnx;
# NNN.safetensors has its weights by their names in PyTorch, and inputs and results of ours. onnxruntime 1.30, PyTorch 2.13.
# Usage: python test/golden/check_exports.py FOLDER
import json, pathlib, sys
import numpy as np
import onnxruntime, torch
from safetensors.numpy import load_file

worst = {"onnxruntime": 0.0, "pytorch": 0.0, "models": 0}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    ours = load_file(str(path.with_suffix(".safetensors")))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feeds = {"tokens": ours["tokens"].astype(np.int64), "h0": ours["h0"], "c0": ours["c0"]}
    names = ["logits", "h", "c"]
    for name, value in zip(names, session.run(names, feeds)):
        worst["onnxruntime"] = max(worst["onnxruntime"], float(np.abs(value - ours[name]).max()))
    weights = {name: torch.tensor(value) for name, value in ours.items() if "." in name}
    size, width = weights["embedding.weight"].shape
    layers = sum(name.startswith("lstm.weight_hh") for name in weights)
    parts = {
        "embedding": torch.nn.Embedding(size, width),
        "lstm": torch.nn.LSTM(width, weights["lstm.weight_hh_l0"].shape[1], layers),
    }
    parts["head"] = torch.nn.Linear(weights["lstm.weight_hh_l0"].shape[1], size)
    torch.nn.ModuleDict(parts).load_state_dict(weights)
    with torch.no_grad():
        states = tuple(torch.tensor(ours[name]) for name in ("h0", "c0"))
        y, (h, c) = parts["lstm"](parts["embedding"](torch.tensor(feeds["tokens"])), states)
        for name, value in zip(names, (parts["head"](y), h, c)):
            worst["pytorch"] = max(worst["pytorch"], float(np.abs(value.numpy() - ours[name]).max()))
    worst["models"] += 1
print(json.dumps(worst))
