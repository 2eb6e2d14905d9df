"""Golden values of exponential smoothing and autoregression, from statsmodels 0.15.

Run: python3 test/golden/make_smoothing.py            writes test/golden/smoothing.json again
     python3 test/golden/make_smoothing.py --check    compares with the file that is there, writes nothing
"""
import json
import pathlib
import sys

import numpy as np
from statsmodels.tsa.ar_model import AutoReg
from statsmodels.tsa.holtwinters import ExponentialSmoothing, SimpleExpSmoothing

FILE = pathlib.Path(__file__).with_name('smoothing.json')
SEASON, HORIZON = 4, 6


def series(n, seed):
    """A positive series with trend, season and noise, rounded so that the file holds it exactly."""
    random = np.random.default_rng(seed)
    t = np.arange(n)
    values = 40 + 0.7 * t + (6 + 0.1 * t) * np.sin(2 * np.pi * t / SEASON + 0.3) + random.normal(0, 1.5, n)
    return np.round(values, 3)


def smoothing(y, trend, seasonal):
    """One-step fitted values, forecasts and squared errors for given weights and first states; and the errors of the best weights."""
    weights = dict(smoothing_level=0.35)
    known = dict(initial_level=41.0)
    if trend != 'none':
        weights['smoothing_trend'] = 0.15
        known['initial_trend'] = 0.5
    if trend == 'damped':
        weights['damping_trend'] = 0.9
    terms = {'none': None, 'additive': [1.0, 4.0, -2.0, -3.0], 'multiplicative': [1.02, 1.1, 0.95, 0.93]}[seasonal]
    if seasonal != 'none':
        weights['smoothing_seasonal'] = 0.25
        known['initial_seasonal'] = terms
    model = ExponentialSmoothing(
        y, trend=None if trend == 'none' else 'add', damped_trend=trend == 'damped',
        seasonal={'none': None, 'additive': 'add', 'multiplicative': 'mul'}[seasonal],
        seasonal_periods=SEASON if seasonal != 'none' else None, initialization_method='known', **known)
    fit = model.fit(optimized=False, **weights)
    free = ExponentialSmoothing(
        y, trend=None if trend == 'none' else 'add', damped_trend=trend == 'damped',
        seasonal={'none': None, 'additive': 'add', 'multiplicative': 'mul'}[seasonal],
        seasonal_periods=SEASON if seasonal != 'none' else None, initialization_method='estimated').fit()
    return {
        'trend': trend, 'seasonal': seasonal, 'terms': terms,
        'fitted': fit.fittedvalues.tolist(), 'forecast': fit.forecast(HORIZON).tolist(), 'errors': float(fit.sse),
        'bestErrors': float(free.sse),
    }


def autoregression(y, order):
    fit = AutoReg(y, lags=order, trend='c').fit()
    return {'order': order, 'coefficients': fit.params.tolist(),
            'forecast': fit.predict(start=len(y), end=len(y) + HORIZON - 1).tolist()}


def golden():
    y = series(48, 1)
    forms = [('none', 'none'), ('linear', 'none'), ('damped', 'none'), ('linear', 'additive'), ('linear', 'multiplicative'),
             ('damped', 'additive')]
    return {'season': SEASON, 'horizon': HORIZON, 'values': y.tolist(),
            'smoothing': [smoothing(y, trend, seasonal) for trend, seasonal in forms],
            'autoregression': [autoregression(y, order) for order in (1, 4, 9)]}


def rounded(value):
    if isinstance(value, float):
        return float(f'{value:.12g}')
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return {key: rounded(one) for key, one in value.items()} if isinstance(value, dict) else value


def close(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(close(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, float):
        return abs(a - b) <= 1e-6 * max(1.0, abs(b))
    return a == b


if __name__ == '__main__':
    made = rounded(golden())
    if '--check' in sys.argv:
        assert close(made, json.loads(FILE.read_text())), 'smoothing.json differs'
    else:
        FILE.write_text(json.dumps(made, indent=1) + '\n')
