// A filter's tree to a test over packet rows, to the fields of the decode tree that it needs, and, where the server's own language can
// say it, to `?q=`. Semantics are Wireshark's: `!=` means that no value is equal, text is compared with its capitals, `matches` without. Pure.

import type { Packet } from '../../api/types';
import { inside, parseAddress, parsePrefix } from '../ip';
import { FIELDS, numberIn, PROTOCOLS, valuesOf, type Field } from './fields';
import { FilterError, type Operator, type Tree } from './parse';

export type Test = (packet: Packet) => boolean;
type ValueTest = (value: string | number) => boolean;

/** Most fields of the tree that the server tells with a row. */
const FIELDS_MAX = 24;

function ipTest(operator: Operator, value: string, at: number): ValueTest {
  const prefix = parsePrefix(value);
  if (!prefix) throw new FilterError(`“${value}” is no address or prefix`, at);
  if (operator !== '==' && operator !== '!=') throw new FilterError('Addresses are compared with == or !=', at);
  return (v) => {
    const address = parseAddress(String(v));
    return address !== undefined && inside(address, prefix);
  };
}

function macTest(operator: Operator, value: string, at: number): ValueTest {
  if (operator === 'contains' || operator === 'matches') return textTest(operator, value, at, true);
  if (operator !== '==' && operator !== '!=') throw new FilterError('Ethernet addresses are compared with == or !=', at);
  const want = value.toLowerCase().replace(/[-.]/g, ':');
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(want)) throw new FilterError(`“${value}” is no Ethernet address`, at);
  return (v) => String(v).toLowerCase() === want;
}

const TRUTHS: Record<string, number> = { true: 1, false: 0 };

function numberTest(field: Field, operator: Operator, value: string, at: number): ValueTest {
  if (operator === 'contains' || operator === 'matches') throw new FilterError(`“${operator}” is for text, this is a number`, at);
  const want = TRUTHS[value.toLowerCase()] ?? field.names?.[value.toUpperCase()] ?? (value.trim() === '' ? NaN : Number(value));
  if (Number.isNaN(want)) {
    // As the tree writes it: `ip.proto == TCP`, `tls.handshake.type == "Client Hello"`.
    if (field.own || (operator !== '==' && operator !== '!=') || !/^[a-z]/i.test(value)) throw new FilterError(`“${value}” is no number`, at);
    return (v) => String(v).replace(/ \([^)]*\)$/, '').toLowerCase() === value.toLowerCase();
  }
  const compare = COMPARE[operator];
  return (v) => {
    const number = numberIn(v, field.names);
    if (number === null) return false;
    return compare(field.bit === undefined ? number : Number((number & field.bit) !== 0), want);
  };
}

const COMPARE: Record<Exclude<Operator, 'contains' | 'matches'>, (a: number, b: number) => boolean> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a === b,
  '>': (a, b) => a > b,
  '<': (a, b) => a < b,
  '>=': (a, b) => a >= b,
  '<=': (a, b) => a <= b,
};

function textTest(operator: Operator, value: string, at: number, loose = false): ValueTest {
  const fold = (text: string): string => (loose ? text.toLowerCase() : text);
  const want = fold(value);
  switch (operator) {
    case '==':
    case '!=':
      return (v) => fold(String(v)) === want;
    case 'contains':
      return (v) => fold(String(v)).includes(want);
    case 'matches':
      try {
        const pattern = new RegExp(value.replace(/^\(\?i\)/, ''), 'i');
        return (v) => pattern.test(String(v));
      } catch {
        throw new FilterError(`“${value}” is no regular expression`, at);
      }
    default:
      throw new FilterError(`“${operator}” is for numbers, this is text`, at);
  }
}

function known(name: string, at: number): Field {
  const field = FIELDS[name];
  if (field) return field;
  const hint = PROTOCOLS[name] ? ' is a protocol and stands alone' : ` is not known. ${nearest(name)}`;
  throw new FilterError(`“${name}”${hint}`, at);
}

/** Names like one that is not known: of the same protocol, else the usual ones. */
function nearest(name: string): string {
  const [protocol = '', ...rest] = name.split('.');
  const last = rest.at(-1) ?? name;
  const family = Object.keys(FIELDS).filter((one) => one.startsWith(`${protocol}.`));
  const like = family.filter((one) => last.length > 1 && one.includes(last.slice(0, 3)));
  const offered = (like.length > 0 ? like : family).slice(0, 6);
  return offered.length > 0 ? `Of ${protocol} there are ${offered.join(', ')}${family.length > offered.length ? ' …' : ''}` : 'Known are ip.src, ip.addr, tcp.port, udp.port, dns.qry.name, frame.len and many more: type the first letters';
}

