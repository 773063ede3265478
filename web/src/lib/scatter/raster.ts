// Draws points straight into pixels, whole pixels at a time: the only way that holds 60 frames a second with 50,000
// points and no graphics card. Normal flows add up to a density, so that crowds read as such; anomalous ones are larger
// outlined diamonds on top. No state but a reused scratch buffer.

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

/** Full weight of one disc: what its centre adds to the density. */
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

let scratch = new Uint16Array(0);

function addDiscs(cover: Uint16Array, picture: Picture, points: Points, at: Projection, s: Stamp): void {
  const { width, height } = picture;
  const n = s.dx.length;
  const offsets = Int32Array.from(s.dx, (dx, k) => (s.dy[k] as number) * width + dx);
  for (let i = 0; i < points.size; i += 1) {
    if ((at.x[i] as number) < 0 || points.anomalous[i] === 1) continue;
    const cx = Math.round(at.x[i] as number);
    const cy = Math.round(at.y[i] as number);
    const base = cy * width + cx;
    const whole = cx >= s.reach && cy >= s.reach && cx < width - s.reach && cy < height - s.reach;
    for (let k = 0; k < n; k += 1) {
      if (!whole && !within(cx + (s.dx[k] as number), cy + (s.dy[k] as number), picture)) continue;
      const pixel = base + (offsets[k] as number);
      const sum = (cover[pixel] as number) + (s.value[k] as number);
      cover[pixel] = sum < LEVELS ? sum : LEVELS - 1;
    }
  }
}

const within = (x: number, y: number, picture: Picture): boolean => x >= 0 && y >= 0 && x < picture.width && y < picture.height;

function putDiamonds(pixels: Uint32Array, picture: Picture, points: Points, at: Projection, s: Stamp, rim: number, body: number): void {
  for (let i = 0; i < points.size; i += 1) {
    if (points.anomalous[i] === 0 || (at.x[i] as number) < 0) continue;
    const cx = Math.round(at.x[i] as number);
    const cy = Math.round(at.y[i] as number);
    for (let k = 0; k < s.dx.length; k += 1) {
      const x = cx + (s.dx[k] as number);
      const y = cy + (s.dy[k] as number);
      if (within(x, y, picture)) pixels[y * picture.width + x] = s.value[k] === 2 ? body : rim;
    }
  }
}

/** Background, then the density of the normal ones, then the anomalous ones on top. */
export function rasterize(picture: Picture, points: Points, at: Projection, colours: Colours, pixelRatio: number): void {
  const size = picture.width * picture.height;
  const pixels = new Uint32Array(picture.data.buffer, picture.data.byteOffset, size);
  if (scratch.length !== size) scratch = new Uint16Array(size);
  const cover = scratch;
  const crowd = at.visible > 8000;
  const sparse = at.visible < 400;
  addDiscs(cover, picture, points, at, disc((crowd ? 1.1 : sparse ? 2.4 : 1.7) * pixelRatio, crowd ? 0.4 : sparse ? 0.85 : 0.65));
  const colourOf = ramp(colours.background, colours.normal);
  for (let i = 0; i < size; i += 1) {
    pixels[i] = colourOf[cover[i] as number] as number;
    cover[i] = 0;
  }
  putDiamonds(pixels, picture, points, at, diamond(Math.round(3.6 * pixelRatio)), pack(...colours.background), pack(...colours.anomalous));
}

/** `#rrggbb` to its parts; black when it is something else. */
export function rgb(hex: string): Rgb {
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(hex.trim());
  if (!match) return [0, 0, 0];
  return [parseInt(match[1] as string, 16), parseInt(match[2] as string, 16), parseInt(match[3] as string, 16)];
}
