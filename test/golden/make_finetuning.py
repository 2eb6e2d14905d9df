# Writes test/golden/finetuning: text models of PyTorch with LSTM, GRU and RNN layers, as ONNX files and state_dicts, the batches of 50 steps, and
# PyTorch's loss before each step with Adam and SGD in float32. In float64 the losses are the same to 1e-6: rounding does not grow in these trainings.
# PyTorch 2.13, safetensors 0.8.
# Usage: python test/golden/make_finetuning.py
import json, pathlib, warnings
import torch
from safetensors.torch import save_file

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
folder = pathlib.Path(__file__).parent / "finetuning"
folder.mkdir(exist_ok=True)
SYMBOLS, WIDTH, HIDDEN, LENGTH, BATCH, STEPS = 9, 5, 8, 7, 4, 50
RATES = {"adam": lambda p: torch.optim.Adam(p, 0.01), "sgd": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9)}


class Characters(torch.nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.embed = torch.nn.Embedding(SYMBOLS, WIDTH)
        self.rnn = cell(WIDTH, HIDDEN, num_layers=2)
        self.decoder = torch.nn.Linear(HIDDEN, SYMBOLS)

    def forward(self, tokens):
        return self.decoder(self.rnn(self.embed(tokens))[0])


def losses(model, batches, optimizer):
    found = []
    for window in batches:
        loss = torch.nn.functional.cross_entropy(model(window[:-1]).flatten(0, 1), window[1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


# Texts that count up or down from a random symbol, so that there is something to learn.
generator = torch.Generator().manual_seed(3)
starts = torch.randint(SYMBOLS, (STEPS, 1, BATCH), generator=generator)
ways = 2 * torch.randint(2, (STEPS, 1, BATCH), generator=generator) - 1
batches = (starts + ways * torch.arange(LENGTH + 1)[None, :, None]) % SYMBOLS
expected = {"symbols": SYMBOLS, "length": LENGTH, "batch": BATCH, "windows": batches.flatten(1).tolist(), "losses": {}}
for name, cell in {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}.items():
    torch.manual_seed(5)
    model = Characters(cell)
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, folder / f"{name}.safetensors")
    torch.onnx.export(
        model, (batches[0, :-1],), str(folder / f"{name}.onnx"), input_names=["tokens"], output_names=["logits"],
        dynamic_axes={"tokens": {0: "length", 1: "batch"}, "logits": {0: "length", 1: "batch"}}, dynamo=False, opset_version=17,
    )
    start = {key: value.clone() for key, value in model.state_dict().items()}
    expected["losses"][name] = {}
    for kind, make in RATES.items():
        model.float().load_state_dict(start)
        found = expected["losses"][name][kind] = losses(model, batches, make(model.parameters()))
        model.double().load_state_dict(start)
        exact = losses(model, batches, make(model.parameters()))
        assert max(abs(a - b) for a, b in zip(found, exact)) < 1e-6, (name, kind)
        print(name, kind, found[::7])
(folder / "expected.json").write_text(json.dumps(expected))
