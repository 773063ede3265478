// Losses by what was lost, from the names of the reasons; the server's health strip sorts them the same way. Pure.

export interface Losses {
  /** Packets that no detector saw. */
  packets: number;
  /** Flows, incidents and series that history lacks. */
  history: number;
  /** Entries that full tables forgot. */
  memory: number;
  /** Datagrams of exporters and syslog, and connections of syslog and of captures by TCP, that nobody read. */
  messages: number;
  /** Reasons of lost packets. */
  reasons: string[];
}

const MESSAGES = /^(kernel_socket_full|datagram_cut|export_sets_given_up|connections_.*|messages_.*|sender_.*)$/;
/** Read, and told late, cut short or left out of the seconds: the flow is there. */
const ASIDE = /^(exported_.*|exporter_not_allowed)$/;

export function losses(drops: Readonly<Record<string, number>>): Losses {
  const found: Losses = { packets: 0, history: 0, memory: 0, messages: 0, reasons: [] };
  for (const [reason, n] of Object.entries(drops)) {
    if (n <= 0 || ASIDE.test(reason)) continue;
    if (MESSAGES.test(reason)) found.messages += n;
    else if (/_(evicted|forgotten|refused)$/.test(reason)) found.memory += n;
    else if (/^(store|series|csv)_/.test(reason)) found.history += n;
    else {
      found.packets += n;
      found.reasons.push(reason.replaceAll('_', ' '));
    }
  }
  return found;
}
