// A suppression rule as it is typed and as the server takes it. Pure.

import type { Incident, Kind, SuppressionRule } from '../api/types';

export interface RuleDraft {
  src: string;
  dest: string;
  ports: string;
  kinds: Kind[];
  domains: string;
}

export const emptyDraft = (): RuleDraft => ({ src: '', dest: '', ports: '', kinds: [], domains: '' });

/** What is separated by spaces or commas. */
const words = (text: string): string[] => text.split(/[\s,;]+/).filter(Boolean);

/** The rule, or why the ports are none; the rest is the server's to judge. */
export function ruleOf(draft: RuleDraft): { rule?: SuppressionRule; wrong?: string } {
  const ports = words(draft.ports).map(Number);
  if (ports.some((port) => !Number.isInteger(port) || port < 0 || port > 65_535)) return { wrong: 'Ports are whole numbers from 0 to 65535' };
  return { rule: { src: words(draft.src), dest: words(draft.dest), dest_port: ports, kind: draft.kinds, domain: words(draft.domains) } };
}

export const isEmpty = (draft: RuleDraft): boolean => words(`${draft.src} ${draft.dest} ${draft.ports} ${draft.domains}`).length === 0 && draft.kinds.length === 0;

const PORTLESS: readonly string[] = ['port_scan', 'flood', 'arp_spoof', 'new_device', 'volume', 'host_down'];
const FEW = 8;

/** A draft that covers this incident and little else. */
export function draftOf(incident: Incident): RuleDraft {
  const some = (list: readonly (string | number)[]): string => (list.length <= FEW ? list.join(' ') : '');
  return {
    src: some(incident.src),
    dest: incident.domains.length > 0 ? '' : some(incident.dest),
    ports: PORTLESS.includes(incident.kind) ? '' : some(incident.dest_port),
    kinds: [incident.kind],
    domains: some(incident.domains),
  };
}
