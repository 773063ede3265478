// What the Models page says in words and shares: names of members, reasons of trainings, states. Pure lookup and arithmetic.

import type { ModelMember, ScoreHistogram } from '../api/types';
import { sentence } from './words';

const MEMBERS: Record<string, string> = {
  isolation_forest: 'Isolation Forest',
  local_outlier_factor: 'Local Outlier Factor',
  nearest_neighbours: 'Nearest neighbours',
  autoencoder: 'Autoencoder',
  loda: 'Loda',
  random_forest: 'Random Forest',
  kitnet: 'KitNET',
  kitnet_max: 'KitNET, strangest',
  kitnet_q90: 'KitNET, tenth',
  lstm: 'LSTM',
  lstm_interfaces: 'LSTM, interfaces',
  lstm_hosts: 'LSTM, busy hosts',
  half_space_trees: 'Half-space trees',
};
export const memberName = (name: string): string => MEMBERS[name] ?? sentence(name);

const KINDS: Record<string, string> = { flow: 'flows', packet: 'packets', host: 'hosts', series: 'series' };
export const kindWord = (member: ModelMember): string => KINDS[member.kind] ?? member.kind;

/** Whether a member votes, in a word; a user's own model can be on its way to a vote. */
export function voteWord(member: Pick<ModelMember, 'admitted' | 'imported'>): string {
  if (member.imported === 'shadow') return 'Shadow';
  if (member.imported === 'muted') return 'Muted';
  return member.admitted ? 'Yes' : 'No';
}

const REASONS: Record<string, string> = { first: 'First models', timetable: 'Timetable', drift: 'Traffic changed', asked: 'Asked for', import: 'Imported' };
export const reasonName = (reason: string): string => REASONS[reason] ?? (reason ? sentence(reason) : 'Not told');

const EVENTS: Record<string, string> = { first: 'First', started: 'Training', promoted: 'Taken', refused: 'Not taken', rolled_back: 'Put back', drift: 'Drift', feedback: 'Verdict', failed: 'Failed', imported: 'Import' };
export const eventName = (what: string): string => EVENTS[what] ?? sentence(what);

/** Where the threshold stands, 0 … 1 of a histogram's width. */
export function thresholdPlace(histogram: ScoreHistogram): number {
  const decades = -Math.log10(Math.max(histogram.threshold_p, 1e-12));
  return Math.min(1, decades / (histogram.bin_decades * histogram.ordinary.length));
}

/** Heights 0 … 1 by the logarithm of the count, so that one flow in ten thousand is still seen. */
export function heights(counts: readonly number[], max: number): number[] {
  const top = Math.log10(1 + Math.max(1, max));
  return counts.map((n) => (n > 0 ? Math.max(0.04, Math.log10(1 + n) / top) : 0));
}

/** Share of flows with a p-value at or below the threshold. */
export function shareBeyond(histogram: ScoreHistogram): number {
  const at = Math.round(thresholdPlace(histogram) * histogram.ordinary.length);
  const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
  const all = sum(histogram.ordinary) + sum(histogram.anomalous);
  return all === 0 ? 0 : (sum(histogram.ordinary.slice(at)) + sum(histogram.anomalous.slice(at))) / all;
}

/** A share as people compare rates: per cent, more digits where it is small. */
export function rate(share: number | null | undefined): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return '–';
  const value = share * 100;
  return `${value === 0 ? '0' : value >= 10 ? value.toFixed(0) : value >= 0.095 ? value.toFixed(1) : value.toFixed(2)} %`;
}
