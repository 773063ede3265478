#!/usr/bin/env python3
"""bench/share.py PROGRAM CAPTURE [ROUNDS]: the exact detectors' part of the CPU time of `tripline analyze`, by sampling one and the same
run instead of comparing two: a busy moment of the machine meets both sides of the ratio.

A sample counts for the detectors when any function on its stack, inlined ones too, is theirs: `detect::behaviour`, what it calls, the
kernel on its behalf. PROGRAM needs its debug information (the release profile has it); `perf` must be installed and allowed. Samples are
taken of the CPU clock, so what waits does not count. What they cost others (caches) and what decoder and flow table do for them is not in
it, so it is below the difference that `bench/run.sh` tells, and the bound of 15 % is that one's.
"""
import subprocess
import sys
import tempfile

OURS = "detect::behaviour::"
# Everything judged passes it: when it is on no stack, the stacks were not unwound.
DOOR = "evaluate::judge::Judge"


def stacks(text):
    """Each sample's functions, innermost first."""
    for sample in text.split("\n\n"):
        lines = [line.strip().split(" ", 1)[-1] for line in sample.splitlines() if line.strip()]
        if lines:
            yield lines


def round_of(program, capture, folder):
    data = f"{folder}/perf.data"
    record = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "1499", "--call-graph", "dwarf,16384", "-o", data]
    subprocess.run([*record, program, "-q", "analyze", capture, "-w", "/dev/null"], check=True, stderr=subprocess.DEVNULL)
    text = subprocess.run(["perf", "script", "-i", data, "-F", "ip,sym"], check=True, capture_output=True, text=True).stdout
    all_stacks = list(stacks(text))
    if not any(DOOR in name for stack in all_stacks for name in stack):
        sys.exit(f"bench: no stack of {program} leads to its judge; is its debug information there?")
    return len(all_stacks), sum(any(OURS in name for name in stack) for stack in all_stacks)


def main():
    program, capture = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    with tempfile.TemporaryDirectory() as folder:
        found = [round_of(program, capture, folder) for _ in range(rounds)]
    for samples, ours in found:
        print(f"{samples} samples, {100 * ours / samples:.1f} % in the exact detectors")
    samples, ours = (sum(column) for column in zip(*found))
    share = ours / samples
    spread = (share * (1 - share) / samples) ** 0.5
    print(f"exact detectors: {100 * share:.1f} % of the CPU time of analyze, ± {200 * spread:.1f} (theirs alone)")


if __name__ == "__main__":
    main()
