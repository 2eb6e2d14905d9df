"""Writes dtypes.safetensors: every dtype that safetensors 0.8 writes for PyTorch 2.13, a tensor of rank 12, and float16,
bfloat16 and float64 values (NAME), and their conversion to float32 by PyTorch (NAME.as_f32).

    python3 test/golden/make_safetensors.py
"""

import os

import torch
from safetensors.torch import save_file

here = os.path.dirname(os.path.abspath(__file__))
bits = torch.arange(0, 65536, 61, dtype=torch.int32)
# Zeros, the smallest and largest subnormal and normal values, infinities and NaNs, of both signs.
edges = [0x0000, 0x0001, 0x03FF, 0x0400, 0x7BFF, 0x7C00, 0x7C01, 0x7E00, 0x7FFF, 0x007F, 0x0080, 0x7F7F, 0x7F80, 0x7FC0]
edges = torch.tensor(edges + [edge | 0x8000 for edge in edges], dtype=torch.int32)
words = torch.cat([bits, edges]).to(torch.uint16)

one, half = 1.0, 2.0**-24
ties = [one + half, one + 3 * half, one + half + 2.0**-50, one + half - 2.0**-50, one + 2.0**-52]
largest = float(torch.finfo(torch.float32).max)
least = 2.0**-149
small = [least, least / 2, least / 2 * (1 + 2.0**-40), 1.5 * least, 2.0**-126 - 2.0**-150, 2.0**-1074, 1e-300]
special = [0.0, largest, largest + 2.0**102, float("inf"), float("nan"), 0.1, 1 / 3, 1e30]
torch.manual_seed(0)
doubles = torch.cat([torch.tensor(ties + small + special, dtype=torch.float64), torch.randn(500, dtype=torch.float64)])
doubles = torch.cat([doubles, -doubles])

tensors = {
    "f16": words.view(torch.float16),
    "bf16": words.view(torch.bfloat16),
    "f64": doubles,
    "rank12": torch.arange(4, dtype=torch.float32).reshape(1, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1),
    "scalar": torch.tensor(2.5),
    "empty": torch.zeros(3, 0),
}
for name in ("f16", "bf16", "f64"):
    tensors[f"{name}.as_f32"] = tensors[name].to(torch.float32)
for dtype in (torch.uint8, torch.int8, torch.uint16, torch.int16, torch.uint32, torch.int32, torch.uint64, torch.int64):
    tensors[str(dtype)] = torch.tensor([0, 1, 100], dtype=torch.int64).to(dtype)
tensors["torch.bool"] = torch.tensor([True, False])
tensors["torch.complex64"] = torch.tensor([1 + 2j, -3j])
for name in ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"):
    tensors[f"torch.{name}"] = torch.tensor([1, 2, 3, 4], dtype=torch.uint8).view(getattr(torch, name))
tensors["torch.float4_e2m1fn_x2"] = torch.tensor([0x21, 0x43], dtype=torch.uint8).view(torch.float4_e2m1fn_x2)
tensors = {name: tensor.clone() for name, tensor in tensors.items()}
save_file(tensors, os.path.join(here, "dtypes.safetensors"), metadata={"torch": torch.__version__})
