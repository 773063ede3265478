// The newest flows as flat arrays: 50,000 at most, the oldest overwritten, no object per point. Pure.

import type { ScatterTuple } from '../../api/types';

export const POINTS_MAX = 50_000;

export class Points {
  readonly id: Float64Array;
  readonly end: Float64Array;
  readonly duration: Float32Array;
  readonly bytes: Float32Array;
  readonly score: Float32Array;
  /** log10, kept because every frame needs it; −Infinity for 0. */
  readonly logDuration: Float32Array;
  readonly logBytes: Float32Array;
  readonly anomalous: Uint8Array;
  /** How many slots hold a point; slots 0 … size − 1, in no particular order once the ring has turned. */
  size = 0;
  private next = 0;
  private readonly known = new Map<number, number>();

  constructor(readonly capacity = POINTS_MAX) {
    this.id = new Float64Array(capacity);
    this.end = new Float64Array(capacity);
    this.duration = new Float32Array(capacity);
    this.bytes = new Float32Array(capacity);
    this.score = new Float32Array(capacity);
    this.logDuration = new Float32Array(capacity);
    this.logBytes = new Float32Array(capacity);
    this.anomalous = new Uint8Array(capacity);
  }

  clear(): void {
    this.size = 0;
    this.next = 0;
    this.known.clear();
  }

  /** Adds a point, or renews the one with the same flow id (judged again, or told twice after a reconnect). Returns its slot. */
  push(tuple: ScatterTuple): number {
    let slot = this.known.get(tuple[0]);
    if (slot === undefined) {
      slot = this.next;
      this.next = (this.next + 1) % this.capacity;
      if (this.size < this.capacity) this.size += 1;
      else this.known.delete(this.id[slot] ?? 0);
      this.known.set(tuple[0], slot);
    }
    this.id[slot] = tuple[0];
    this.end[slot] = tuple[1];
    this.duration[slot] = tuple[2];
    this.bytes[slot] = tuple[3];
    this.logDuration[slot] = Math.log10(tuple[2]);
    this.logBytes[slot] = Math.log10(tuple[3]);
    this.score[slot] = tuple[4] ?? Number.NaN;
    this.anomalous[slot] = tuple[5];
    return slot;
  }

  at(slot: number): ScatterTuple {
    return [this.id[slot] ?? 0, this.end[slot] ?? 0, this.duration[slot] ?? 0, this.bytes[slot] ?? 0, Number.isNaN(this.score[slot]) ? null : (this.score[slot] ?? null), this.anomalous[slot] ?? 0];
  }
}
