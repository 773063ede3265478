// Settings as people read and write them: values with their units, what was typed as a value. Pure.

import type { Setting, SettingValue } from '../api/types';
import { bytes, count, duration, si } from './format';

/** A value with its unit, for sentences. */
export function valueText(value: SettingValue, unit: string): string {
  if (value === null || value === undefined) return 'none';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map((one) => String(one).replaceAll('_', ' ')).join(', ');
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value !== 'number') return String(value) === '' ? 'none' : String(value);
  if (unit === 'bytes') return bytes(value);
  if (unit === 'seconds') return duration(value * 1000);
  if (unit === 'hours') return value === 0 ? '0 h' : duration(value * 3_600_000);
  if (unit === 'bytes a second') return si(value, 'B/s');
  if (unit === 'packets a second') return si(value, 'pkt/s');
  return `${count(value) === String(value) || value >= 1000 ? count(value) : value} ${unit}`.trim();
}

/** The number typed, or why it is none that is taken. */
export function typed(setting: Setting, text: string): { value?: number; wrong?: string } {
  const value = Number(text.trim().replace(',', '.'));
  const { min, max } = setting;
  if (text.trim() === '' || !Number.isFinite(value)) return { wrong: 'Write a number' };
  if (setting.kind === 'whole' && !Number.isInteger(value)) return { wrong: 'Write a whole number' };
  if ((min !== null && value < min) || (max !== null && value > max)) return { wrong: `From ${valueText(min, '')} to ${valueText(max, setting.unit)}` };
  return { value };
}

/** Lines as people write them: one a line, blanks and empty lines left out. */
export const linesOf = (text: string): string[] => text.split('\n').map((line) => line.trim()).filter((line) => line !== '');

/** From when on a change holds, in words; empty when it is at once. */
export function appliesText(applies: Setting['applies']): string {
  if (applies === 'next_start') return 'holds from the next start on';
  return applies === 'next_training' ? 'holds from the next training on' : '';
}

export const sameValue = (a: SettingValue, b: SettingValue): boolean => JSON.stringify(a) === JSON.stringify(b);
