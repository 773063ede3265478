#!/usr/bin/env python3
"""bench/detectors.py PROGRAM [CAPTURE [PASSES]]: flows a second of one detector and of two, on two partitions of a real Apache Kafka.

A sensor reads CAPTURE (without one: two hours of `tripline simulate`) PASSES times into the topics; the models are trained on the same capture.
Then the same waiting flows are judged by one detector, and, from a copy of the broker's folder, by two: each held to a core of its own, and
then each held to half a core (control groups, as root), so that a machine of two cores has some left for the broker. A rate is taken while every
detector still has flows to judge. Needs `scripts/services/kafka.sh install`; only
the standard library besides. See bench/README.md.
"""
import glob
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIMIT_S = 300
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, condition):
    begin = time.time()
    while not condition():
        if time.time() - begin > LIMIT_S:
            sys.exit(f"bench: {what} did not come within {LIMIT_S} s")
        time.sleep(0.1)


def metric(port, name):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return None
    return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name)), None)


class HalfCore:
    """A control group whose processes get half a core together; of either version."""

    def __init__(self, name):
        old, new = "/sys/fs/cgroup/cpu", "/sys/fs/cgroup"
        self.folder = f"{old if os.path.isdir(old) else new}/tripline-bench-{os.getpid()}-{name}"
        os.mkdir(self.folder)
        if os.path.isdir(old):
            self.write("cpu.cfs_period_us", "20000")
            self.write("cpu.cfs_quota_us", "10000")
        else:
            self.write("cpu.max", "10000 20000")

    def write(self, file, text):
        with open(f"{self.folder}/{file}", "w") as out:
            out.write(text)

    def take(self, process):
        self.write("cgroup.procs", str(process.pid))

    def end(self):
        os.rmdir(self.folder)


def cpu_s(process):
    with open(f"/proc/{process.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Bench:
    def __init__(self, program, work):
        self.program, self.work, self.kafka_port = program, work, free_port()
        self.log = open(os.path.join(work, "log"), "w")
        self.started = []
        self.begin("broker")
        self.settings = ["--set", "roles.partitions=2", "--set", "models.retrain_every_h=0", "-q"]

    def begin(self, folder):
        script = os.path.join(REPOSITORY, "scripts/services/kafka.sh")
        command = [script, "run", f"{self.work}/{folder}", str(self.kafka_port)]
        self.broker = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        wait_for("the broker", self.answers)

    def end(self):
        self.broker.terminate()
        self.broker.wait()

    def answers(self):
        if self.broker.poll() is not None:
            sys.exit("bench: the broker ended; is Kafka installed? scripts/services/kafka.sh install")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.kafka_port)) == 0

    def start(self, role, name, *more, core=None):
        port = free_port()
        command = [self.program, "run", "--role", role, "--data-dir", f"{self.work}/{name}", "--listen", f"127.0.0.1:{port}"]
        command += self.settings + ["--set", f"roles.name={name}", *more]
        if core is not None:
            command = ["taskset", "-c", str(core)] + command
        environment = os.environ | {"TRIPLINE_KAFKA__BROKERS": f'["127.0.0.1:{self.kafka_port}"]'}
        process = subprocess.Popen(command, env=environment, stdout=self.log, stderr=self.log)
        self.started.append(process)
        return process, port

    def stop(self, process):
        process.send_signal(signal.SIGTERM)
        if process.wait(timeout=LIMIT_S) != 0:
            sys.exit(f"bench: a process ended with {process.returncode}")

    def fill(self, capture, passes):
        flows = 0
        for number in range(passes):
            sensor, port = self.start("sensor", f"sensor{number}", "-r", capture, "--speed", "max")
            wait_for("the end of the capture", lambda: metric(port, "tripline_source_running") == 0)
            flows += int(metric(port, "tripline_flows_total"))
            self.stop(sensor)
        return flows

    def judge(self, folder, count, flows, held):
        """Flows a second while all `count` detectors have some to judge; `folder` is what the broker begins with."""
        shutil.copytree(f"{self.work}/{folder}", f"{self.work}/broker")
        self.begin("broker")
        groups = [HalfCore(str(n)) for n in range(count)] if held else []
        cores = sorted(os.sched_getaffinity(0))
        broker = cpu_s(self.broker)
        detectors = [self.start("detector", f"detector{n}", core=cores[n % len(cores)]) for n in range(count)]
        for group, (process, _) in zip(groups, detectors):
            group.take(process)
        samples = []

        def done():
            counts = [metric(port, "tripline_flows_total") or 0 for _, port in detectors]
            samples.append((time.time(), counts))
            return sum(counts) >= flows

        wait_for("the last verdict", done)
        if any(metric(port, "tripline_model_ready") != 1 for _, port in detectors):
            sys.exit("bench: a detector judged without models")
        cpu = [cpu_s(process) for process, _ in detectors]
        broker = cpu_s(self.broker) - broker
        for process, _ in detectors:
            self.stop(process)
        for group in groups:
            group.end()
        self.end()
        shutil.rmtree(f"{self.work}/broker")
        busy = [s for s in samples if all(0 < n < last for n, last in zip(s[1], samples[-1][1]))]
        if len(busy) < 2:
            sys.exit("bench: over too soon to be measured; give more passes")
        first, last = busy[0], busy[-1]
        rate = (sum(last[1]) - sum(first[1])) / (last[0] - first[0])
        shares = ", ".join(f"{int(n):,}" for n in samples[-1][1])
        share = "half a core" if held else "a core"
        print(f"{count} x {share}: {rate:,.0f} flows/s; judged {shares}; CPU seconds {cpu}, broker {broker:.1f}", flush=True)
        return rate


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program, passes = os.path.abspath(sys.argv[1]), int(sys.argv[3]) if len(sys.argv) > 3 else 30
    with tempfile.TemporaryDirectory() as work:
        capture = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else f"{work}/past.pcap"
        if len(sys.argv) < 3:
            subprocess.run([program, "simulate", "--duration", "2h", "-q", "-w", capture], check=True)
        subprocess.run([program, "train", capture, "-q", "--out", f"{work}/models"], check=True)
        model = glob.glob(f"{work}/models/**/flow.model", recursive=True)[0]
        for n in range(2):
            os.makedirs(f"{work}/detector{n}")
            with open(model, "rb") as source, open(f"{work}/detector{n}/flow.model", "wb") as copy:
                copy.write(source.read())
        bench = Bench(program, work)
        try:
            flows = bench.fill(capture, passes)
            size = sum(os.path.getsize(f) for f in glob.glob(f"{work}/broker/data/tripline.flows-*/*.log"))
            print(f"{flows:,} flows wait in the topic, {size / flows:.0f} bytes each", flush=True)
            # What waits is kept as it is now: all judge the same, from its beginning.
            bench.end()
            os.rename(f"{work}/broker", f"{work}/waiting")
            for held in (False, True):
                one, two = (bench.judge("waiting", count, flows, held) for count in (1, 2))
                print(f"two detectors judge {two / one:.2f} times as many as one", flush=True)
        finally:
            for process in bench.started:
                if process.poll() is None:
                    process.kill()
            bench.end()


main()
