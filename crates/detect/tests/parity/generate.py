#!/usr/bin/env python3
"""Makes scores.json: numbers that this script draws, and what scikit-learn says of them. tests/parity.rs compares.

usage: generate.py > scores.json
needs: numpy, scikit-learn (written with 1.9)

The rows lie near a curved surface of three dimensions in eight columns; queries leave it by rising amounts, so that they
have a true order. Nothing here was captured.
"""
import json
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy
import sklearn
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.neighbors import LocalOutlierFactor
from sklearn.neural_network import MLPRegressor

COLUMNS, ROWS, QUERIES, NEIGHBOURS, NEAREST = 8, 400, 150, 20, 5
# As crates/detect/src/standardise.rs and models/autoencoder.rs have them.
SCALE_MIN, DEVIATION_PART, ERROR_MIN, ERROR_CAP, CLIP_NEIGHBOURS, CLIP_NETWORK = 0.05, 0.7, 0.01, 400.0, 8.0, 6.0


def surface(random, rows):
    latent = random.normal(size=(rows, 3))
    mixing = numpy.random.default_rng(1).normal(size=(3, COLUMNS))
    bent = numpy.tanh(latent @ mixing) * 2 + 0.3 * (latent ** 2) @ mixing
    return bent + random.normal(size=(rows, COLUMNS)) * 0.1


def standardised(rows, like, clip):
    median = numpy.sort(like, 0)[len(like) // 2]
    deviations = numpy.sort(numpy.abs(like - median), 0)[len(like) // 2]
    scale = numpy.maximum(numpy.maximum(1.4826 * deviations, DEVIATION_PART * like.std(0)), SCALE_MIN)
    return numpy.clip((rows - median) / scale, -clip, clip)


def neighbours(rows, queries):
    near, asked = standardised(rows, rows, CLIP_NEIGHBOURS), standardised(queries, rows, CLIP_NEIGHBOURS)
    model = LocalOutlierFactor(n_neighbors=NEIGHBOURS, novelty=True, algorithm="brute").fit(near)
    distances, _ = model.kneighbors(asked, n_neighbors=NEAREST)
    return -model.score_samples(asked), distances.mean(1)


def autoencoder(rows, queries):
    """Mean of ln(1 + squared error / usual squared error), capped, as ours, over three networks of scikit-learn's."""
    known, asked = standardised(rows, rows, CLIP_NETWORK), standardised(queries, rows, CLIP_NETWORK)
    total = 0
    for seed in range(3):
        network = MLPRegressor(hidden_layer_sizes=(32, 8, 32), solver="adam", batch_size=64, learning_rate_init=4e-3, max_iter=150,
                               random_state=seed, tol=0, n_iter_no_change=1000).fit(known, known)
        errors = numpy.sort((network.predict(known) - known) ** 2, 0)[: -(-len(known) * 99 // 100)]
        usual = numpy.maximum(errors.mean(0), ERROR_MIN)
        total = total + numpy.log1p(numpy.minimum((network.predict(asked) - asked) ** 2 / usual, ERROR_CAP)).mean(1)
    return total / 3


def main():
    random = numpy.random.default_rng(7)
    rows = surface(random, ROWS).astype(numpy.float32)
    away = numpy.linspace(0, 1, QUERIES)[:, None] ** 2 * random.normal(size=(QUERIES, COLUMNS)) * 4
    queries = (surface(random, QUERIES) + away).astype(numpy.float32)
    labels = (rows[:, 0] > rows[:, 1] * rows[:, 2]).astype(int) + (rows[:, 3] > rows[:, 4]).astype(int)
    # Written with few digits, and computed from what is written.
    rows, queries = numpy.round(rows, 4), numpy.round(queries, 4)
    forest = IsolationForest(n_estimators=1000, max_samples=256, random_state=0).fit(rows)
    factor, distance = neighbours(rows.astype(float), queries.astype(float))
    classes = RandomForestClassifier(n_estimators=500, random_state=0).fit(rows, labels)
    short = lambda values, digits: [round(float(value), digits) for value in numpy.asarray(values).ravel()]
    print(json.dumps({
        "made_by": f"generate.py, scikit-learn {sklearn.__version__}, numpy {numpy.__version__}",
        "columns": COLUMNS,
        "rows": short(rows, 4),
        "labels": [int(label) for label in labels],
        "queries": short(queries, 4),
        "isolation_forest": short(-forest.score_samples(queries), 5),
        "local_outlier_factor": short(factor, 6),
        "nearest_neighbours": short(distance, 6),
        "random_forest": short(classes.predict_proba(queries), 4),
        "autoencoder": short(autoencoder(rows.astype(float), queries.astype(float)), 5),
    }, separators=(",", ":")))


if __name__ == "__main__":
    main()
