# Runs test/golden/interop/text.onnx, which `gatecell export --to onnx` wrote from the text model of make_interop.py, with ONNX Runtime: whole
# sequences compared with PyTorch's logits, then step by step with the states. onnx 1.23, onnxruntime 1.30.
# Usage: python test/golden/check_onnx.py [text.onnx]
import json, pathlib, sys
import numpy as np
import onnx, onnxruntime

folder = pathlib.Path(__file__).parent / "interop"
path = sys.argv[1] if len(sys.argv) > 1 else str(folder / "text.onnx")
onnx.checker.check_model(onnx.load(path), full_check=True)
session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
golden = json.loads((folder / "expected.json").read_text())["logits"]
tokens = np.array(golden["ids"], dtype=np.int64).reshape(4, 2)
wanted = np.array(golden["data"]).reshape(golden["shape"])
zeros = np.zeros((2, 2, 5), dtype=np.float32)
logits, h, c = session.run(["logits", "h", "c"], {"tokens": tokens, "h0": zeros, "c0": zeros})
worst = np.abs(logits - wanted).max()
states = (zeros, zeros)
for step in range(4):
    one, *states = session.run(["logits", "h", "c"], {"tokens": tokens[step:step + 1], "h0": states[0], "c0": states[1]})
    worst = max(worst, np.abs(one[0] - wanted[step]).max())
worst = max(worst, np.abs(states[0] - h).max(), np.abs(states[1] - c).max())
print(f"largest difference {worst:.1e}")
sys.exit(0 if worst < 1e-6 else 1)
