// Losses by what was lost, from the names of the reasons; the server's health strip sorts them the same way. Pure.

export interface Losses {
  /** Packets that no detector saw. */
  packets: number;
  /** Flows, incidents and series that history lacks. */
  history: number;
  /** Entries that full tables forgot. */
  memory: number;
  /** Reasons of lost packets. */
  reasons: string[];
}

export function losses(drops: Readonly<Record<string, number>>): Losses {
  const found: Losses = { packets: 0, history: 0, memory: 0, reasons: [] };
  for (const [reason, n] of Object.entries(drops)) {
    if (n <= 0) continue;
    if (/_(evicted|forgotten|refused)$/.test(reason)) found.memory += n;
    else if (/^(store|series)_/.test(reason)) found.history += n;
    else {
      found.packets += n;
      found.reasons.push(reason.replaceAll('_', ' '));
    }
  }
  return found;
}
