// What is chosen in the scatter, as the address bar keeps it: a rectangle in the units of the axes, or all anomalous ones.
// Pure.

import type { Points } from './points';
import type { Area, Projection, Scales, XAxis, YAxis } from './project';
import { ZERO_LANE } from './project';

/** Both ends included. x: ms of duration or Unix ms; y: bytes or score. */
export interface Box {
  x: [number, number];
  y: [number, number];
}

const ANOMALOUS = 'anomalous';
export type Choice = Box | typeof ANOMALOUS;

/** `x0..x1,y0..y1`, or `anomalous`. */
export function formatChoice(choice: Choice): string {
  if (choice === ANOMALOUS) return choice;
  // Times need every digit, the other values no more than a pixel is wide.
  const one = (value: number): string => (Math.abs(value) > 1e11 ? String(Math.round(value)) : String(Number(value.toPrecision(6))));
  return `${one(choice.x[0])}..${one(choice.x[1])},${one(choice.y[0])}..${one(choice.y[1])}`;
}

export function parseChoice(given: string): Choice | undefined {
  if (given === ANOMALOUS) return ANOMALOUS;
  const match = /^([\d.e+-]+)\.\.([\d.e+-]+),([\d.e+-]+)\.\.([\d.e+-]+)$/.exec(given);
  const numbers = match?.slice(1).map(Number) ?? [];
  if (numbers.length !== 4 || !numbers.every(Number.isFinite)) return undefined;
  const [a, b, c, d] = numbers as [number, number, number, number];
  return { x: [Math.min(a, b), Math.max(a, b)], y: [Math.min(c, d), Math.max(c, d)] };
}

/** A dragged rectangle of pixels in the units of the axes; the lane of duration 0 is 0. */
export function boxOf(pixels: readonly [number, number, number, number], scales: Scales, xAxis: XAxis, area: Area, pixelRatio: number): Box {
  const [x0, y0, x1, y1] = pixels;
  const lane = xAxis === 'duration' ? area.left + ZERO_LANE * pixelRatio : -Infinity;
  const across = (pixel: number): number => (pixel < lane ? 0 : scales.x.from(pixel));
  // What lies beyond the frame is drawn on it: a box that reaches the frame takes it in.
  const open = (value: number, atLow: boolean, atHigh: boolean): number => (atLow ? Math.min(value, 0) : atHigh ? Number.MAX_SAFE_INTEGER : value);
  return {
    x: [open(across(Math.min(x0, x1)), Math.min(x0, x1) <= area.left, false), open(across(Math.max(x0, x1)), false, Math.max(x0, x1) >= area.right)],
    y: [open(scales.y.from(Math.max(y0, y1)), Math.max(y0, y1) >= area.bottom, false), open(scales.y.from(Math.min(y0, y1)), false, Math.min(y0, y1) <= area.top)],
  };
}

/** Slots of the shown points that are chosen: anomalous first, then by score. */
export function chosenSlots(points: Points, at: Projection, choice: Choice, xAxis: XAxis, yAxis: YAxis, most: number): number[] {
  const xs = xAxis === 'time' ? points.end : points.duration;
  const ys = yAxis === 'score' ? points.score : points.bytes;
  const found: number[] = [];
  for (let slot = 0; slot < points.size; slot += 1) {
    if (at.kind[slot] === 0) continue;
    if (choice === ANOMALOUS) {
      if (at.kind[slot] === 2) found.push(slot);
      continue;
    }
    const [x, y] = [xs[slot] as number, ys[slot] as number];
    if (x >= choice.x[0] && x <= choice.x[1] && y >= choice.y[0] && y <= choice.y[1]) found.push(slot);
  }
  const rank = (slot: number): number => (points.anomalous[slot] as number) * 2 + (Number.isNaN(points.score[slot]) ? 0 : (points.score[slot] as number));
  return found.sort((a, b) => rank(b) - rank(a)).slice(0, most);
}
