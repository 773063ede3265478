// Addresses as numbers, for comparing and for prefixes. IPv4 and IPv6 text. Pure.

export interface Address {
  bits: 32 | 128;
  value: bigint;
}

function v4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function v6(text: string): bigint | undefined {
  let source = text;
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(source);
  if (dotted) {
    const low = v4(dotted[2] ?? '');
    if (low === undefined) return undefined;
    source = `${dotted[1]}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`;
  }
  const halves = source.split('::');
  if (halves.length > 2) return undefined;
  const groups = (half: string): string[] => (half === '' ? [] : half.split(':'));
  const left = groups(halves[0] ?? '');
  const right = halves.length === 2 ? groups(halves[1] ?? '') : [];
  const missing = 8 - left.length - right.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  let value = 0n;
  for (const group of [...left, ...Array<string>(halves.length === 2 ? missing : 0).fill('0'), ...right]) {
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
    value = (value << 16n) | BigInt(parseInt(group, 16));
  }
  return value;
}

export function parseAddress(text: string): Address | undefined {
  if (text.includes(':')) {
    const value = v6(text);
    return value === undefined ? undefined : { bits: 128, value };
  }
  const value = v4(text);
  return value === undefined ? undefined : { bits: 32, value };
}

export interface Prefix extends Address {
  length: number;
}

/** An address, or an address with `/length`. */
export function parsePrefix(text: string): Prefix | undefined {
  const [base = '', length] = text.split('/');
  const address = parseAddress(base);
  if (!address) return undefined;
  const bits = length === undefined ? address.bits : Number(length);
  if (!Number.isInteger(bits) || bits < 0 || bits > address.bits) return undefined;
  return { ...address, length: bits };
}

export function inside(address: Address, prefix: Prefix): boolean {
  if (address.bits !== prefix.bits) return false;
  const shift = BigInt(prefix.bits - prefix.length);
  return address.value >> shift === prefix.value >> shift;
}
