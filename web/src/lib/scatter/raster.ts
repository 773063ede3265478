// Draws points straight into pixels, whole pixels at a time: the only way that holds 60 frames a second with 50,000
// points and no graphics card. Normal flows add up to a density, so that crowds read as such; anomalous ones are larger
// outlined diamonds on top. The density is kept, so that a new point costs its own pixels and not a picture. Pure.

import type { Points } from './points';
import type { Projection } from './project';

export type Rgb = [number, number, number];

export interface Colours {
  background: Rgb;
  normal: Rgb;
  anomalous: Rgb;
}

interface Picture {
  data: Uint8ClampedArray;
  width: number;
  height: number;
}

interface Stamp {
  reach: number;
  dx: Int16Array;
  dy: Int16Array;
  /** Weight of a disc's pixel, 1 … 1023; of a diamond's 1: rim, 2: body. */
  value: Uint16Array;
}

function stamp(reach: number, value: (dx: number, dy: number) => number): Stamp {
  const found: [number, number, number][] = [];
  for (let y = -reach; y <= reach; y += 1) {
    for (let x = -reach; x <= reach; x += 1) {
      const v = Math.round(value(x, y));
      if (v > 0) found.push([x, y, v]);
    }
  }
  return { reach, dx: Int16Array.from(found, (f) => f[0]), dy: Int16Array.from(found, (f) => f[1]), value: Uint16Array.from(found, (f) => f[2]) };
}

/** Densities that have a colour of their own; what is above them looks as the highest. */
const LEVELS = 2048;

function disc(radius: number, opacity: number): Stamp {
  // 1 − exp(−w) = opacity, in 256ths.
  const weight = -Math.log(1 - opacity) * 256;
  return stamp(Math.ceil(radius), (x, y) => Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(x, y))) * weight);
}

function diamond(radius: number): Stamp {
  const rim = Math.max(1, Math.round(radius / 3));
  return stamp(Math.ceil(radius + rim), (x, y) => {
    const distance = Math.abs(x) + Math.abs(y);
    return distance <= radius ? 2 : distance <= radius + rim ? 1 : 0;
  });
}

const pack = (r: number, g: number, b: number): number => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;

/** Density to colour: from the background to the normal colour. */
function ramp(background: Rgb, normal: Rgb): Uint32Array {
  const out = new Uint32Array(LEVELS);
  for (let level = 0; level < LEVELS; level += 1) {
    const alpha = 1 - Math.exp(-level / 256);
    const mix = (k: 0 | 1 | 2): number => Math.round(background[k] + (normal[k] - background[k]) * alpha);
    out[level] = pack(mix(0), mix(1), mix(2));
  }
  return out;
}

/** How large points are drawn: less in a crowd, more when there are few. */
type Size = 'crowd' | 'many' | 'sparse';
const sizeOf = (visible: number): Size => (visible > 8000 ? 'crowd' : visible < 400 ? 'sparse' : 'many');
const DISCS: Record<Size, [number, number]> = { crowd: [1.1, 0.4], many: [1.7, 0.65], sparse: [2.4, 0.85] };

export class Raster {
  private readonly pixels: Uint32Array;
  /** Sum of the discs over each pixel: whole numbers, so that what was added can be taken back exactly. */
  private readonly cover: Uint32Array;
  /** What of a diamond covers each pixel: 0 nothing, 1 rim, 2 body. */
  private readonly over: Uint8Array;
  private readonly drawnX: Int16Array;
  private readonly drawnY: Int16Array;
  private readonly drawnKind: Uint8Array;
  private disc = disc(1, 0.5);
  private diamond = diamond(3);
  private ramp: Uint32Array = new Uint32Array(LEVELS);
  private rim = 0;
  private body = 0;
  private size: Size = 'many';
  /** A diamond has left or moved: its pixels stay until `settle`. */
  stale = false;

  constructor(
    readonly picture: Picture,
    capacity: number,
  ) {
    const size = picture.width * picture.height;
    this.pixels = new Uint32Array(picture.data.buffer, picture.data.byteOffset, size);
    this.cover = new Uint32Array(size);
    this.over = new Uint8Array(size);
    this.drawnX = new Int16Array(capacity);
    this.drawnY = new Int16Array(capacity);
    this.drawnKind = new Uint8Array(capacity);
  }

