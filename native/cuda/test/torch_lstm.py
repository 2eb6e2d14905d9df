"""torch.nn.LSTM with cuDNN on the grid of bench.cc: microseconds a step, forward and with the backward pass, by CUDA events, the
median of 12 after one to warm up; and, with lengths, PackedSequence. One JSON object a line.
  python3 torch_lstm.py [tf32 bf16 f16 f32] [H,...] [B,...] [T,...]
"""
import json
import statistics
import sys

try:
    import torch
    import torch.nn as nn
    from torch.nn.utils.rnn import pack_padded_sequence
except ImportError:
    print("skipped: torch.nn.LSTM on a GPU needs PyTorch with CUDA and a GPU, found no PyTorch")
    sys.exit(0)


def numbers(index, otherwise):
    return [int(n) for n in sys.argv[index].split(",")] if len(sys.argv) > index else otherwise


def microseconds(run, steps):
    times = []
    for i in range(13):
        first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        first.record()
        run()
        last.record()
        torch.cuda.synchronize()
        times.append(first.elapsed_time(last) * 1e3 / steps)
    return statistics.median(times[1:])


def measure(precision, dtype, H, B, T, layers, directions, ragged):
    lstm = nn.LSTM(H, H, layers, bidirectional=directions == 2).cuda().to(dtype)
    x = torch.randn(T, B, H, device="cuda", dtype=dtype, requires_grad=True)
    lengths = torch.tensor([T - row * (T - 1) // max(B - 1, 1) for row in range(B)]) if ragged else None

    def forward():
        y, _ = lstm(pack_padded_sequence(x, lengths) if ragged else x)
        return y.data if ragged else y

    def inference():
        with torch.no_grad():
            forward()

    def both():
        lstm.zero_grad(set_to_none=True)
        x.grad = None
        forward().square().mean().backward()

    row = {"library": "torch", "precision": precision, "H": H, "B": B, "T": T, "layers": layers, "directions": directions}
    row["lengths"] = ragged
    row["forward_us"], row["both_us"] = microseconds(inference, T), microseconds(both, T)
    print(json.dumps(row), flush=True)


def main():
    if not torch.cuda.is_available():
        print("skipped: torch.nn.LSTM on a GPU needs PyTorch with CUDA and a GPU, found none")
        return
    precision = sys.argv[1] if len(sys.argv) > 1 else "bf16"
    dtype = {"bf16": torch.bfloat16, "f16": torch.float16}.get(precision, torch.float32)
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    versions = {"torch": torch.__version__, "cudnn": torch.backends.cudnn.version(), "device": torch.cuda.get_device_name(0)}
    print(json.dumps({"library": "torch", **versions}), flush=True)
    for H in numbers(2, [128, 256, 512, 768, 1024, 2048]):
        for B in numbers(3, [1, 16, 64, 256]):
            for T in numbers(4, [256, 1024]):
                for layers in (1, 2):
                    for directions in (1, 2):
                        for ragged in (False, True):
                            measure(precision, dtype, H, B, T, layers, directions, ragged)


main()
