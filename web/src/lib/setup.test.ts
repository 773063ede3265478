import { describe, expect, it } from 'vitest';
import type { SetupInterface } from '../api/types';
import { interfaceText, learningText } from './setup';

const one = { name: 'eth0', up: true, default_route: true, loopback: false, watched: true, packets_per_s: 1200, bits_per_s: 3e6 } as SetupInterface;

describe('the first start', () => {
  it('says what an interface shows', () => {
    expect(interfaceText(one)).toMatch(/the default route · watched now · 1\.20 kpkt\/s/);
    expect(interfaceText({ ...one, up: false, packets_per_s: 0 })).toContain('down');
    expect(interfaceText({ ...one, packets_per_s: 0 })).toContain('nothing passes');
  });
  it('says how far learning is', () => {
    const model = { state: 'learning', progress: 0.256, eta_s: 600, flows_learned: 512, flows_needed: 2000 };
    expect(learningText(model)).toMatch(/25 %.*10 min to go.*512 of 2.?000 flows/);
    expect(learningText({ ...model, state: 'ready' })).toContain('judge every flow');
    expect(learningText({ ...model, state: 'off' })).toContain('do not learn');
  });
});
