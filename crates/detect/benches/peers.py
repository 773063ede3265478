#!/usr/bin/env python3
"""The same work by scikit-learn and PyTorch, one thread, and the ratio to ours.

usage: peers.py OURS     OURS is the output of `cargo bench -p detect --bench models`
needs: numpy scikit-learn, and torch for the autoencoder (each is skipped with a line when missing)
"""
import os
import resource
import statistics
import sys

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

RUNS = 3
COLUMNS = 32
CLOUDS = 8


def ours(path):
    lines = (line.rstrip("\n").split("\t") for line in open(path, encoding="utf-8"))
    return {line[0]: float(line[3]) for line in lines if len(line) == 4}


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def rate(rows, work):
    work()
    spent = []
    for _ in range(RUNS):
        before = cpu_seconds()
        work()
        spent.append(cpu_seconds() - before)
    return rows / statistics.median(spent)


def row(peer, name, per_second, measured):
    ratio = f"{measured[name] / per_second:8.1f} x" if name in measured else "       -"
    print(f"{peer:44s} {per_second:14.0f} rows/CPU-s   {name:46s} {measured.get(name, 0):14.0f}   {ratio}", flush=True)


def mixture(numpy, rows):
    random = numpy.random.default_rng(3)
    centres = random.normal(0, 3, (CLOUDS, COLUMNS))
    mixing = random.normal(0, 1, (CLOUDS, COLUMNS, COLUMNS)) / numpy.sqrt(COLUMNS)
    cloud = random.integers(0, CLOUDS, rows)
    source = random.normal(size=(rows, COLUMNS))
    out = numpy.empty((rows, COLUMNS), numpy.float32)
    for index in range(CLOUDS):
        out[cloud == index] = (source[cloud == index] @ mixing[index] + centres[index]).astype(numpy.float32)
    return out


def scikit_learn(numpy, rows, measured):
    try:
        from sklearn.ensemble import IsolationForest
        from sklearn.neighbors import LocalOutlierFactor
    except ImportError:
        print("scikit-learn: not installed")
        return
    forest = IsolationForest(n_estimators=100, max_samples=256, random_state=0).fit(rows)
    per_second = rate(len(rows), lambda: forest.score_samples(rows))
    row("scikit-learn IsolationForest.score_samples", "isolation_forest score portable", per_second, measured)
    row("scikit-learn IsolationForest.score_samples", "isolation_forest score", per_second, measured)
    single = rate(50, lambda: [forest.score_samples(rows[i:i + 1]) for i in range(50)])
    row("scikit-learn IsolationForest, one row", "isolation_forest score one row", single, measured)
    factor = LocalOutlierFactor(n_neighbors=20, novelty=True).fit(rows[:10000])
    per_second = rate(5000, lambda: factor.score_samples(rows[50000:55000]))
    row("scikit-learn LocalOutlierFactor.score_samples", "local_outlier_factor score, 10000 references", per_second, measured)


def pytorch(rows, measured):
    try:
        import torch
    except (ImportError, OSError, ValueError):
        print("torch: not installed")
        return
    torch.set_num_threads(1)
    dense, rectify = torch.nn.Linear, torch.nn.ReLU
    network = torch.nn.Sequential(
        dense(COLUMNS, 32), rectify(), dense(32, 8), dense(8, 32), rectify(), dense(32, COLUMNS)
    ).eval()
    data = torch.from_numpy(rows)

    def score(batch):
        with torch.inference_mode():
            for part in data.split(batch):
                ((network(part) - part) ** 2).mean(1)

    whole = rate(len(rows), lambda: score(len(rows)))
    row("PyTorch, one batch", "autoencoder score, one network", whole, measured)
    best = max(rate(len(rows), lambda: score(batch)) for batch in (256, 1024, 4096, 16384))
    row("PyTorch, best of four batch sizes", "autoencoder score, one network", best, measured)


def main():
    measured = ours(sys.argv[1]) if len(sys.argv) > 1 else {}
    try:
        import numpy
    except ImportError:
        print("numpy: not installed, nothing to compare with")
        return
    rows = mixture(numpy, 200000)
    scikit_learn(numpy, rows, measured)
    pytorch(rows, measured)


if __name__ == "__main__":
    main()
