// What it takes to tell somebody: the few fields of each kind of channel as people fill them in, and the channel they make. Pure.
// Channels that run a program or write a file are set in the configuration file alone.

import type { ChannelPatch } from '../api/types';

export interface ChannelField {
  key: string;
  label: string;
  /** Never shown again once it is saved. */
  secret?: boolean;
  optional?: boolean;
  placeholder?: string;
}
export interface ChannelKind {
  id: string;
  title: string;
  fields: readonly ChannelField[];
}

const hook = (id: string, title: string, placeholder: string): ChannelKind => ({ id, title, fields: [{ key: 'url', label: 'Address of the webhook', secret: true, placeholder }] });

export const CHANNEL_KINDS: readonly ChannelKind[] = [
  {
    id: 'email',
    title: 'Email',
    fields: [
      { key: 'host', label: 'Mail server', placeholder: 'mail.example.net' },
      { key: 'from', label: 'From', placeholder: 'Tripline <tripline@example.net>' },
      { key: 'to', label: 'To, one address or more', placeholder: 'admin@example.net' },
      { key: 'user', label: 'Log-in name', optional: true },
      { key: 'password', label: 'Password', secret: true, optional: true },
    ],
  },
  hook('slack', 'Slack', 'https://hooks.slack.com/services/…'),
  hook('teams', 'Microsoft Teams', 'https://….webhook.office.com/…'),
  hook('discord', 'Discord', 'https://discord.com/api/webhooks/…'),
  { id: 'ntfy', title: 'ntfy', fields: [{ key: 'url', label: 'Server', placeholder: 'https://ntfy.sh' }, { key: 'topic', label: 'Topic', placeholder: 'our-network' }] },
  hook('json', 'Webhook (JSON)', 'https://example.net/alerts'),
  { id: 'syslog', title: 'Syslog', fields: [{ key: 'host', label: 'Server', placeholder: 'logs.example.net' }, { key: 'port', label: 'Port', optional: true, placeholder: '514' }] },
];

const split = (text: string): string[] => text.split(/[\s,;]+/).filter((part) => part !== '');

/** The channel, or what is missing. */
export function channelOf(id: string, name: string, values: Record<string, string>, severity: string): { channel?: ChannelPatch; wrong?: string } {
  const kind = CHANNEL_KINDS.find((one) => one.id === id);
  if (!kind) return { wrong: 'Choose how' };
  const missing = kind.fields.find((field) => !field.optional && (values[field.key] ?? '').trim() === '');
  if (missing) return { wrong: `${missing.label} is missing` };
  if (name.trim() === '') return { wrong: 'Give it a name' };
  const given = Object.fromEntries(kind.fields.map((field) => [field.key, (values[field.key] ?? '').trim()]).filter(([, value]) => value !== ''));
  const base = { severity_min: severity };
  if (id === 'email') return { channel: { name: name.trim(), set: { ...base, kind: 'email', email: { ...given, to: split(String(given['to'])) } } } };
  if (id === 'syslog') {
    const port = given['port'] === undefined ? undefined : Number(given['port']);
    if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536)) return { wrong: 'Ports are whole numbers up to 65535' };
    return { channel: { name: name.trim(), set: { ...base, kind: 'syslog', syslog: { host: given['host'], ...(port === undefined ? {} : { port }) } } } };
  }
  return { channel: { name: name.trim(), set: { ...base, kind: 'webhook', webhook: { ...given, template: id } } } };
}
