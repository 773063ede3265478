#!/usr/bin/env python3
"""The models' scoring and training beside scikit-learn and PyTorch: one table of ratios, both sides in turn in the same run.

usage: peers.py COMMAND…   COMMAND runs the bench, such as `cargo bench -q -p detect --bench models --`
needs: numpy scikit-learn, and torch for the autoencoder (each is skipped with a line when missing)

Both sides score the same matrix, which the bench writes, on one thread, in CPU seconds. Every round runs the bench and then
each peer once; a ratio is the median of the rounds, with the smallest and the largest beside it. ROUNDS=5 takes more rounds.
"""
import os
import resource
import statistics
import subprocess
import sys
import tempfile

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

ROUNDS = int(os.environ.get("ROUNDS", "3"))
COLUMNS = 32
BATCHES = (256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536)


def ours(command):
    """Rows per CPU-second of each line of the bench."""
    run = lambda word: subprocess.run([*command, word], check=True, capture_output=True, text=True).stdout
    lines = (line.split("\t") for word in ("score", "fit") for line in run(word).splitlines())
    return {line[0]: float(line[3]) for line in lines if len(line) == 4}


def matrix(numpy, command):
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run([*command, f"--matrix={file.name}"], check=True, stdout=subprocess.DEVNULL)
        return numpy.fromfile(file.name, "<f4").reshape(-1, COLUMNS)


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def rate(rows, work):
    """Repeated until it takes many of the steps in which some systems tell processor time; after one unmeasured call."""
    work()
    times, before = 0, cpu_seconds()
    while cpu_seconds() - before < 0.2:
        work()
        times += 1
    return rows * times / (cpu_seconds() - before)


def scikit_learn(rows):
    """Peer, our line, how many rows per CPU-second the peer scores when called."""
    try:
        from sklearn.ensemble import IsolationForest, RandomForestClassifier
        from sklearn.neighbors import LocalOutlierFactor
    except ImportError:
        print("scikit-learn: not installed (pip install scikit-learn)")
        return
    forest = IsolationForest(n_estimators=100, max_samples=256, random_state=0).fit(rows)
    factor = LocalOutlierFactor(n_neighbors=20, novelty=True).fit(rows[:10000])
    many, queries = lambda: forest.score_samples(rows), rows[50000:55000]
    yield "scikit-learn IsolationForest", "isolation_forest score portable", lambda: rate(len(rows), many)
    yield "scikit-learn IsolationForest", "isolation_forest score", lambda: rate(len(rows), many)
    one_by_one = lambda: [forest.score_samples(rows[i:i + 1]) for i in range(50)]
    yield "scikit-learn IsolationForest, one row", "isolation_forest score one row", lambda: rate(50, one_by_one)
    name = "local_outlier_factor score, 10000 references"
    yield "scikit-learn LocalOutlierFactor", name, lambda: rate(len(queries), lambda: factor.score_samples(queries))
    # The bench's own classes: by the sign of the sum of four columns.
    train, kinds = rows[:20000], rows[:20000, :4].sum(1) > 0
    trees = lambda: RandomForestClassifier(n_estimators=100, random_state=0, n_jobs=1).fit(train, kinds)
    classes = trees()
    some = lambda: classes.predict_proba(train)
    yield "scikit-learn RandomForestClassifier", "random_forest score", lambda: rate(len(train), some)
    each = lambda: [classes.predict_proba(rows[i:i + 1]) for i in range(50)]
    yield "scikit-learn RandomForestClassifier, one row", "random_forest score one row", lambda: rate(50, each)
    yield "scikit-learn RandomForestClassifier, fit", "random_forest fit", lambda: rate(len(train), trees)


def pytorch(rows):
    try:
        import torch
    except (ImportError, OSError, ValueError):
        print("torch: not installed (pip install torch)")
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

    spent = {batch: max(rate(len(rows), lambda: score(batch)) for _ in range(3)) for batch in BATCHES}
    best, name = max(spent, key=spent.get), "autoencoder score, one network"
    print("PyTorch, rows per CPU-second by batch:", ", ".join(f"{batch}: {spent[batch]:.0f}" for batch in BATCHES))
    yield "PyTorch, batches of 256", name, lambda: rate(len(rows), lambda: score(256))
    yield "PyTorch, one batch of all rows", name, lambda: rate(len(rows), lambda: score(len(rows)))
    yield f"PyTorch, best batch ({best})", name, lambda: rate(len(rows), lambda: score(best))
    known = data[:20000]
    known = (known - known.mean(0)) / known.std(0)

    def fit(batch, epochs=5):
        learner = torch.nn.Sequential(
            dense(COLUMNS, 32), rectify(), dense(32, 8), dense(8, 32), rectify(), dense(32, COLUMNS)
        )
        step = torch.optim.Adam(learner.parameters(), lr=4e-3)
        for _ in range(epochs):
            for part in known[torch.randperm(len(known))].split(batch):
                step.zero_grad()
                ((learner(part) - part) ** 2).mean().backward()
                step.step()

    name = "autoencoder fit, one network, 5 epochs"
    yield "PyTorch, fit in batches of 64", name, lambda: rate(5 * len(known), lambda: fit(64))


def main():
    command = sys.argv[1:]
    if not command:
        sys.exit(__doc__)
    try:
        import numpy
    except ImportError:
        print("numpy: not installed, nothing to compare with (pip install numpy scikit-learn torch)")
        return
    rows = matrix(numpy, command)
    peers = [*scikit_learn(rows), *pytorch(rows)]
    rounds = []
    for _ in range(ROUNDS):
        measured = ours(command)
        rounds.append([(measured[name], work()) for _, name, work in peers])
    print(f"{'peer':40s} {'rows/CPU-s':>12s}   {'ours':46s} {'rows/CPU-s':>12s} {'ratio':>8s}   range of {ROUNDS} rounds")
    for place, (peer, name, _) in enumerate(peers):
        own, other = (statistics.median(pair[side] for pair in (r[place] for r in rounds)) for side in (0, 1))
        ratios = sorted(r[place][0] / r[place][1] for r in rounds)
        span = f"{ratios[0]:.1f} to {ratios[-1]:.1f}"
        print(f"{peer:40s} {other:12.0f}   {name:46s} {own:12.0f} {statistics.median(ratios):8.1f}   {span}")


if __name__ == "__main__":
    main()
