// Which point is under the pointer: a grid over the plot, filled by counting sort. Pure.

import type { Points } from './points';
import type { Projection } from './project';

export class Grid {
  private readonly starts: Uint32Array;
  private readonly slots: Uint32Array;
  private readonly columns: number;
  private readonly rows: number;

  constructor(
    private readonly points: Points,
    private readonly at: Projection,
    width: number,
    height: number,
    private readonly cell = 16,
  ) {
    this.columns = Math.max(1, Math.ceil(width / cell));
    this.rows = Math.max(1, Math.ceil(height / cell));
    this.starts = new Uint32Array(this.columns * this.rows + 1);
    this.slots = new Uint32Array(at.visible);
    this.fill();
  }

  private cellOf(x: number, y: number): number {
    const column = Math.min(this.columns - 1, Math.max(0, Math.floor(x / this.cell)));
    const row = Math.min(this.rows - 1, Math.max(0, Math.floor(y / this.cell)));
    return row * this.columns + column;
  }

  private fill(): void {
    const { x, y } = this.at;
    for (let i = 0; i < this.points.size; i += 1) {
      if ((x[i] as number) < 0) continue;
      const cell = this.cellOf(x[i] as number, y[i] as number) + 1;
      this.starts[cell] = (this.starts[cell] as number) + 1;
    }
    for (let c = 1; c < this.starts.length; c += 1) this.starts[c] = (this.starts[c] as number) + (this.starts[c - 1] as number);
    const cursor = this.starts.slice();
    for (let i = 0; i < this.points.size; i += 1) {
      if ((x[i] as number) < 0) continue;
      const cell = this.cellOf(x[i] as number, y[i] as number);
      const slot = cursor[cell] as number;
      this.slots[slot] = i;
      cursor[cell] = slot + 1;
    }
  }

  private visit(left: number, top: number, right: number, bottom: number, see: (slot: number) => void): void {
    const first = this.cellOf(left, top);
    const last = this.cellOf(right, bottom);
    const from = first % this.columns;
    const to = last % this.columns;
    for (let row = Math.floor(first / this.columns); row <= Math.floor(last / this.columns); row += 1) {
      const begin = this.starts[row * this.columns + from] as number;
      const end = this.starts[row * this.columns + to + 1] as number;
      for (let k = begin; k < end; k += 1) see(this.slots[k] as number);
    }
  }

  /** Slot of the nearest point within `reach`, or −1. An anomalous one wins over a nearer normal one: it lies on top. */
  nearest(x: number, y: number, reach: number): number {
    let best = -1;
    let bestCost = Infinity;
    this.visit(x - reach, y - reach, x + reach, y + reach, (slot) => {
      const distance = Math.hypot((this.at.x[slot] as number) - x, (this.at.y[slot] as number) - y);
      if (distance > reach) return;
      const cost = distance - (this.points.anomalous[slot] ? reach : 0);
      if (cost < bestCost) {
        bestCost = cost;
        best = slot;
      }
    });
    return best;
  }
}
