import { describe, expect, it } from 'vitest';
import { losses } from './losses';

describe('losses', () => {
  it('tells packets from messages, from results and from forgotten entries', () => {
    const found = losses({ kernel_ring_full: 7, store_queue_full: 2, csv_rows_lost: 1, 'port_scan.pairs_evicted': 3, window_contacts_forgotten: 4, series_late: 0, kernel_socket_full: 5, connections_refused: 6, exported_told_early: 510 });
    expect(found).toEqual({ packets: 7, history: 3, memory: 7, messages: 11, reasons: ['kernel ring full'] });
    expect(losses({})).toEqual({ packets: 0, history: 0, memory: 0, messages: 0, reasons: [] });
  });
});
