// The packets this page holds: newest last, bounded, in order of id, without doubles. New ones wait until they are let
// in, so that a paused list stands still; those waiting are bounded too. Pure.

import type { Packet } from '../api/types';
import type { Test } from './filter/evaluate';

export const HELD_MAX = 20_000;
/** Dropped in one go from the old end: a list that loses a row at a time never rests. */
const DROP = 2_000;

export class PacketRing {
  /** All held, oldest first. */
  rows: Packet[] = [];
  /** Those of `rows` that pass the filter. */
  shown: Packet[] = [];
  private waiting: Packet[] = [];
  private test: Test = () => true;
  private newest = 0;

  constructor(private readonly max = HELD_MAX) {}

  /** The largest number let in or waiting; 0: none. */
  get newestId(): number {
    return this.waiting.reduce((most, packet) => Math.max(most, packet.id), this.newest);
  }
  get pending(): number {
    return this.waiting.length;
  }

  clear(): void {
    this.rows = [];
    this.shown = [];
    this.waiting = [];
    this.newest = 0;
  }

  /** Takes packets in any order; known ones are passed over. */
  offer(packets: readonly Packet[]): void {
    this.waiting.push(...packets);
    if (this.waiting.length > this.max) this.waiting = this.waiting.slice(-this.max);
  }

  /** Lets the waiting in. Returns how many shown rows fell off the old end. */
  admit(): number {
    const fresh = this.waiting.filter((p) => p.id > this.newest).sort((a, b) => a.id - b.id);
    this.waiting = [];
    if (fresh.length === 0) return 0;
    const unique = fresh.filter((p, i) => i === 0 || p.id !== fresh[i - 1]?.id);
    this.newest = unique.at(-1)?.id ?? this.newest;
    this.rows = this.rows.concat(unique);
    this.shown = this.shown.concat(unique.filter(this.test));
    return this.trim();
  }

  /** Older packets of the server's ring that this page had not seen. */
  backfill(packets: readonly Packet[]): void {
    const known = new Set(this.rows.map((p) => p.id));
    const older = packets.filter((p) => !known.has(p.id) && p.id <= this.newest);
    if (older.length === 0) return;
    this.rows = this.rows.concat(older).sort((a, b) => a.id - b.id).slice(-this.max);
    this.shown = this.rows.filter(this.test);
  }

  filter(test: Test): void {
    this.test = test;
    this.shown = this.rows.filter(test);
  }

  indexOf(id: number): number {
    let low = 0;
    let high = this.shown.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const at = (this.shown[middle] as Packet).id;
      if (at === id) return middle;
      if (at < id) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  private trim(): number {
    if (this.rows.length <= this.max) return 0;
    this.rows = this.rows.slice(Math.max(this.rows.length - this.max, Math.min(DROP, this.rows.length - 1)));
    const oldest = this.rows[0]?.id ?? 0;
    const before = this.shown.length;
    this.shown = this.shown.filter((p) => p.id >= oldest);
    return before - this.shown.length;
  }
}
