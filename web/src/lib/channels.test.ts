import { describe, expect, it } from 'vitest';
import { CHANNEL_KINDS, channelOf } from './channels';

describe('channels', () => {
  it('become what the file has', () => {
    const mail = channelOf('email', ' mail ', { host: 'm', from: 'a@b', to: 'c@d, e@f', password: 'x', user: '' }, 'high').channel;
    expect(mail).toEqual({ name: 'mail', set: { kind: 'email', severity_min: 'high', email: { host: 'm', from: 'a@b', to: ['c@d', 'e@f'], password: 'x' } } });
    expect(channelOf('slack', 'chat', { url: 'https://h' }, 'low').channel?.set).toEqual({ kind: 'webhook', severity_min: 'low', webhook: { url: 'https://h', template: 'slack' } });
    expect(channelOf('syslog', 's', { host: 'h', port: '6514' }, 'low').channel?.set?.['syslog']).toEqual({ host: 'h', port: 6514 });
  });
  it('say what is missing', () => {
    for (const kind of CHANNEL_KINDS) expect(channelOf(kind.id, 'x', {}, 'low').wrong).toContain('is missing');
    expect(channelOf('slack', ' ', { url: 'https://h' }, 'low').wrong).toContain('name');
    expect(channelOf('syslog', 's', { host: 'h', port: '99999' }, 'low').wrong).toContain('65535');
    expect(channelOf('moon', 's', {}, 'low').wrong).toBeDefined();
  });
});
