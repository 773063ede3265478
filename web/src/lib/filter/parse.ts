// Wireshark's display-filter language, the part that our packet rows can answer: text to a tree. Pure.
//
//   or:  and ( ("||" | "or") and )*        and: not ( ("&&" | "and") not )*
//   not: ("!" | "not") not | "(" or ")" | test
//   test: field | field operator value | field "in" "{" value ("," value)* "}"

export type Operator = '==' | '!=' | '>' | '<' | '>=' | '<=' | 'contains' | 'matches';

export type Tree =
  | { kind: 'and' | 'or'; left: Tree; right: Tree }
  | { kind: 'not'; inner: Tree }
  | { kind: 'has'; field: string; at: number }
  | { kind: 'compare'; field: string; operator: Operator; value: string; at: number }
  | { kind: 'in'; field: string; values: string[]; at: number };

/** Says what is wrong and where, counted from 0. */
export class FilterError extends Error {
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message);
  }
}

interface Token {
  text: string;
  kind: 'word' | 'string' | 'sign';
  at: number;
}

const TOKEN = /\s*(?:"((?:[^"\\]|\\.)*)"|(==|!=|>=|<=|&&|\|\||[()!<>{},~])|([^\s()!<>={},"&|~]+))/y;
const OPERATORS: Record<string, Operator> = {
  '==': '==', eq: '==', '!=': '!=', ne: '!=', '>': '>', gt: '>', '<': '<', lt: '<', '>=': '>=', ge: '>=', '<=': '<=', le: '<=',
  contains: 'contains', matches: 'matches', '~': 'matches',
};
/** Deeper nesting than any person writes; keeps a pasted text from exhausting the stack. */
const DEPTH_MAX = 64;

function tokenize(text: string): Token[] {
  const out: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const start = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) {
      if (text.slice(start).trim() === '') break;
      const at = start + text.slice(start).search(/\S/);
      throw new FilterError(text[at] === '"' ? 'This quotation does not end' : `“${text[at]}” does not belong here`, at);
    }
    const at = start + (match[0].length - match[0].trimStart().length);
    if (match[1] !== undefined) out.push({ text: match[1].replace(/\\(.)/g, '$1'), kind: 'string', at });
    else if (match[2] !== undefined) out.push({ text: match[2], kind: 'sign', at });
    else out.push({ text: match[3] ?? '', kind: 'word', at });
  }
  return out;
}

class Parser {
  private next = 0;
  private depth = 0;
  constructor(
    private readonly tokens: Token[],
    private readonly end: number,
  ) {}

  whole(): Tree {
    const tree = this.or();
    const extra = this.peek();
    if (extra) throw new FilterError(`Expected && or || before “${extra.text}”`, extra.at);
    return tree;
  }

  private peek(): Token | undefined {
    return this.tokens[this.next];
  }
  private take(...texts: string[]): Token | undefined {
    const token = this.peek();
    if (!token || token.kind === 'string' || !texts.includes(token.text.toLowerCase())) return undefined;
    this.next += 1;
    return token;
  }

  private or(): Tree {
    let left = this.and();
    while (this.take('||', 'or')) left = { kind: 'or', left, right: this.and() };
    return left;
  }
  private and(): Tree {
    let left = this.not();
    while (this.take('&&', 'and')) left = { kind: 'and', left, right: this.not() };
    return left;
  }
  private not(): Tree {
    this.depth += 1;
    if (this.depth > DEPTH_MAX) throw new FilterError('Too deeply nested', this.peek()?.at ?? this.end);
    try {
      if (this.take('!', 'not')) return { kind: 'not', inner: this.not() };
      const open = this.take('(');
      if (open) {
        const inner = this.or();
        if (!this.take(')')) throw new FilterError('This bracket is not closed', open.at);
        return inner;
      }
      return this.test();
    } finally {
      this.depth -= 1;
    }
  }

  private test(): Tree {
    const field = this.peek();
    if (!field || field.kind === 'sign') throw new FilterError('Expected a field or protocol', field?.at ?? this.end);
    this.next += 1;
    const name = field.text.toLowerCase();
    if (this.take('in')) return { kind: 'in', field: name, values: this.set(), at: field.at };
    const sign = this.peek();
    const operator = sign && sign.kind !== 'string' ? OPERATORS[sign.text.toLowerCase()] : undefined;
    if (!operator) return { kind: 'has', field: name, at: field.at };
    this.next += 1;
    return { kind: 'compare', field: name, operator, value: this.value(), at: field.at };
  }

  private value(): string {
    const token = this.peek();
    if (!token || token.kind === 'sign') throw new FilterError('Expected a value', token?.at ?? this.end);
    this.next += 1;
    return token.text;
  }
  private set(): string[] {
    if (!this.take('{')) throw new FilterError('Expected { after in', this.peek()?.at ?? this.end);
    const values = [this.value()];
    while (!this.take('}')) {
      this.take(',');
      values.push(this.value());
    }
    return values;
  }
}

/** undefined: the text is empty and everything passes. Throws FilterError. */
export function parseFilter(text: string): Tree | undefined {
  const tokens = tokenize(text);
  return tokens.length === 0 ? undefined : new Parser(tokens, text.length).whole();
}
