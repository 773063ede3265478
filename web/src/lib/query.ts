// The server's filter language (`field:value`, `-field:value`) as far as pages build or change it. Pure.

/** Flows that an address takes part in. */
export const hostQuery = (ip: string): string => `ip:${ip}`;

/** Splits at spaces outside quotation marks. */
export const tokens = (q: string): string[] => q.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];

export function hasToken(q: string, token: string): boolean {
  return tokens(q).includes(token);
}

/** Adds the token, or takes it out when it is there. */
export function toggleToken(q: string, token: string): string {
  const all = tokens(q);
  return (all.includes(token) ? all.filter((t) => t !== token) : [...all, token]).join(' ');
}

/** Sets `field:value`, replacing any other value of that field; undefined takes the field out. */
export function setField(q: string, field: string, value: string | undefined): string {
  const rest = tokens(q).filter((t) => !t.startsWith(`${field}:`));
  return (value === undefined ? rest : [...rest, `${field}:${value}`]).join(' ');
}

export function fieldOf(q: string, field: string): string | undefined {
  return tokens(q).find((t) => t.startsWith(`${field}:`))?.slice(field.length + 1);
}