  /** Everything anew: background, then the density of the normal ones, then the anomalous ones on top. */
  paint(points: Points, at: Projection, colours: Colours, pixelRatio: number): void {
    this.size = sizeOf(at.visible);
    const [radius, opacity] = DISCS[this.size];
    this.disc = disc(radius * pixelRatio, opacity);
    this.diamond = diamond(Math.round(3.6 * pixelRatio));
    this.ramp = ramp(colours.background, colours.normal);
    this.rim = pack(...colours.background);
    this.body = pack(...colours.anomalous);
    this.cover.fill(0);
    this.drawnKind.fill(0);
    for (let slot = 0; slot < points.size; slot += 1) {
      const kind = at.kind[slot] as number;
      if (kind === 0) continue;
      this.remember(slot, at, kind);
      if (kind === 1) this.addDisc(slot, 1);
    }
    this.settle(points.size);
  }

  /** False when so many came or went that all must be drawn in another size. */
  holds(at: Projection): boolean {
    return sizeOf(at.visible) === this.size;
  }

  /** Only these slots have changed: what they drew is taken back, what they are now is drawn. */
  renew(slots: readonly number[], at: Projection): void {
    for (const slot of slots) {
      const before = this.drawnKind[slot] as number;
      if (before === 2) this.stale = true;
      if (before === 1) this.addDisc(slot, -1, true);
      const kind = at.kind[slot] as number;
      this.remember(slot, at, kind);
      if (kind === 1) this.addDisc(slot, 1, true);
      if (kind === 2) this.putDiamond(slot, true);
    }
  }

  /** Draws the diamonds again, in the order of their slots, and every pixel's colour after them. */
  settle(count: number): void {
    this.stale = false;
    this.over.fill(0);
    for (let slot = 0; slot < count; slot += 1) if (this.drawnKind[slot] === 2) this.putDiamond(slot, false);
    const { pixels, cover, over, ramp: colourOf } = this;
    for (let p = 0; p < pixels.length; p += 1) {
      const sum = cover[p] as number;
      pixels[p] = over[p] === 0 ? (colourOf[sum < LEVELS ? sum : LEVELS - 1] as number) : over[p] === 2 ? this.body : this.rim;
    }
  }

  private remember(slot: number, at: Projection, kind: number): void {
    this.drawnKind[slot] = kind;
    this.drawnX[slot] = Math.round(at.x[slot] as number);
    this.drawnY[slot] = Math.round(at.y[slot] as number);
  }

  private addDisc(slot: number, sign: 1 | -1, colour = false): void {
    const { cover, over, pixels, ramp: colourOf, disc: s } = this;
    const { width, height } = this.picture;
    const [cx, cy] = [this.drawnX[slot] as number, this.drawnY[slot] as number];
    const whole = cx >= s.reach && cy >= s.reach && cx < width - s.reach && cy < height - s.reach;
    for (let k = 0; k < s.dx.length; k += 1) {
      const x = cx + (s.dx[k] as number);
      const y = cy + (s.dy[k] as number);
      if (!whole && !this.inside(x, y)) continue;
      const p = y * width + x;
      const sum = (cover[p] as number) + sign * (s.value[k] as number);
      cover[p] = sum;
      if (colour && over[p] === 0) pixels[p] = colourOf[sum < LEVELS ? sum : LEVELS - 1] as number;
    }
  }

  private putDiamond(slot: number, colour: boolean): void {
    const { over, pixels, diamond: s } = this;
    const [cx, cy] = [this.drawnX[slot] as number, this.drawnY[slot] as number];
    for (let k = 0; k < s.dx.length; k += 1) {
      const x = cx + (s.dx[k] as number);
      const y = cy + (s.dy[k] as number);
      if (!this.inside(x, y)) continue;
      const p = y * this.picture.width + x;
      over[p] = s.value[k] as number;
      if (colour) pixels[p] = s.value[k] === 2 ? this.body : this.rim;
    }
  }

  private inside(x: number, y: number): boolean {
    return x >= 0 && y >= 0 && x < this.picture.width && y < this.picture.height;
  }
}

/** `#rrggbb` to its parts; black when it is something else. */
export function rgb(hex: string): Rgb {
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(hex.trim());
  if (!match) return [0, 0, 0];
  return [parseInt(match[1] as string, 16), parseInt(match[2] as string, 16), parseInt(match[3] as string, 16)];
}
