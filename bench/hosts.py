#!/usr/bin/env python3
"""bench/hosts.py HOSTS > FILE: a capture of so many home hosts, at most 16 million, within 100 seconds of capture time.

Each host says by ARP that it is there, looks a name up, and opens a connection that stays open: six packets, two flows, an Ethernet
address of its own. What a table of hosts, a window or a detector keeps of a host, it keeps here of all of them at once. Only the
standard library is needed; a million hosts take some ten seconds and 550 MB.
"""
import struct
import sys

SPAN_US = 100_000_000
START_S = 1_700_000_000
ROUTER = bytes([2, 0, 0, 0, 0, 1])


def summed(data: bytes) -> int:
    """One's complement sum of 16-bit words, not folded."""
    return sum(struct.unpack(f"!{len(data) // 2}H", data))


def checksum(total: int) -> int:
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(proto: int, src: bytes, dest: bytes, payload: bytes) -> bytes:
    head = struct.pack("!BBHHHBB", 0x45, 0, 20 + len(payload), 1, 0x4000, 64, proto)
    return head + struct.pack("!H", checksum(summed(head + src + dest))) + src + dest + payload


def udp(src: bytes, dest: bytes, ports: tuple, data: bytes) -> bytes:
    return ipv4(17, src, dest, struct.pack("!HHHH", *ports, 8 + len(data), 0) + data)


def tcp(src: bytes, dest: bytes, ports: tuple, seq: int, ack: int, flags: int) -> bytes:
    head = struct.pack("!HHIIBBH", *ports, seq, ack, 0x50, flags, 64_240)
    total = checksum(summed(src + dest + head) + 6 + 20)
    return ipv4(6, src, dest, head + struct.pack("!HH", total, 0))


def frames(number: int) -> list:
    """What one host sends and gets."""
    host = struct.pack("!I", 0x0A000001 + number)
    mac = b"\x02\x01" + host
    resolver, server = bytes([172, 16, 0, 53]), bytes([198, 51, 100, 1 + number % 200])
    out, back = ROUTER + mac + b"\x08\x00", mac + ROUTER + b"\x08\x00"
    ports, high, low = (40_000 + number % 20_000, 443), (41_000, 53), (53, 41_000)
    name = b"\x04host" + bytes([7]) + b"example\x03org\x00\x00\x01\x00\x01"
    asked = struct.pack("!HHHHHH", number & 0xFFFF, 0x0100, 1, 0, 0, 0) + name
    told = struct.pack("!HHHHHH", number & 0xFFFF, 0x8180, 1, 1, 0, 0) + name + b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + server
    seq = number * 7 & 0xFFFFFFFF
    return [
        b"\xff" * 6 + mac + b"\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01" + mac + host + bytes(6) + host,
        out + udp(host, resolver, high, asked),
        back + udp(resolver, host, low, told),
        out + tcp(host, server, ports, seq, 0, 0x02),
        back + tcp(server, host, ports[::-1], 9, seq + 1 & 0xFFFFFFFF, 0x12),
        out + tcp(host, server, ports, seq + 1 & 0xFFFFFFFF, 10, 0x10),
    ]


def main() -> None:
    hosts = int(sys.argv[1])
    out = sys.stdout.buffer
    out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1))
    step_us = SPAN_US / hosts
    for number in range(hosts):
        parts = []
        for at, frame in enumerate(frames(number)):
            us = int((number + at / 8) * step_us)
            parts.append(struct.pack("<IIII", START_S + us // 1_000_000, us % 1_000_000, len(frame), len(frame)) + frame)
        out.write(b"".join(parts))


if __name__ == "__main__":
    main()
