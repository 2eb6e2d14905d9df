# Makes random models of recurrent layers: nodes made with onnx, whose results are those of ONNX Runtime, and models that PyTorch exported, whose results
# are those of both. Each is a file NNN.onnx with NNN.npz: its inputs `in:NAME`, and its outputs `out:NAME` of ONNX Runtime and `torch:NAME`.
# The cases depend only on the seed. onnx 1.23, onnxruntime 1.30, PyTorch 2.13.
# Usage: python test/golden/make_onnx.py FOLDER [COUNT [LARGEST_SIZE]]; the files of test/golden/onnx are those of COUNT 36, LARGEST_SIZE 5.
import pathlib, sys, warnings
import numpy as np
import onnx, onnxruntime, torch
from onnx import TensorProto, helper

folder = pathlib.Path(sys.argv[1])
count = int(sys.argv[2]) if len(sys.argv) > 2 else 36
largest = int(sys.argv[3]) if len(sys.argv) > 3 else 5
folder.mkdir(parents=True, exist_ok=True)
warnings.filterwarnings("ignore")

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
FUNCTIONS = {"LSTM": 3, "GRU": 2, "RNN": 1}
# Functions with the numbers of their parameters.
ACTIVATIONS = {"Sigmoid": 0, "Tanh": 0, "Relu": 0, "Softsign": 0, "Softplus": 0, "Elu": 1, "LeakyRelu": 1, "ThresholdedRelu": 1, "Affine": 2, "HardSigmoid": 2, "ScaledTanh": 2}


def floats(rng, *shape):
    return rng.uniform(-0.8, 0.8, shape).astype(np.float32)


def attributes_of(rng, cell, directions, opset):
    attributes = {"direction": "bidirectional" if directions == 2 else ["forward", "reverse"][rng.integers(2)]}
    if rng.random() < 0.3:
        names = [list(ACTIVATIONS)[rng.integers(len(ACTIVATIONS))] for _ in range(FUNCTIONS[cell] * directions)]
        attributes["activations"] = names
        alphas = [float(np.float32(rng.uniform(0.1, 0.9))) for name in names if ACTIVATIONS[name] > 0]
        betas = [float(np.float32(rng.uniform(0.1, 0.9))) for name in names if ACTIVATIONS[name] > 1]
        if alphas:
            attributes["activation_alpha"] = alphas
        if betas:
            attributes["activation_beta"] = betas
    if rng.random() < 0.3:
        attributes["clip"] = float(np.float32(rng.uniform(0.2, 1.5)))
    if cell == "LSTM" and rng.random() < 0.2:
        attributes["input_forget"] = 1
    if cell == "GRU":
        attributes["linear_before_reset"] = int(rng.integers(2))
    if opset >= 14 and rng.random() < 0.4:
        attributes["layout"] = 1
    return attributes


def node_case(rng):
    """Returns the bytes of a model of one node and its arrays. Gates of unbounded functions let some recurrences grow, and with them each rounding:
    a case is drawn again if results are above 8, or if inputs that differ in their last bit move a result by more than 4e-6."""
    while True:
        model, arrays, moved = random_node(rng)
        if max(np.abs(value).max() for name, value in arrays.items() if name.startswith("out:")) < 8 and moved < 4e-6:
            return model, arrays


def last_bits(feeds):
    """Returns inputs whose floats differ by at most one unit in the last place."""
    rng = np.random.default_rng(1)
    return {
        name: np.nextafter(value, rng.choice(np.float32([-9, 9]), value.shape)) if value.dtype == np.float32 else value
        for name, value in feeds.items()
    }


