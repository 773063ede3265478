import { expect, test } from 'vitest';
import { heights, memberName, rate, reasonName, shareBeyond, thresholdPlace, voteWord } from './models';

const histogram = { bin_decades: 0.25, threshold_p: 0.01, ordinary: Array<number>(24).fill(0), anomalous: Array<number>(24).fill(0) };

test('the threshold stands at its decades', () => {
  expect(thresholdPlace(histogram)).toBeCloseTo(8 / 24);
  expect(thresholdPlace({ ...histogram, threshold_p: 1e-9 })).toBe(1);
});

test('one flow in many is still seen', () => {
  expect(heights([100_000, 1, 0], 100_000)).toEqual([1, expect.closeTo(0.06, 1), 0]);
});

test('the share beyond the threshold counts both kinds', () => {
  const ordinary = [...histogram.ordinary];
  const anomalous = [...histogram.anomalous];
  ordinary[0] = 97;
  ordinary[8] = 1;
  anomalous[20] = 2;
  expect(shareBeyond({ ...histogram, ordinary, anomalous })).toBeCloseTo(0.03);
  expect(shareBeyond(histogram)).toBe(0);
});

test('words for what the server names', () => {
  expect([memberName('isolation_forest'), memberName('my_own_model')]).toEqual(['Isolation Forest', 'My own model']);
  expect([reasonName('drift'), reasonName('')]).toEqual(['Traffic changed', 'Not told']);
  expect([rate(0), rate(0.0004), rate(0.0123), rate(0.5), rate(null)]).toEqual(['0 %', '0.04 %', '1.2 %', '50 %', '–']);
});

test('whether a member votes, in a word', () => {
  const words = ([null, 'votes', 'no_vote', 'shadow', 'muted'] as const).map((imported) => voteWord({ admitted: imported === 'votes', imported }));
  expect(words).toEqual(['No', 'Yes', 'No', 'Shadow', 'Muted']);
});
