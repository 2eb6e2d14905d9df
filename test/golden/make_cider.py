"""Golden values of CIDEr-D: a plain NumPy program after the paper and the authors' published description, written for this test.

Usage: python make_cider.py > cider.json
"""

import json
import math
import random
from collections import Counter, defaultdict

import numpy as np

ORDERS, SIGMA = 4, 6.0


def grams(words):
    return Counter(tuple(words[i : i + n]) for n in range(1, ORDERS + 1) for i in range(len(words) - n + 1))


def cider_d(cases):
    frequency = defaultdict(float)
    for case in cases:
        for gram in {g for r in case["references"] for g in grams(r)}:
            frequency[gram] += 1
    log_documents = math.log(float(len(cases)))

    def vector(words):
        weights, norms, length = [dict() for _ in range(ORDERS)], np.zeros(ORDERS), 0
        for gram, count in grams(words).items():
            n = len(gram) - 1
            weights[n][gram] = float(count) * (log_documents - math.log(max(1.0, frequency[gram])))
            norms[n] += weights[n][gram] ** 2
            if n == 1:
                length += count
        return weights, np.sqrt(norms), length

    scores = []
    for case in cases:
        w, norm, length = vector(case["caption"])
        total = np.zeros(ORDERS)
        for reference in case["references"]:
            rw, rnorm, rlength = vector(reference)
            value = np.zeros(ORDERS)
            for n in range(ORDERS):
                for gram, weight in w[n].items():
                    other = rw[n].get(gram, 0.0)
                    value[n] += min(weight, other) * other
                if norm[n] != 0 and rnorm[n] != 0:
                    value[n] /= norm[n] * rnorm[n]
                value[n] *= math.exp(-((length - rlength) ** 2) / (2 * SIGMA**2))
            total += value
        scores.append(10.0 * np.mean(total) / len(case["references"]))
    return float(np.mean(scores))


def main():
    random.seed(15)
    words = "a the two red blue cat dog tower of blocks is on near with black yellow box".split()
    sets = []
    for _ in range(40):
        cases = []
        for _ in range(random.randint(1, 12)):
            text = lambda: [random.choice(words[: random.randint(2, len(words))]) for _ in range(random.randint(0, 12))]
            references = [text() for _ in range(random.randint(1, 5))]
            near = list(random.choice(references))
            if near and random.random() < 0.7:
                near[random.randrange(len(near))] = random.choice(words)
            cases.append({"caption": near if random.random() < 0.8 else text(), "references": references})
        sets.append({"cases": cases, "score": cider_d(cases)})
    print(json.dumps(sets, separators=(",", ":")))


main()
