# Synthetic ink for read_pen.py and write_handwriting.py: the samples of gatecell's syntheticInk, as offsets of the pen. Not counted.
import json
import subprocess

import torch

PROGRAM = """
import { syntheticInk, inkPoints } from 'gatecell/ink'
for (const { text, strokes } of syntheticInk(Number(process.argv[1]))) console.log(JSON.stringify({ text, strokes: inkPoints(strokes) }))
"""


def practice_ink(count):
    """Returns pairs of a text and a tensor [points, 3]: dx, dy in heights of a small letter, and 1 at the end of a stroke."""
    words = ["node", "--input-type=module", "-e", PROGRAM, str(count)]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    samples = []
    for line in lines:
        sample = json.loads(line)
        points = [[x / 100, y / 100, float(i == len(s) - 1)] for s in sample["strokes"] for i, (x, y) in enumerate(s)]
        ink = torch.tensor(points)
        ink[1:, :2] = ink[1:, :2] - ink[:-1, :2]
        ink[0, :2] = 0
        samples.append((sample["text"], ink))
    return samples
