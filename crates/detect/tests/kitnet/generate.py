#!/usr/bin/env python3
"""An independent reading of KitNET (Mirsky, Doitshman, Elovici, Shabtai: Kitsune, NDSS 2018, sections IV-C and IV-D),
written from the paper's text alone, on made data. Writes rows.csv (learned rows, then judged rows) and scores.csv (what
this reading says of the judged rows) beside itself. Needs numpy: python3 generate.py"""
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent
LEARNED, JUDGED, COLUMNS, GROUP_MAX, RATE, PASSES = 600, 300, 14, 5, 0.1, 30


def made(random):
    """Three hidden causes move fourteen columns; judged rows break the ties more and more."""
    causes = random.random((LEARNED + JUDGED, 3))
    mixing = random.random((3, COLUMNS)) * (random.random((3, COLUMNS)) < 0.6)
    rows = causes @ mixing * (1 + np.arange(COLUMNS)) + random.normal(0, 0.05, (LEARNED + JUDGED, COLUMNS))
    strength = np.linspace(0, 4, JUDGED)[:, None]
    rows[LEARNED:] += strength * random.normal(0, 1, (JUDGED, COLUMNS)) * (random.random((JUDGED, COLUMNS)) < 0.3)
    return np.round(rows, 4)


def groups(rows):
    """Agglomerative clustering by 1 - correlation, nearest pair first, never a group above GROUP_MAX."""
    distance = 1 - np.nan_to_num(np.corrcoef(rows.T))
    parts = [{column} for column in range(COLUMNS)]
    pairs = sorted((distance[a, b], a, b) for b in range(COLUMNS) for a in range(b))
    for _, a, b in pairs:
        first = next(part for part in parts if a in part)
        second = next(part for part in parts if b in part)
        if first is not second and len(first) + len(second) <= GROUP_MAX:
            parts.remove(second)
            first |= second
    return [sorted(part) for part in parts]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Autoencoder:
    """Three layers, tied weights, three hidden units for four visible ones, scaled to 0-1 by what was seen so far."""

    def __init__(self, visible, random):
        hidden = int(np.ceil(0.75 * visible))
        self.weights = random.uniform(-1 / visible, 1 / visible, (visible, hidden))
        self.hidden_bias, self.visible_bias = np.zeros(hidden), np.zeros(visible)
        self.low, self.high = np.full(visible, np.inf), np.full(visible, -np.inf)

    def run(self, row):
        scaled = (row - self.low) / (self.high - self.low + 1e-16)
        hidden = sigmoid(scaled @ self.weights + self.hidden_bias)
        return scaled, hidden, sigmoid(hidden @ self.weights.T + self.visible_bias)

    def score(self, row):
        scaled, _, rebuilt = self.run(row)
        return np.sqrt(np.mean((scaled - rebuilt) ** 2))

    def learn(self, row):
        self.low, self.high = np.minimum(self.low, row), np.maximum(self.high, row)
        scaled, hidden, rebuilt = self.run(row)
        gap = scaled - rebuilt
        back = (gap @ self.weights) * hidden * (1 - hidden)
        self.weights += RATE * (np.outer(scaled, back) + np.outer(gap, hidden))
        self.hidden_bias += RATE * back
        self.visible_bias += RATE * gap
        return np.sqrt(np.mean(gap**2))


def main():
    random = np.random.default_rng(20)
    rows = made(random)
    learned, judged = rows[:LEARNED], rows[LEARNED:]
    parts = groups(learned)
    nets = [Autoencoder(len(part), random) for part in parts]
    last = Autoencoder(len(parts), random)
    for _ in range(PASSES):
        for row in learned:
            last.learn(np.array([net.learn(row[part]) for net, part in zip(nets, parts)]))
    scores = [last.score(np.array([net.score(row[part]) for net, part in zip(nets, parts)])) for row in judged]
    np.savetxt(HERE / "rows.csv", rows, fmt="%.4f", delimiter=",")
    np.savetxt(HERE / "scores.csv", scores, fmt="%.6f")


if __name__ == "__main__":
    main()
