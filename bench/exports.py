#!/usr/bin/env python3
"""bench/exports.py PROGRAM [RECORDS_PER_S [SECONDS [HOSTS]]]: flow exports at a steady pace into `tripline run`, all of it on one core.

One exporter sends NetFlow v5 over loopback, 30 records a datagram, both directions of each connection, between HOSTS inside and 4,096
servers. Tripline runs on the first core with the whole of its work (collect, pair, judge, store, dashboard), the exporter on the second.
Then every record is looked for: sent, lost in the kernel, read, judged as flows, stored, refused by the store's full queue; and each
thread's CPU seconds. Fails when a record that the kernel delivered is in none of these counts. Only the standard library is needed.
"""
import json
import os
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

PER_DATAGRAM = 30
RECORD = struct.Struct("!IIIHHIIIIHHBBBBHHBBH")
HEAD = struct.Struct("!HHIIIIBBH")
UPTIME_MS = 1_000_000


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def connection(chance, hosts):
    """The two records of one TCP connection."""
    client, server = 0x0A000000 + chance.randrange(hosts), 0xC0000200 + chance.randrange(4096)
    ports = (chance.randrange(1024, 65535), chance.choice((22, 53, 80, 443)))
    packets = chance.randrange(3, 50)
    times = (UPTIME_MS - 2000, UPTIME_MS - 100)
    for a, b, p, q in ((client, server, *ports), (server, client, *reversed(ports))):
        yield RECORD.pack(a, b, 0, 1, 2, packets, packets * 600, *times, p, q, 0, 0x1B, 6, 0, 0, 0, 0, 0, 0)


def send(port, rate, seconds, hosts):
    """Sends at this pace; returns datagrams and how long it took."""
    chance = random.Random(5)
    bodies = [
        b"".join(record for _ in range(PER_DATAGRAM // 2) for record in connection(chance, hosts)) for _ in range(6000)
    ]
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    count, begin = int(rate * seconds / PER_DATAGRAM), time.time()
    for n in range(count):
        now = time.time()
        due = begin + n * PER_DATAGRAM / rate
        if now < due:
            time.sleep(due - now)
        head = HEAD.pack(5, PER_DATAGRAM, UPTIME_MS, int(now), 0, n * PER_DATAGRAM & 0xFFFFFFFF, 0, 0, 0)
        out.sendto(head + bodies[n % len(bodies)], ("127.0.0.1", port))
    return count, time.time() - begin


def ask(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read().decode()


def metrics(port):
    lines = (line for line in ask(port, "/metrics").splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def dropped(counts, reason):
    return int(counts.get(f'tripline_dropped_total{{reason="{reason}"}}', 0))


def flows(counts):
    """Stored, and refused by the full queue."""
    stored = int(counts.get('tripline_events_total{name="store_flows_written"}', 0))
    return stored, dropped(counts, "store_queue_full")


def settled(port):
    """Metrics and exporters once every connection is stored or refused; what is there after a minute otherwise."""
    for _ in range(120):
        time.sleep(0.5)
        exporters = [e for s in json.loads(ask(port, "/api/v1/sources"))["sources"] for e in s["exporters"]]
        counts, records = metrics(port), sum(e["records"] for e in exporters)
        if sum(flows(counts)) >= records // 2:
            break
    return counts, records


def threads(pid):
    """CPU seconds of each thread that took any."""
    spent = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat", encoding="utf-8") as stat:
            name, rest = stat.read().split("(", 1)[1].rsplit(")", 1)
        fields = rest.split()
        spent[name] = spent.get(name, 0.0) + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return {name: s for name, s in sorted(spent.items(), key=lambda item: -item[1]) if s >= 0.05}


def main():
    program = sys.argv[1]
    rate, seconds, hosts = (float(a) for a in (sys.argv[2:] + ["100000", "30", "65536"][len(sys.argv) - 2 :]))
    exports, page = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "-q", "run", "--collect", f"127.0.0.1:{exports}", "--data-dir", folder]
        command += ["--listen", f"127.0.0.1:{page}", "--duration", f"{int(seconds) + 120}s"]
        tripline = subprocess.Popen(command, preexec_fn=lambda: os.sched_setaffinity(0, cores[:1]))
        try:
            time.sleep(3)
            os.sched_setaffinity(0, cores[-1:])
            datagrams, took = send(exports, rate, seconds, int(hosts))
            cpu = threads(tripline.pid)
            counts, records = settled(page)
        finally:
            tripline.terminate()
            tripline.wait()
    kernel = dropped(counts, "kernel_socket_full")
    stored, refused = flows(counts)
    sent = datagrams * PER_DATAGRAM
    print(f"sent {sent} records in {datagrams} datagrams, {sent / took:.0f} a second for {took:.1f} s")
    print(f"lost in the kernel {kernel} datagrams; read {records} records")
    print(f"stored {stored} flows of {records // 2} connections; refused by the store's full queue {refused}")
    print("CPU seconds while it was sent: " + ", ".join(f"{name} {s:.1f}" for name, s in cpu.items()))
    if records + kernel * PER_DATAGRAM != sent or stored + refused != records // 2:
        sys.exit("bench: a record is in none of these counts")


if __name__ == "__main__":
    main()
