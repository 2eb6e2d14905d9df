# Writes the models of the table in docs/interop.md: torch.nn.LSTM with as many inputs as hidden units, its states as inputs and outputs, lstm-64.onnx
# to lstm-512.onnx. Each is measured by `gatecell bench lstm-64.onnx --rivals --threads 1`. PyTorch 2.13, onnx 1.23.
# Usage: python bench/rivals/make_lstm_onnx.py FOLDER
import pathlib, sys, warnings
import torch

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
warnings.filterwarnings("ignore")


class Layer(torch.nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.lstm = torch.nn.LSTM(hidden, hidden)

    def forward(self, x, h0, c0):
        y, (h, c) = self.lstm(x, (h0, c0))
        return y, h, c


for hidden in (64, 128, 256, 512):
    torch.manual_seed(hidden)
    x, state = torch.zeros(2, 1, hidden), torch.zeros(1, 1, hidden)
    torch.onnx.export(
        Layer(hidden), (x, state, state), str(folder / f"lstm-{hidden}.onnx"), input_names=["x", "h0", "c0"], output_names=["y", "h", "c"],
        dynamic_axes={"x": {0: "length", 1: "batch"}, "h0": {1: "batch"}, "c0": {1: "batch"}}, dynamo=False, opset_version=17,
    )
