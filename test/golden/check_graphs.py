# Runs exported models with ONNX Runtime, and prints for each the largest difference of its outputs from ours. A model is NAME.onnx; NAME.safetensors
# has its inputs `in:NAME` and our outputs `out:NAME`; inputs that it lacks are states, which begin with zeros. onnx 1.23, onnxruntime 1.30.
# Usage: python test/golden/check_graphs.py FOLDER
import json, pathlib, sys
import numpy as np
import onnx, onnxruntime
from safetensors.numpy import load_file

worst = {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    onnx.checker.check_model(onnx.load(path), full_check=True)
    arrays = load_file(str(path.with_suffix(".safetensors")))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    types = {"tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(float)": np.float32}
    feeds, sizes = {}, {}
    for one in session.get_inputs():  # states come last
        given = arrays.get(f"in:{one.name}")
        if given is None:
            given = np.zeros([sizes.get(size, size) for size in one.shape])
        sizes |= dict(zip(one.shape, given.shape))
        feeds[one.name] = given.astype(types[one.type])
    names = [name[4:] for name in arrays if name.startswith("out:")]
    found = dict(zip(names, session.run(names, feeds)))
    same = all(found[name].shape == arrays[f"out:{name}"].shape for name in names)
    worst[path.stem] = max(float(np.abs(found[name] - arrays[f"out:{name}"]).max()) for name in names) if same else float("inf")
print(json.dumps(worst))
