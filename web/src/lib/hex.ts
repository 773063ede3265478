// Bytes for the hex view, and which field of the tree a byte belongs to. Pure.

import type { DetailLayer } from '../api/types';

export function unhex(text: string): Uint8Array {
  const out = new Uint8Array(text.length >> 1);
  for (let i = 0; i < out.length; i += 1) out[i] = parseInt(text.slice(i * 2, i * 2 + 2), 16);
  return out;
}

export const hexByte = (value: number): string => value.toString(16).padStart(2, '0');
export const hexOffset = (value: number): string => value.toString(16).padStart(4, '0');
export const printable = (value: number): string => (value >= 32 && value < 127 ? String.fromCharCode(value) : '·');

/** A part of the tree: a layer, or one of its fields. −1: the layer itself. */
export interface Part {
  layer: number;
  field: number;
  offset: number;
  length: number;
}

/** The smallest part that holds the byte; a later, deeper one wins a tie. */
export function partAt(layers: readonly DetailLayer[], byte: number): Part | undefined {
  let best: Part | undefined;
  const consider = (part: Part): void => {
    if (byte < part.offset || byte >= part.offset + part.length) return;
    if (!best || part.length <= best.length) best = part;
  };
  for (const [layer, l] of layers.entries()) {
    consider({ layer, field: -1, offset: l.offset, length: l.length });
    for (const [field, f] of l.fields.entries()) consider({ layer, field, offset: f.offset, length: f.length });
  }
  return best;
}
