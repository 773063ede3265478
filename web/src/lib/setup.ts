// The first start in words: what an interface shows now, and how far learning is. Pure.

import type { SetupInterface } from '../api/types';
import { count, duration, si } from './format';

/** Put off for this visit. */
export const LATER = 'setup-later';

/** What passes there, and what speaks for it or against it. */
export function interfaceText(one: SetupInterface): string {
  const marks = [one.default_route ? 'the default route' : '', one.loopback ? 'this machine talking to itself' : '', one.up ? '' : 'down', one.watched ? 'watched now' : ''].filter((mark) => mark !== '');
  const traffic = one.packets_per_s > 0 ? `${si(one.packets_per_s, 'pkt/s')}, ${si(one.bits_per_s, 'bit/s')} now` : 'nothing passes there now';
  return [...marks, traffic].join(' · ');
}

/** Time to go, in words. */
export function learningText(model: { state: string; progress: number; eta_s: number | null; flows_learned: number; flows_needed: number }): string {
  if (model.state === 'ready') return 'The models have learned what is normal here and judge every flow.';
  if (model.state !== 'learning') return 'The models do not learn here: without packets only the exact detectors speak.';
  const go = model.eta_s === null ? '' : ` About ${duration(model.eta_s * 1000)} to go.`;
  const flows = model.flows_learned < model.flows_needed ? ` ${count(model.flows_learned)} of ${count(model.flows_needed)} flows were seen.` : '';
  return `The models learn what is normal here: ${Math.floor(model.progress * 100)} %.${go}${flows}`;
}