function testOf(field: Field, operator: Operator, value: string, at: number): ValueTest {
  switch (field.kind) {
    case 'ip':
      return ipTest(operator, value, at);
    case 'mac':
      return macTest(operator, value, at);
    case 'number':
      return numberTest(field, operator, value, at);
    case 'text':
      return textTest(operator, value, at, field.own);
  }
}

function compare(name: string, operator: Operator, value: string, at: number): Test {
  const field = known(name, at);
  const test = testOf(field, operator, value, at);
  const any = (p: Packet): boolean => valuesOf(field, p).some((v) => v !== null && test(v));
  // As in Wireshark 4: `!=` means that no value is equal, not that some value differs.
  return operator === '!=' ? (p) => valuesOf(field, p).some((v) => v !== null) && !any(p) : any;
}

/** One member of a set: a value, or `first..last`. */
function member(name: string, value: string, at: number): Test {
  const [first, last] = value.split('..');
  if (!last || !first || known(name, at).kind !== 'number') return compare(name, '==', value, at);
  const field = known(name, at);
  const [low, high] = [numberTest(field, '>=', first, at), numberTest(field, '<=', last, at)];
  return (p) => valuesOf(field, p).some((v) => v !== null && low(v) && high(v));
}

export function compile(tree: Tree | undefined): Test {
  const needed = fieldsOf(tree).length;
  if (needed > FIELDS_MAX) throw new FilterError(`This asks for ${needed} fields of each packet, at most ${FIELDS_MAX} can be asked for at a time`, 0);
  return build(tree);
}

function build(tree: Tree | undefined): Test {
  if (!tree) return () => true;
  switch (tree.kind) {
    case 'and': {
      const [a, b] = [build(tree.left), build(tree.right)];
      return (p) => a(p) && b(p);
    }
    case 'or': {
      const [a, b] = [build(tree.left), build(tree.right)];
      return (p) => a(p) || b(p);
    }
    case 'not': {
      const inner = build(tree.inner);
      return (p) => !inner(p);
    }
    case 'has': {
      const protocol = PROTOCOLS[tree.field];
      if (protocol) return protocol;
      const field = known(tree.field, tree.at);
      return (p) => valuesOf(field, p).some((v) => v !== null && v !== '' && (p.fields !== undefined || v !== 0));
    }
    case 'in': {
      const tests = tree.values.map((value) => member(tree.field, value, tree.at));
      return (p) => tests.some((t) => t(p));
    }
    case 'compare':
      return compare(tree.field, tree.operator, tree.value, tree.at);
  }
}

/** The fields of the decode tree that a filter looks at, for the server to tell with each row. */
export function fieldsOf(tree: Tree | undefined): string[] {
  const found = new Set<string>();
  const visit = (part: Tree): void => {
    switch (part.kind) {
      case 'not':
        return visit(part.inner);
      case 'and':
      case 'or':
        visit(part.left);
        return visit(part.right);
      default:
        for (const name of FIELDS[part.field]?.from ?? []) found.add(name);
    }
  };
  if (tree) visit(tree);
  return [...found].sort();
}

/**
 * The server's `?q=` that lets through about what the tree does, so that all of its ring can be looked through for it; the rows are still
 * tested here. Empty when nothing of it can be said.
 */
export function toQuery(tree: Tree | undefined): string {
  if (!tree) return '';
  if (tree.kind === 'and') return [toQuery(tree.left), toQuery(tree.right)].filter(Boolean).join(' ');
  if (tree.kind !== 'compare') return '';
  const name = FIELDS[tree.field]?.server;
  if (!name || /[\s"*]/.test(tree.value)) return '';
  switch (tree.operator) {
    case '==':
      return `${name}:${tree.value}`;
    case '!=':
      return `-${name}:${tree.value}`;
    case '>':
    case '<':
    case '>=':
    case '<=':
      return `${name}:${tree.operator}${tree.value}`;
    case 'contains':
      return `${name}:*${tree.value}*`;
    default:
      return '';
  }
}
