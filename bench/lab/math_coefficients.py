# Derives every constant of native/kernels/shared/math.inl. Targets are computed in 40 digits (mpmath); weighted minimax fits
# are Lawson's iteration (repeated weighted least squares, which unlike Remez exchange does not mind a relative error whose
# basis vanishes at 0). Coefficients are rounded to float one after another, the most significant first, and the rest fitted
# again, so that later ones absorb the rounding of earlier ones.
# Needs python3-numpy and python3-mpmath. Run: python3 bench/lab/math_coefficients.py (about a minute)
import struct

import numpy as np
from mpmath import mp, mpf, exp, log, tanh

mp.dps = 40


def c_hex(x):
    mantissa, exponent = float(x).hex().split("p")
    return mantissa.rstrip("0").rstrip(".") + "p" + exponent + "f"


def c_bits(x):
    return struct.unpack("<I", struct.pack("<f", float(x)))[0]


def chebyshev(low, high, points):
    k = np.arange(points)
    return float(low) + float(high - low) * (1 - np.cos(np.pi * (2 * k + 1) / (2 * points))) / 2


def least_squares(a, y, w):
    s = np.sqrt(w)[:, None]
    scale = np.abs(a * s).max(axis=0)
    return np.linalg.lstsq(a * s / scale, y * s[:, 0], rcond=1e-16)[0] / scale


def lawson(a, y, rounds=300):
    """c with the smallest max |y - a c| found; a is [points, n]."""
    w = np.full(len(y), 1.0 / len(y))
    best, best_c = np.inf, None
    for _ in range(rounds):
        c = least_squares(a, y, w)
        e = np.abs(y - a @ c)
        if e.max() < best:
            best, best_c = e.max(), c
        w = w * e
        w /= w.sum()
    return best_c, best


def polynomial(name, target, powers, weight, low, high):
    """Minimax weight(x) * (target(x) - sum c_p x^p) with float coefficients."""
    x = chebyshev(low, high, 1500)
    w = np.array([float(weight(mpf(v))) for v in x])
    y = np.array([float(weight(mpf(v)) * target(mpf(v))) for v in x])
    a = np.stack([w * x**p for p in powers], axis=1)
    fixed = []
    for j in range(len(powers)):
        c, _ = lawson(a[:, j:], y - a[:, :j] @ np.array(fixed))
        fixed.append(float(np.float32(c[0])))
    left = np.abs(y - a @ np.array(fixed)).max()
    print(f"{name}: 2^{np.log2(left):.2f}")
    for c, p in zip(fixed, powers):
        print(f"  x^{p}: {c_hex(c):22s} {c:.10g}")


class Rational:
    """(1 + p1 s + ...) / (1 + q1 s + ...) near target, s = x^2, where weight times the relative error is least. `measure`
    maps the values of the rational to the errors by which rounds are compared."""

    def __init__(self, p, q, x, target, weight, measure):
        self.p, self.n, self.target, self.weight, self.measure = p, p + q, target, weight, measure
        self.top = float((x * x).max())
        s = x * x / self.top
        self.power = [s**j for j in range(max(p, q) + 1)]
        self.columns = np.stack([self.power[j] for j in range(1, p + 1)] + [-target * self.power[j] for j in range(1, q + 1)], axis=1)
        self.scale = np.array([self.top**-j for j in range(1, p + 1)] + [self.top**-j for j in range(1, q + 1)])
        self.fixed = {}

    def parts(self, c):
        p = 1 + sum(c[j - 1] * self.power[j] for j in range(1, self.p + 1))
        q = 1 + sum(c[self.p + j - 1] * self.power[j] for j in range(1, self.n - self.p + 1))
        return p, q

    def solve(self, rounds, w, q):
        """Lawson on the linearised problem |P - target Q| / Q_before; returns (error, c, w, Q) of the best round."""
        free = [j for j in range(self.n) if j not in self.fixed]
        best = (np.inf, None, w, q)
        for step in range(rounds):
            c = np.zeros(self.n)
            for j, value in self.fixed.items():
                c[j] = value
            if free:
                d = self.target * q / self.weight
                y = self.target - 1 - self.columns @ c
                c[free] = least_squares(self.columns[:, free] / d[:, None], y / d, w)
            p, q = self.parts(c)
            e = np.abs(p / q / self.target - 1) * self.weight
            most = self.measure(p / q).max()
            if most < best[0] and (q > 0).all():
                best = (most, c.copy(), w.copy(), q.copy())
            q = np.where(np.abs(q) > 1e-3, q, 1)
            w = w * (e + 1e-4 * e.max()) ** (0.5 if step < 100 else 1)
            w /= w.sum()
        return best

    def round(self):
        points = len(self.target)
        best = self.solve(2500, np.full(points, 1.0 / points), np.ones(points))
        print(f"  free: 2^{np.log2(best[0]):.2f}")
        for j in sorted(range(self.n), key=lambda j: j % self.p if j < self.p else j - self.p):
            self.fixed[j] = float(np.float32(best[1][j] * self.scale[j])) / self.scale[j]
            best = self.solve(400, best[2], best[3])
        return best[0], [float(np.float32(v)) for v in best[1] * self.scale]


def double_angle(x, ratio):
    t = x / 2 * ratio
    return np.abs(2 * t / (1 + t * t) / np.tanh(x) - 1)


def rational(name, p, q, target, weight, measure, high):
    print(f"{name}, {p} and {q} coefficients")
    x = chebyshev(mpf(0), mpf(high), 2000)
    t = np.array([float(target(mpf(float(v)))) for v in x])
    error, c = Rational(p, q, x, t, weight(x), lambda ratio: measure(x, ratio)).round()
    print(f"  float: 2^{np.log2(error):.2f}")
    for j in range(p):
        print(f"  p{j + 1}: {c_hex(c[j]):22s} {c[j]:.10g}")
    for j in range(q):
        print(f"  q{j + 1}: {c_hex(c[p + j]):22s} {c[p + j]:.10g}")


def constants():
    ln2 = log(mpf(2))
    for name, value in [("8 log2(e)", 8 / ln2), ("ln 2 / 8", ln2 / 8)]:
        high = np.float32(value)
        print(f"{name}: {c_hex(high)}, then {c_hex(np.float32(value - mpf(float(high))))}")
    print("2^(j/8) less j << 20:", " ".join(f"{c_bits(mpf(2) ** (mpf(j) / 8)) - (j << 20):#x}" for j in range(8)))


def main():
    constants()
    sixteenth = log(mpf(2)) / 16 * mpf("1.001")
    polynomial("exp(r) = 1 + r + ..., |r| <= ln2 / 16", lambda r: exp(r) - 1 - r, range(2, 5), lambda r: exp(-r), -sixteenth, sixteenth)
    # 2 t / (1 + t^2) of t = tanh(x / 2) carries the relative error of t times 1 / cosh x. math.inl uses q = 2 Q.
    rational("tanh(x / 2) / (x / 2)", 2, 3, lambda x: tanh(x / 2) / (x / 2), lambda x: 1 / np.cosh(x), double_angle, 9.02)
    # Lost: 4.1 to 4.5 ulp by rounding.
    rational("tanh(x) / x", 4, 4, lambda x: tanh(x) / x, np.ones_like, lambda x, ratio: np.abs(x * ratio / np.tanh(x) - 1), 9.02)


if __name__ == "__main__":
    main()
