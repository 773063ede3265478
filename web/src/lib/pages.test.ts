// What hosts do in words, what a rule is, and what a setting takes.

import { describe, expect, it } from 'vitest';
import type { HostCourse, Incident, Setting } from '../api/types';
import { bars, behaviour, serviceName } from './hosts';
import { draftOf, emptyDraft, isEmpty, ruleOf } from './rules';
import { typed, valueText } from './settings';

const DAY = 86_400;
const usual = Array.from({ length: 24 }, () => ({ low: 1e6, median: 2e6, high: 4e6 }));
const course = (last: number): HostCourse => ({ fine: [], usual_days: 9, usual, coarse: Array.from({ length: 48 }, (_, i) => [DAY * 20 + i * 3600, 1e6, i === 47 ? last : 1e6, 3]) });

describe('hosts', () => {
  it('fills gaps and marks what is far above the usual', () => {
    expect(bars({ fine: [[0, 5, 0, 1], [900, 7, 0, 1]], coarse: [], usual_days: 0, usual: [] }, false, 288).slice(-4).map((b) => b.out)).toEqual([5, 0, 0, 7]);
    expect(bars(course(90e6), true, 24).filter((b) => b.unusual)).toHaveLength(1);
    expect(bars(course(2e6), true, 24).filter((b) => b.unusual)).toHaveLength(0);
  });
  it('says what is usual, and only what is known', () => {
    expect(behaviour(course(90e6))).toContain('at most 91.0 MB, 23 times');
    expect(behaviour(course(2e6))).toContain('within that');
    expect(behaviour({ fine: [], coarse: [[DAY, 1, 1, 1]], usual_days: 0, usual: [] })).toContain('after three whole days');
    expect(behaviour({ fine: [], coarse: [], usual_days: 0, usual: [] })).toContain('Nothing was seen');
  });
  it('names services', () => expect([serviceName(443, 6), serviceName(4711, 'TCP')]).toEqual(['HTTPS 443/tcp', '4711/tcp']));
});

describe('rules', () => {
  const incident = { src: ['10.0.0.1'], dest: ['192.0.2.1'], dest_port: [53], kind: 'dns_tunnel', domains: ['t.example.org'] } as unknown as Incident;
  it('begins with what an incident names', () => {
    const { rule } = ruleOf(draftOf(incident));
    expect(rule).toEqual({ src: ['10.0.0.1'], dest: [], dest_port: [53], kind: ['dns_tunnel'], domain: ['t.example.org'] });
    expect(draftOf({ ...incident, kind: 'port_scan', dest_port: [1, 2] } as Incident).ports).toBe('');
  });
  it('refuses ports that are none, and knows when nothing is given', () => {
    expect(ruleOf({ ...emptyDraft(), ports: '22, 99999' }).wrong).toContain('65535');
    expect([isEmpty(emptyDraft()), isEmpty({ ...emptyDraft(), domains: 'a.b' })]).toEqual([true, false]);
  });
});

describe('settings', () => {
  const setting = { kind: 'whole', min: 1, max: 100, unit: 'hours' } as Setting;
  it('takes what the server takes', () => {
    expect(typed(setting, '24')).toEqual({ value: 24 });
    expect(typed(setting, '1.5').wrong).toContain('whole');
    expect(typed(setting, '0').wrong).toContain('From 1');
    expect(typed(setting, '').wrong).toContain('number');
  });
  it('says values with their unit', () => expect([valueText(86_400, 'seconds'), valueText(20e6, 'bytes'), valueText([], ''), valueText(['a_b'], ''), valueText(4, 'incidents an hour')]).toEqual(['1 d', '20.0 MB', 'none', 'a b', '4 incidents an hour']));
});
