import { describe, expect, it } from 'vitest';
import { losses } from './losses';

describe('losses', () => {
  it('tells packets from results and from forgotten entries', () => {
    const found = losses({ kernel_ring_full: 7, store_queue_full: 2, 'port_scan.pairs_evicted': 3, window_contacts_forgotten: 4, series_late: 0 });
    expect(found).toEqual({ packets: 7, history: 2, memory: 7, reasons: ['kernel ring full'] });
    expect(losses({})).toEqual({ packets: 0, history: 0, memory: 0, reasons: [] });
  });
});
