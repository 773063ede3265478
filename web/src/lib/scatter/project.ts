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

/** Pixel positions by slot; x −1: not shown. Kept between frames. */
export interface Projection {
  x: Float32Array;
  y: Float32Array;
  /** 0: not shown, 1: normal, 2: anomalous. */
  kind: Uint8Array;
  visible: number;
  anomalous: number;
}

export function makeProjection(capacity: number): Projection {
  return { x: new Float32Array(capacity), y: new Float32Array(capacity), kind: new Uint8Array(capacity), visible: 0, anomalous: 0 };
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

/** How a value becomes a pixel, worked out once for many points. */
export interface Plan {
  xs: Float64Array | Float32Array;
  ys: Float32Array;
  x0: number;
  xk: number;
  y0: number;
  yk: number;
  /** Where flows of no duration stand. */
  lane: number;
  area: Area;
  from: number;
  to: number;
  jitter: number;
}

export function makePlan(points: Points, scales: Scales, xAxis: XAxis, yAxis: YAxis, area: Area, from: number, to: number, jitter: number): Plan {
  const byTime = xAxis === 'time';
  const [x0, xk] = line(scales.x, !byTime);
  const [y0, yk] = line(scales.y, yAxis !== 'score');
  return { xs: byTime ? points.end : points.logDuration, ys: yAxis === 'score' ? points.score : points.logBytes, x0, xk, y0, yk, lane: byTime ? 0 : scales.x.to(0), area, from, to, jitter };
}

/** Takes a point out of the picture. */
export function hide(out: Projection, slot: number): void {
  const kind = out.kind[slot] as number;
  if (kind > 0) out.visible -= 1;
  if (kind === 2) out.anomalous -= 1;
  out.kind[slot] = 0;
  out.x[slot] = -1;
}

/** Places one point; the counts follow. */
export function place(points: Points, out: Projection, plan: Plan, slot: number): void {
  hide(out, slot);
  const end = points.end[slot] as number;
  const yValue = plan.ys[slot] as number;
  if (end < plan.from || end > plan.to || Number.isNaN(yValue)) return;
  const { area } = plan;
  const xValue = plan.xs[slot] as number;
  // In the lane of duration 0 all would lie on one line: spread them by their identity, always the same way.
  const x = xValue === -Infinity ? plan.lane + (((points.id[slot] as number) % 11) - 5) * plan.jitter : plan.x0 + xValue * plan.xk;
  const y = plan.y0 + yValue * plan.yk;
  out.x[slot] = x < area.left ? area.left : x > area.right ? area.right : x;
  out.y[slot] = y < area.top ? area.top : y > area.bottom ? area.bottom : y;
  out.kind[slot] = 1 + (points.anomalous[slot] as number);
  out.visible += 1;
  out.anomalous += points.anomalous[slot] as number;
}

export function project(points: Points, out: Projection, plan: Plan): void {
  out.visible = 0;
  out.anomalous = 0;
  out.kind.fill(0);
  for (let slot = 0; slot < points.size; slot += 1) place(points, out, plan, slot);
}

/** Shown points that have left the range since they were placed. */
export function expired(points: Points, at: Projection, from: number): number[] {
  const out: number[] = [];
  for (let slot = 0; slot < points.size; slot += 1) if ((at.kind[slot] as number) > 0 && (points.end[slot] as number) < from) out.push(slot);
  return out;
}

/** True when the axes have room for these points as they stand. */
export function within(points: Points, domains: Domains, slots: readonly number[]): boolean {
  return slots.every((slot) => {
    const duration = points.duration[slot] as number;
    const bytes = points.bytes[slot] as number;
    return (duration <= 0 || (duration >= domains.duration[0] && duration <= domains.duration[1])) && (bytes <= 0 || (bytes >= domains.bytes[0] && bytes <= domains.bytes[1]));
  });
}
