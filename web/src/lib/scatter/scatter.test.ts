// The scatter without a screen: scales, the bounded points, projection, pixels and the hit test.
import { describe, expect, it } from 'vitest';
import type { ScatterTuple } from '../../api/types';
import { boxOf, chosenSlots, formatChoice, parseChoice, type Choice } from './box';
import { Grid } from './grid';
import { Points } from './points';
import { expired, findDomains, hide, makePlan, makeProjection, makeScales, place, project, type Area, within, ZERO_LANE } from './project';
import { Raster, rgb, type Colours } from './raster';
import { decadeDomain, linearScale, logScale } from './scale';

const AREA: Area = { left: 50, right: 390, top: 10, bottom: 190 };
const WIDTH = 400;
const HEIGHT = 200;
function scene(tuples: ScatterTuple[]) {
  const points = new Points(1000);
  for (const t of tuples) points.push(t);
  const at = makeProjection(1000);
  const domains = findDomains(points, 0, 1e6);
  const scales = makeScales('duration', 'bytes', AREA, domains, 0, 1e6, 1);
  project(points, at, makePlan(points, scales, 'duration', 'bytes', AREA, 0, 1e6, 1));
  return { points, at, scales, domains };
}

describe('scales', () => {
  it('goes there and back', () => {
    for (const s of [logScale(1, 1e6, 50, 390), linearScale(0, 1, 190, 10)]) for (const px of [60, 100, 180]) expect(s.to(s.from(px))).toBeCloseTo(px, 9);
    expect(logScale(1, 100, 0, 200).to(10)).toBeCloseTo(100);
    expect(logScale(1, 100, 10, 200, 4).to(0)).toBe(4);
  });
  it('rounds domains to decades and never to nothing', () => {
    expect(decadeDomain(3, 420)).toEqual([1, 1000]);
    expect(decadeDomain(10, 10)).toEqual([10, 100]);
  });
});

describe('points', () => {
  it('forgets the oldest and renews the known', () => {
    const points = new Points(3);
    for (let id = 1; id <= 4; id += 1) points.push([id, id, 1, 10, 0.1, 0]);
    expect(points.size).toBe(3);
    expect([...points.id].sort()).toEqual([2, 3, 4]);
    points.push([3, 9, 1, 10, null, 1]);
    expect(points.size).toBe(3);
    expect(points.at([...points.id].indexOf(3))).toEqual([3, 9, 1, 10, null, 1]);
  });
});

describe('projection', () => {
  it('hides what is out of range or has no value', () => {
    const { at } = scene([[1, 5, 10, 100, 0.1, 0], [2, 2e6, 10, 100, 0.1, 0]]);
    expect(at.visible).toBe(1);
    expect(at.x[1]).toBe(-1);
  });
  it('puts flows of no duration into their own lane', () => {
    const { at } = scene([[1, 5, 0, 100, 0.1, 0], [2, 5, 10, 1000, 0.1, 1]]);
    expect(at.x[0]).toBeLessThan(AREA.left + ZERO_LANE);
    expect(at.x[1]).toBeGreaterThanOrEqual(AREA.left + ZERO_LANE);
    expect(at.anomalous).toBe(1);
  });
});

const COLOURS: Colours = { background: [255, 255, 255], normal: [0, 0, 200], anomalous: [200, 0, 0] };

