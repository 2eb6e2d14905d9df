"""torch.nn.LSTM with cuDNN on the grid of bench.cc: microseconds a step, forward and with the backward pass. *_us are medians by CUDA
events over runs back to back after one to warm up, as bench.cc takes them, so that launching a run overlaps with the one before;
*_wall_us by the host's clock around one run each, waiting included. With lengths: PackedSequence. Which of its kernels cuDNN takes
PyTorch decides; `bf16` is therefore measured in half precision too (f16 rows), and the table takes the faster one. A shape that does
not fit the device is a row with nulls. One JSON object a line.
  python3 torch_lstm.py [tf32 bf16 f32] [H,...] [B,...] [T,...] [layers,...] [directions,...] [runs]
"""
import json
import statistics
import sys
import time

try:
    import torch
    import torch.nn as nn
    from torch.nn.utils.rnn import pack_padded_sequence
except ImportError:
    print("skipped: torch.nn.LSTM on a GPU needs PyTorch with CUDA and a GPU, found no PyTorch")
    sys.exit(0)

PRECISIONS = {"bf16": ["bf16", "f16"], "tf32": ["tf32"], "f32": ["f32"]}
TYPES = {"bf16": torch.bfloat16, "f16": torch.float16}


def numbers(index, otherwise):
    return [int(n) for n in sys.argv[index].split(",")] if len(sys.argv) > index else otherwise


def by_events(run, runs):
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(runs + 2)]
    for i, mark in enumerate(marks):
        mark.record()
        if i + 1 < len(marks):
            run()
    torch.cuda.synchronize()
    return statistics.median(a.elapsed_time(b) * 1e3 for a, b in zip(marks[1:-1], marks[2:]))


def by_clock(run, runs):
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        run()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - begin) * 1e6)
    return statistics.median(times)


def measure(precision, H, B, T, layers, directions, ragged, runs):
    dtype = TYPES.get(precision, torch.float32)
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

    return {
        f"{name}_{clock}us": take(run, runs) / T
        for name, run in (("forward", inference), ("both", both))
        for clock, take in (("", by_events), ("wall_", by_clock))
    }


def row_of(precision, H, B, T, layers, directions, ragged, runs):
    shape = {"H": H, "B": B, "T": T, "layers": layers, "directions": directions, "lengths": ragged}
    try:
        figures = measure(precision, H, B, T, layers, directions, ragged, runs)
    except (torch.cuda.OutOfMemoryError, RuntimeError) as error:
        figures = {"forward_us": None, "both_us": None, "problem": str(error).splitlines()[0]}
    torch.cuda.empty_cache()
    return {"library": "torch", "precision": precision, **shape, **figures}


def main():
    if not torch.cuda.is_available():
        print("skipped: torch.nn.LSTM on a GPU needs PyTorch with CUDA and a GPU, found none")
        return
    asked = sys.argv[1] if len(sys.argv) > 1 else "bf16"
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = asked == "tf32"
    versions = {"torch": torch.__version__, "cudnn": torch.backends.cudnn.version(), "device": torch.cuda.get_device_name(0)}
    print(json.dumps({"library": "torch", **versions}), flush=True)
    runs = numbers(7, [12])[0]
    for H in numbers(2, [128, 256, 512, 768, 1024, 2048]):
        for B in numbers(3, [1, 16, 64, 256]):
            for T in numbers(4, [256, 1024]):
                for layers in numbers(5, [1, 2]):
                    for directions in numbers(6, [1, 2]):
                        for ragged in (False, True):
                            for precision in PRECISIONS[asked]:
                                print(json.dumps(row_of(precision, H, B, T, layers, directions, ragged, runs)), flush=True)


main()
