// Points to pixels: which value goes to which axis, over which domain, and who is visible. Pure.

import type { Points } from './points';
import { decadeDomain, linearScale, logScale, type Scale } from './scale';

export type XAxis = 'duration' | 'time';
export type YAxis = 'bytes' | 'score';

/** Plot area, canvas pixels. */
export interface Area {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

export interface Domains {
  /** ms, over positive durations. */
  duration: [number, number];
  bytes: [number, number];
}

/** Pixel positions by slot; −1: not shown. Reused between frames. */
export interface Projection {
  x: Float32Array;
  y: Float32Array;
  visible: number;
  anomalous: number;
}

export function makeProjection(capacity: number): Projection {
  return { x: new Float32Array(capacity), y: new Float32Array(capacity), visible: 0, anomalous: 0 };
}

export function findDomains(points: Points, from: number, to: number): Domains {
  let low = Infinity;
  let high = 0;
  let least = Infinity;
  let most = 0;
  for (let i = 0; i < points.size; i += 1) {
    const end = points.end[i] as number;
    if (end < from || end > to) continue;
    const d = points.duration[i] as number;
    const b = points.bytes[i] as number;
    if (d > 0 && d < low) low = d;
    if (d > high) high = d;
    if (b > 0 && b < least) least = b;
    if (b > most) most = b;
  }
  return {
    duration: low <= high ? decadeDomain(Math.max(low, 0.001), high) : [1, 1000],
    bytes: least <= most ? decadeDomain(least, most) : [10, 10_000],
  };
}

export interface Scales {
  x: Scale;
  y: Scale;
}

/** Width of the lane for flows of no duration, canvas pixels. */
export const ZERO_LANE = 52;

export function makeScales(xAxis: XAxis, yAxis: YAxis, area: Area, domains: Domains, from: number, to: number, pixelRatio: number): Scales {
  const lane = area.left + ZERO_LANE * pixelRatio;
  const x = xAxis === 'time' ? linearScale(from, to, area.left, area.right) : logScale(domains.duration[0], domains.duration[1], lane, area.right, area.left + (ZERO_LANE / 2) * pixelRatio);
  const y = yAxis === 'score' ? linearScale(0, 1, area.bottom, area.top) : logScale(domains.bytes[0], domains.bytes[1], area.bottom, area.top);
  return { x, y };
}

/** Both kinds of scale are straight lines, over the value or over its logarithm: two numbers a point instead of a call. */
function line(scale: Scale, log: boolean): [number, number] {
  const [zero, one] = log ? [scale.to(1), scale.to(10)] : [scale.to(0), scale.to(1)];
  return [zero, one - zero];
}

export function project(points: Points, out: Projection, scales: Scales, xAxis: XAxis, yAxis: YAxis, area: Area, from: number, to: number, jitter: number): void {
  const byTime = xAxis === 'time';
  const xs = byTime ? points.end : points.logDuration;
  const ys = yAxis === 'score' ? points.score : points.logBytes;
  const [x0, xk] = line(scales.x, !byTime);
  const [y0, yk] = line(scales.y, yAxis !== 'score');
  const lane = byTime ? 0 : scales.x.to(0);
  out.visible = 0;
  out.anomalous = 0;
  for (let i = 0; i < points.size; i += 1) {
    const end = points.end[i] as number;
    const yValue = ys[i] as number;
    if (end < from || end > to || Number.isNaN(yValue)) {
      out.x[i] = -1;
      continue;
    }
    const xValue = xs[i] as number;
    // In the lane of duration 0 all would lie on one line: spread them by their identity, always the same way.
    const x = xValue === -Infinity ? lane + (((points.id[i] as number) % 11) - 5) * jitter : x0 + xValue * xk;
    const y = y0 + yValue * yk;
    out.x[i] = x < area.left ? area.left : x > area.right ? area.right : x;
    out.y[i] = y < area.top ? area.top : y > area.bottom ? area.bottom : y;
    out.visible += 1;
    out.anomalous += points.anomalous[i] as number;
  }
}
