# Derives every polynomial coefficient of native/kernels/shared/math.inl. Targets are computed in 40 digits (mpmath); the
# weighted minimax fit is Lawson's iteration (repeated weighted least squares, which unlike Remez exchange does not mind
# a relative error whose basis vanishes at 0). Coefficients are rounded to float one after another, the most significant
# first, and the rest fitted again, so later ones absorb the rounding of earlier ones.
# Needs python3-numpy and python3-mpmath. Run: python3 bench/lab/math_coefficients.py
import struct

import numpy as np
from mpmath import mp, mpf, exp, expm1, log, log1p, sqrt

mp.dps = 40
POINTS = 1500


def c_hex(x):
    mantissa, exponent = float(x).hex().split("p")
    return (mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa) + "p" + exponent + "f"


def c_bits(x):
    return "0x%08x" % struct.unpack("<I", struct.pack("<f", float(x)))[0]


def lawson(a, y, rounds=300):
    """c with the smallest max |y - a c| found; a is [points, n]."""
    w = np.full(len(y), 1.0 / len(y))
    scale = np.abs(a).max(axis=0)
    best, best_c = np.inf, None
    for _ in range(rounds):
        s = np.sqrt(w)[:, None]
        c = np.linalg.lstsq(a / scale * s, y * s[:, 0], rcond=None)[0] / scale
        e = np.abs(y - a @ c)
        if e.max() < best:
            best, best_c = e.max(), c
        w = w * e
        w /= w.sum()
    return best_c, best


def fit(name, target, powers, weight, low, high):
    """Minimax weight(x) * (target(x) - sum c_p x^p), first free, then with float coefficients; prints them."""
    k = np.arange(POINTS)
    unit = (1 - np.cos(np.pi * (2 * k + 1) / (2 * POINTS))) / 2
    x = np.array([float(low) + (float(high) - float(low)) * u for u in unit])
    w = np.array([float(weight(mpf(v))) for v in x])
    y = np.array([float(weight(mpf(v)) * target(mpf(v))) for v in x])
    a = np.stack([w * x ** p for p in powers], axis=1)
    _, free = lawson(a, y)
    fixed = []
    for j in range(len(powers)):
        c, _ = lawson(a[:, j:], y - a[:, :j] @ np.array(fixed))
        fixed.append(float(np.float32(c[0])))
    left = np.abs(y - a @ np.array(fixed)).max()
    print(f"{name}: error {free:.3e} free, {left:.3e} = 2^{np.log2(left):.2f} with float coefficients")
    for c, p in zip(fixed, powers):
        print(f"  x^{p}: {c_hex(c):22s} {c_bits(c)} {c:.10g}")
    return fixed


def constants():
    ln2 = log(mpf(2))
    for name, value in [("log2(e)", 1 / ln2), ("2 log2(e)", 2 / ln2), ("ln 2", ln2), ("ln 2 / 2", ln2 / 2)]:
        high = np.float32(value)
        low = np.float32(value - mpf(float(high)))
        print(f"{name}: high {c_hex(high)} {c_bits(high)}  low {c_hex(low)} {c_bits(low)}")


def main():
    constants()
    h = log(mpf(2)) / 2 * mpf("1.0005")
    for top in (5, 6):
        fit(f"exp(r) = 1 + r + ..., |r| <= ln2 / 2, degree {top}", lambda r: exp(r) - 1 - r, range(2, top + 1), lambda r: exp(-r), -h, h)
    for top in (5, 6):
        fit(f"expm1(2u) = 2u + ..., |u| <= ln2 / 4, degree {top}", lambda u: expm1(2 * u) - 2 * u, range(2, top + 1),
            lambda u: 1 / expm1(2 * u), -h / 2, h / 2)
    low, high = sqrt(mpf(1) / 2) - 1, sqrt(mpf(2)) - 1
    for top in (8, 9):
        fit(f"log(1 + f) = f - f^2 / 2 + ..., sqrt(1/2) <= 1 + f < sqrt(2), degree {top}", lambda f: log1p(f) - f + f * f / 2,
            range(3, top + 1), lambda f: 1 / log1p(f), low, high)


if __name__ == "__main__":
    main()