def random_node(rng):
    cell = ["LSTM", "GRU", "RNN"][rng.integers(3)]
    opset = int([7, 9, 11, 13, 14, 17, 21, 22][rng.integers(8)])
    T, B, I, H = (int(rng.integers(1, largest + 1)) for _ in range(4))
    D, G = int(rng.integers(1, 3)), GATES[cell]
    attributes = attributes_of(rng, cell, D, opset)
    batch_first = attributes.get("layout", 0) == 1
    initializers, feeds, names = {}, {"X": floats(rng, T, B, I)}, ["X", "W", "R"]
    initializers["W"], initializers["R"] = floats(rng, D, G * H, I), floats(rng, D, G * H, H)
    if rng.random() < 0.7:
        initializers["B"] = floats(rng, D, 2 * G * H)
    names.append("B" if "B" in initializers else "")
    if rng.random() < 0.5:
        feeds["lens"] = rng.integers(1, T + 1, B).astype(np.int32)
    names.append("lens" if "lens" in feeds else "")
    if rng.random() < 0.5:
        feeds["h0"] = floats(rng, D, B, H)
    names.append("h0" if "h0" in feeds else "")
    if cell == "LSTM":
        if rng.random() < 0.5:
            feeds["c0"] = floats(rng, D, B, H)
        names.append("c0" if "c0" in feeds else "")
        if rng.random() < 0.3:
            initializers["P"] = floats(rng, D, 3 * H)
        names.append("P" if "P" in initializers else "")
    while names[-1] == "":
        names.pop()
    outputs = ["Y", "Y_h"] + (["Y_c"] if cell == "LSTM" else [])

    def model(layout):
        turned = dict(attributes)
        turned.pop("layout", None)
        if layout == 1:
            turned["layout"] = 1
        node = helper.make_node(cell, names, outputs, hidden_size=H, **turned)
        shapes = {"X": ["T", "B", I] if layout == 0 else ["B", "T", I], "lens": ["B"]}
        state = [D, "B", H] if layout == 0 else ["B", D, H]
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.INT32 if name == "lens" else TensorProto.FLOAT, shapes.get(name, state))
            for name in feeds
        ]
        results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        constants = [onnx.numpy_helper.from_array(value, name) for name, value in initializers.items()]
        graph = helper.make_graph([node], "random", inputs, results, constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)

    reference = onnxruntime.InferenceSession(model(0).SerializeToString(), providers=["CPUExecutionProvider"])
    results = reference.run(outputs, feeds)
    moved = max(np.abs(one - other).max() for one, other in zip(results, reference.run(outputs, last_bits(feeds))))
    found = dict(zip(outputs, results))
    if batch_first:  # ONNX Runtime has only layout 0
        feeds = {name: value if name == "lens" else value.swapaxes(0, 1) for name, value in feeds.items()}
        found = {name: value.transpose(2, 0, 1, 3) if name == "Y" else value.swapaxes(0, 1) for name, value in found.items()}
    arrays = {f"in:{name}": value for name, value in feeds.items()} | {f"out:{name}": value for name, value in found.items()}
    return model(1 if batch_first else 0).SerializeToString(), arrays, moved


class Network(torch.nn.Module):
    """An optional embedding, recurrent layers, and an optional linear layer."""

    def __init__(self, kind, embedding, head, **sizes):
        super().__init__()
        self.embedding = torch.nn.Embedding(7, sizes["input_size"]) if embedding else None
        cell = {"LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU, "RNN": torch.nn.RNN}[kind]
        self.rnn = cell(**sizes)
        width = sizes["hidden_size"] * (2 if sizes["bidirectional"] else 1)
        self.head = torch.nn.Linear(width, 3) if head else None

    def forward(self, x, *states):
        x = x if self.embedding is None else self.embedding(x)
        y, last = self.rnn(x, (states if len(states) > 1 else states[0]) if states else None)
        y = y if self.head is None else self.head(y)
        return (y, *last) if isinstance(last, tuple) else (y, last)


def torch_case(rng, path):
    torch.manual_seed(int(rng.integers(2**31)))
    kind = ["LSTM", "GRU", "RNN"][rng.integers(3)]
    T, B, I, H = (int(rng.integers(1, largest + 1)) for _ in range(4))
    B = max(B, 2)
    sizes = dict(input_size=I, hidden_size=H, num_layers=int(rng.integers(1, 4)), bias=bool(rng.integers(2)))
    sizes |= dict(batch_first=bool(rng.integers(2)), bidirectional=bool(rng.integers(2)))
    if kind == "RNN":
        sizes["nonlinearity"] = ["tanh", "relu"][rng.integers(2)]
    embedding = rng.random() < 0.3
    network = Network(kind, embedding, rng.random() < 0.5, **sizes).eval()
    shape = (B, T) if sizes["batch_first"] else (T, B)
    x = torch.tensor(rng.integers(0, 7, shape)) if embedding else torch.tensor(floats(rng, *shape, I))
    states = []
    if rng.random() < 0.5:
        layers = sizes["num_layers"] * (2 if sizes["bidirectional"] else 1)
        states = [torch.tensor(floats(rng, layers, B, H)) for _ in range(2 if kind == "LSTM" else 1)]
    names = ["x", "h0", "c0"][: 1 + len(states)]
    outputs = ["y", "h", "c"] if kind == "LSTM" else ["y", "h"]
    axes = {"x": {0: "B", 1: "T"} if sizes["batch_first"] else {0: "T", 1: "B"}} | {name: {1: "B"} for name in names[1:]}
    opset = int(rng.integers(9, 18))
    torch.onnx.export(
        network, (x, *states), path, input_names=names, output_names=outputs, opset_version=opset, dynamo=False,
        dynamic_axes=axes if rng.random() < 0.5 else None,
    )
    feeds = {name: value.numpy() for name, value in zip(names, (x, *states))}
    with torch.no_grad():
        wanted = dict(zip(outputs, network(x, *states)))
    found = dict(zip(outputs, onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(outputs, feeds)))
    arrays = {f"in:{name}": value for name, value in feeds.items()} | {f"out:{name}": value for name, value in found.items()}
    return arrays | {f"torch:{name}": value.numpy() for name, value in wanted.items()}


for case in range(count):
    rng = np.random.default_rng([17, case])
    path = folder / f"{case:03}.onnx"
    if case % 2 == 0:
        model, arrays = node_case(rng)
        path.write_bytes(model)
    else:
        arrays = torch_case(rng, str(path))
    np.savez(path.with_suffix(".npz"), **{name: np.ascontiguousarray(value) for name, value in arrays.items()})
print(f"{count} cases")