describe('pixels', () => {
  it('paints anomalous points in their colour, over normal ones, larger', () => {
    const { points, at } = scene([[1, 5, 100, 1000, 0.1, 0], [2, 5, 100, 1000, 0.99, 1], [3, 5, 1, 50, 0.1, 0]]);
    const image = { data: new Uint8ClampedArray(WIDTH * HEIGHT * 4), width: WIDTH, height: HEIGHT };
    new Raster(image, points.capacity).paint(points, at, COLOURS, 1);
    const pixel = (slot: number): number[] => [...image.data.slice((Math.round(at.y[slot] as number) * WIDTH + Math.round(at.x[slot] as number)) * 4).subarray(0, 4)];
    expect(pixel(1)).toEqual([200, 0, 0, 255]);
    const [r, , b] = pixel(2) as [number, number, number];
    expect(b).toBeGreaterThan(r);
    const red = (): number => {
      let n = 0;
      for (let i = 0; i < image.data.length; i += 4) if ((image.data[i] as number) > 150 && (image.data[i + 1] as number) < 60) n += 1;
      return n;
    };
    expect(red()).toBeGreaterThan(20);
    expect([...image.data.slice(0, 4)]).toEqual([255, 255, 255, 255]);
  });
  it('stays inside the picture', () => {
    const { points, at } = scene([[1, 5, 100, 1000, 0.9, 1]]);
    at.x[0] = 0;
    at.y[0] = HEIGHT - 1;
    const image = { data: new Uint8ClampedArray(WIDTH * HEIGHT * 4), width: WIDTH, height: HEIGHT };
    expect(() => new Raster(image, points.capacity).paint(points, at, COLOURS, 2)).not.toThrow();
  });
  it('draws a change as it would draw all anew', () => {
    const tuple = (i: number, odd = i % 40 === 0): ScatterTuple => [i + 1, 5 + i, 1 + ((i * 7919) % 5000), 40 + ((i * 104_729) % 90_000), 0.5, odd ? 1 : 0];
    const { points, at } = scene(Array.from({ length: 900 }, (_, i) => tuple(i)));
    const scales = makeScales('duration', 'bytes', AREA, { duration: [1, 10_000], bytes: [10, 100_000] }, 0, 1e6, 1);
    const plan = makePlan(points, scales, 'duration', 'bytes', AREA, 0, 1e6, 1);
    project(points, at, plan);
    const blank = () => ({ data: new Uint8ClampedArray(WIDTH * HEIGHT * 4), width: WIDTH, height: HEIGHT });
    const kept = new Raster(blank(), points.capacity);
    kept.paint(points, at, COLOURS, 1);
    const changed = [...Array.from({ length: 60 }, (_, i) => points.push(tuple(1000 + i * 7))), points.push(tuple(10, true)), points.push(tuple(40, false))];
    for (const slot of changed) place(points, at, plan, slot);
    kept.renew(changed, at);
    const gone = expired(points, at, 200);
    expect(gone.length).toBeGreaterThan(100);
    for (const slot of gone) hide(at, slot);
    kept.renew(gone, at);
    expect(kept.stale).toBe(true);
    kept.settle(points.size);
    const anew = new Raster(blank(), points.capacity);
    anew.paint(points, at, COLOURS, 1);
    expect(kept.picture.data.every((byte, i) => byte === anew.picture.data[i])).toBe(true);
    const [visible, anomalous] = [at.visible, at.anomalous];
    project(points, at, { ...plan, from: 200 });
    expect([at.visible, at.anomalous]).toEqual([visible, anomalous]);
  });
  it('asks for a new picture when the axes or the crowd have grown', () => {
    const { points, at } = scene([[1, 5, 100, 1000, 0.1, 0]]);
    const domains = { duration: [1, 1000] as [number, number], bytes: [10, 10_000] as [number, number] };
    expect(within(points, domains, [0])).toBe(true);
    expect(within(points, domains, [points.push([2, 5, 5000, 1000, 0.1, 0])])).toBe(false);
    const raster = new Raster({ data: new Uint8ClampedArray(WIDTH * HEIGHT * 4), width: WIDTH, height: HEIGHT }, points.capacity);
    raster.paint(points, at, COLOURS, 1);
    expect(raster.holds(at)).toBe(true);
    expect(raster.holds({ ...at, visible: 9000 })).toBe(false);
  });
  it('reads colours', () => {
    expect(rgb(' #1f5fbf')).toEqual([31, 95, 191]);
    expect(rgb('red')).toEqual([0, 0, 0]);
  });
});

describe('choice', () => {
  it('comes back from the address as it went in', () => {
    for (const choice of ['anomalous', { x: [0, 12.5], y: [100, 90_000] }, { x: [1_790_000_000_123, 1_790_000_100_456], y: [0.25, 0.75] }] as const) {
      expect(parseChoice(formatChoice(choice as Choice))).toEqual(choice);
    }
    expect(parseChoice('')).toBeUndefined();
    expect(parseChoice('1..x,2..3')).toBeUndefined();
    expect(parseChoice('9..1,5..2')).toEqual({ x: [1, 9], y: [2, 5] });
  });
  it('holds the points under the drag, the lane of duration 0 and the frame with them', () => {
    const { points, at, scales } = scene([[1, 5, 0, 1000, 0.1, 0], [2, 5, 100, 1000, 0.9, 1], [3, 5, 1000, 50_000, 0.2, 0], [4, 2e6, 100, 1000, 0.9, 1]]);
    const slots = (pixels: [number, number, number, number]): number[] => chosenSlots(points, at, boxOf(pixels, scales, 'duration', AREA, 1), 'duration', 'bytes', 10);
    expect(slots([AREA.left - 5, 0, AREA.right + 5, HEIGHT])).toEqual([1, 2, 0]);
    expect(slots([AREA.left, 0, AREA.left + ZERO_LANE - 1, HEIGHT])).toEqual([0]);
    const x = at.x[2] as number;
    const y = at.y[2] as number;
    expect(slots([x - 4, y - 4, x + 4, y + 4])).toEqual([2]);
    expect(chosenSlots(points, at, 'anomalous', 'duration', 'bytes', 10)).toEqual([1]);
  });
});

describe('hit test', () => {
  it('finds what a slow search finds', () => {
    const tuples: ScatterTuple[] = Array.from({ length: 600 }, (_, i) => [i + 1, 5, 1 + ((i * 7919) % 5000), 40 + ((i * 104_729) % 90_000), (i % 100) / 100, 0]);
    const { points, at } = scene(tuples);
    const grid = new Grid(points, at, WIDTH, HEIGHT);
    for (let k = 0; k < 60; k += 1) {
      const [x, y] = [50 + ((k * 37) % 340), 10 + ((k * 53) % 180)];
      let best = -1;
      let distance = 9;
      for (let i = 0; i < points.size; i += 1) {
        const d = Math.hypot((at.x[i] as number) - x, (at.y[i] as number) - y);
        if (d < distance) [best, distance] = [i, d];
      }
      const found = grid.nearest(x, y, 9);
      if (best < 0) expect(found).toBe(-1);
      else expect(Math.hypot((at.x[found] as number) - x, (at.y[found] as number) - y)).toBeCloseTo(distance, 5);
    }
  });
  it('prefers an anomalous point that is a little further', () => {
    const { points, at } = scene([[1, 5, 100, 1000, 0.1, 0], [2, 5, 110, 1000, 0.99, 1]]);
    const grid = new Grid(points, at, WIDTH, HEIGHT);
    expect(grid.nearest(at.x[0] as number, at.y[0] as number, 40)).toBe(1);
  });
});
