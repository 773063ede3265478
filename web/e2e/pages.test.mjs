// Hosts, Settings and triage in a real browser: a host is said to matter, a budget is changed and taken back, a suppression tells what it
// would hide, hides that, and comes back; incidents are worked off by keyboard, one and many, always with the way back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPage, until } from './browser.mjs';
import { suite } from './frame.mjs';

const PATIENCE_MS = 90_000;

/** One packet of a classic pcap file: Ethernet, IPv4, UDP, four bytes. */
function datagram() {
  const ethernet = '0200000000020200000000010800';
  const ipv4 = '450000200001000040110000c0000201c0000202';
  const udp = '03e807d0000c0000' + '00010203';
  const frame = Buffer.from(ethernet + ipv4 + udp, 'hex');
  const head = Buffer.alloc(16);
  [1_700_000_000, 0, frame.length, frame.length].forEach((n, at) => head.writeUInt32LE(n, at * 4));
  return Buffer.concat([head, frame]);
}

suite('pages', 600_000, ({ on, api, shared }) => {
  const incident = () => until('an open incident', async () => (await api('/incidents?q=status:open%20over_budget:false&limit=5')).items[0], PATIENCE_MS);

  test('hosts are listed by risk, searched, and one is said to matter', async () => {
    await incident();
    await on('/hosts', async (page) => {
      await page.locator('[data-host]').first().waitFor({ timeout: PATIENCE_MS });
      const total = Number(await page.locator('[data-panel="hosts"] [data-total]').getAttribute('data-total'));
      assert.ok(total > 5, `${total} hosts`);
      await page.locator('button', { hasText: 'Own' }).first().click();
      await until('fewer hosts', async () => Number(await page.locator('[data-panel="hosts"] [data-total]').getAttribute('data-total')) < total);
      await page.keyboard.press('j');
      const panel = page.locator('[data-panel="host"]');
      await panel.locator('[data-behaviour]').waitFor();
      await panel.locator('svg[data-course]').waitFor();
      const ip = new URL(page.url()).searchParams.get('sel');
      const before = (await api(`/hosts/${ip}`)).host.importance;
      assert.equal(before, 'normal');
      await panel.locator('[data-importance-choice] label', { hasText: 'Critical' }).click();
      await page.locator('[data-toast]', { hasText: 'critical' }).waitFor();
      assert.equal((await api(`/hosts/${ip}`)).host.importance, 'critical');
      await panel.locator('input[maxlength="128"]').fill('the printer upstairs');
      await panel.locator('[data-save]').click();
      await until('the name in the list', async () => (await page.locator('[data-panel="hosts"]').textContent()).includes('the printer upstairs'));
      await panel.locator('[data-importance-choice] label', { hasText: 'Normal' }).click();
      await until('as it was', async () => (await api(`/hosts/${ip}`)).host.importance === 'normal');
      assert.ok((await api('/settings')).changes.some((c) => c.what === 'host' && c.subject === ip), 'it is in the log');
      await page.locator('input[data-search]').fill('nothing:1');
      await page.keyboard.press('Enter');
      await page.locator('[data-panel="hosts"] [role="alert"]', { hasText: /nknown field/ }).waitFor();
    }).catch((error) => {
      // The refused search is a 400, which the browser itself complains about.
      if (!/console is clean/.test(error.message) || !/400/.test(String(error.actual))) throw error;
    });
  });

  test('the budget is checked, changed at once, and taken back', () =>
    on('/settings', async (page) => {
      const box = page.locator('[data-panel="set-budget"]');
      const field = box.locator('[data-setting="alert.per_hour"] input');
      await field.waitFor();
      await field.fill('-3');
      await box.locator('.bad').waitFor();
      assert.equal(await box.locator('[data-save]').isDisabled(), true, 'what is not taken is not sent');
      await field.fill('7');
      await box.locator('[data-save]').click();
      await page.locator('dialog [data-difference]', { hasText: 'per_hour = 7' }).waitFor();
      assert.equal((await api('/settings')).items.find((i) => i.key === 'alert.per_hour').value, 4, 'looking changes nothing');
      await page.locator('dialog [data-confirm]').click();
      await page.locator('[data-toast]', { hasText: 'Applied' }).waitFor();
      await box.locator('[data-setting="alert.per_hour"][data-source="file"], [data-setting="alert.per_hour"][data-source="dashboard"]').waitFor();
      const value = async () => (await api('/settings')).items.find((i) => i.key === 'alert.per_hour');
      assert.equal((await value()).value, 7);
      await page.locator('[data-panel="changes"]', { hasText: 'alert.per_hour' }).waitFor();
      await page.locator('[data-toast] button', { hasText: 'Undo' }).click();
      await until('the shipped value', async () => (await value()).source === 'default');
    }));

  test('a preset shows what it changes before it does', () =>
    on('/settings', async (page) => {
      await page.locator('[data-preset="home"] button').click();
      await page.locator('dialog [data-change="alert.per_hour"]').waitFor();
      await page.keyboard.press('Escape');
      assert.notEqual((await api('/settings')).preset, 'home', 'looking changes nothing');
      await page.locator('[data-preset="home"] button').click();
      await page.locator('dialog [data-confirm]').click();
      await page.locator('[data-preset="home"].now').waitFor();
      const after = await api('/settings');
      assert.equal(after.preset, 'home');
      assert.equal(after.items.find((i) => i.key === 'alert.per_hour').value, 2);
      await page.locator('[data-toast] button', { hasText: 'Undo' }).click();
      await until('the values before', async () => (await api('/settings')).items.find((i) => i.key === 'alert.per_hour').value === 4);
    }));

  test('a suppression tells what it would hide, hides that, and comes back', async () => {
    const about = await incident();
    await on(`/incidents?sel=${about.id}`, async (page) => {
      await page.locator('[data-panel="incident"] .sentence').waitFor();
      await page.keyboard.press('s');
      const editor = page.locator('[data-rule-editor]');
      await editor.locator('[data-preview]:not([data-preview=""])').waitFor();
      const told = await until('the count', async () => Number(await editor.locator('[data-preview]').getAttribute('data-preview')) || undefined);
      assert.ok(told >= 1);
      assert.equal(await editor.locator('[data-confirm]').isDisabled(), true, 'not without a reason');
      await editor.locator('input[name="reason"]').fill('our own test');
      await editor.locator('[data-confirm]').click();
      await page.locator('[data-toast]', { hasText: 'Not announced from now on' }).waitFor();
      const listed = (await api('/suppressions')).items[0];
      assert.equal(listed.reason, 'our own test');
      assert.ok(listed.incidents >= told, `${listed.incidents} of ${told}`);
      assert.equal((await api(`/incidents/${about.id}`)).incident.suppressed_by, listed.id);
      await page.goto(`${shared.server.url}/settings`);
      const row = page.locator(`[data-suppression="${listed.id}"]`);
      await row.locator('button', { hasText: 'Take back' }).click();
      await page.locator('[data-toast]', { hasText: 'Taken back' }).waitFor();
      await until('the row is gone', async () => (await row.count()) === 0);
      assert.equal((await api(`/incidents/${about.id}`)).incident.status, 'open');
    });
  });

  test('channels are listed with how they do, and a test says what the far side said', async () => {
    const { channels } = await api('/notifications');
    await on('/settings', async (page) => {
      const box = page.locator('[data-panel="notifications"][data-state="ready"]');
      await box.waitFor();
      assert.equal(await box.locator('[data-channel]').count(), channels.length);
      if (channels.length === 0) return void (await box.locator('text=Nobody is told outside of this page').waitFor());
      await box.locator('[data-channel="mail"] [data-test]').click();
      await box.locator('[data-channel="mail"] [data-answer]', { hasText: 'Accepted by the far side' }).waitFor();
    });
  });

  test('threat lists are shown with what of them is in use and what was left out', async () => {
    const { lists } = await api('/threat-lists');
    await on('/settings', async (page) => {
      const box = page.locator('[data-panel="threat-lists"][data-state="ready"]');
      await box.waitFor();
      assert.equal(await box.locator('[data-list]').count(), lists.length);
      if (lists.length === 0) return void (await box.locator('text=Traffic is compared with no list').waitFor());
      const row = box.locator('[data-list="page-test"]');
      await row.locator('text=2 indicators, read').waitFor();
      await row.locator('text=Left out: 1 on it or on a list before it already, 1 too broad').waitFor();
    });
  });

  test('a file handed over shows how far it is, what is in it, and goes when asked', async () => {
    // A capture of no packet, and one that is none.
    const header = Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex');
    await on('/captures', async (page) => {
      await page.locator('[data-panel="captures"][data-state="ready"]').waitFor();
      await page.locator('[data-drop] input').setInputFiles([{ name: 'nothing.pcap', mimeType: 'application/octet-stream', buffer: header }]);
      const row = page.locator('[data-upload]', { hasText: 'nothing.pcap' });
      await row.locator('text=no incident').waitFor({ timeout: PATIENCE_MS });
      const panel = page.locator('[data-panel="capture"][data-state="ready"]');
      await panel.locator('text=Nothing in it is worth your time').waitFor();
      await page.locator('[data-drop] input').setInputFiles([{ name: 'one.pcap', mimeType: 'application/octet-stream', buffer: Buffer.concat([header, datagram()]) }]);
      await panel.locator('text=192.0.2.1:1000 → 192.0.2.2:2000').waitFor({ timeout: PATIENCE_MS });
      assert.match(await panel.locator('section', { has: page.locator('h3', { hasText: 'Protocols' }) }).innerText(), /UDP\s+1\s+1\s+/);
      await page.locator('[data-drop] input').setInputFiles([{ name: 'letter.txt', mimeType: 'text/plain', buffer: Buffer.from('dear all') }]);
      await panel.locator('[role="alert"]', { hasText: 'It could not be analysed' }).waitFor({ timeout: PATIENCE_MS });
      for (const name of ['nothing.pcap', 'one.pcap', 'letter.txt']) {
        await page.locator(`[aria-label="Delete ${name}"]`).click();
        await until(`${name} is gone`, async () => (await page.locator('[data-upload]', { hasText: name }).count()) === 0);
      }
      assert.deepEqual((await api('/captures')).items, []);
    });
  });

  test('a rule that is none is refused in words', () =>
    on('/settings', async (page) => {
      await page.locator('[data-new-rule]').click();
      const editor = page.locator('[data-rule-editor]');
      await editor.locator('text=Give at least one of these').waitFor();
      await editor.locator('input[name="ports"]').fill('99999');
      await editor.locator('text=Ports are whole numbers').waitFor();
      assert.equal(await editor.locator('[data-confirm]').isDisabled(), true);
    }));

  test('incidents are worked off by keyboard, one and many, with the way back', async () => {
    const about = await incident();
    const status = async () => (await api(`/incidents/${about.id}`)).incident.status;
    await on(`/incidents?sel=${about.id}`, async (page) => {
      await page.locator('[data-panel="incident"] .sentence').waitFor();
      await page.keyboard.press('c');
      await until('closed', async () => (await status()) === 'closed');
      await page.locator('[data-toast] button', { hasText: 'Undo' }).last().click();
      await until('open again', async () => (await status()) === 'open');
      await page.locator(`[data-incident="${about.id}"]`).waitFor();
      await page.locator(`[data-incident="${about.id}"] [data-select]`).click();
      await page.locator('[data-bulk="1"]').waitFor();
      await page.keyboard.press('a');
      await until('acknowledged', async () => (await status()) === 'acknowledged');
      await page.locator('[data-toast]', { hasText: '1 incident: acknowledged' }).locator('button', { hasText: 'Undo' }).click();
      await until('open again', async () => (await status()) === 'open');
      await page.keyboard.press('?');
      await page.locator('dialog[open]', { hasText: 'Suppress its like' }).waitFor();
    });
  });

  test('what is wrong is said on each page, and nothing spills at 360 px', async () => {
    for (const [path, ready] of [['/hosts', '[data-host]'], ['/settings', '[data-setting]'], ['/incidents?show=all', '[data-incident]']]) {
      await on(path, async (page) => {
        await page.locator(ready).first().waitFor({ timeout: PATIENCE_MS });
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, `${path} is wider than the window`);
      }, { viewport: { width: 360, height: 780 } });
    }
    const { page, close } = await openPage(shared.browser);
    try {
      await page.route((url) => /\/api\/v1\/(hosts|settings|suppressions|presets)/.test(url.pathname), (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({ title: 'The store does not answer', detail: 'Say what to do.' }) }));
      for (const [path, panel] of [['/hosts', 'hosts'], ['/settings', 'set-budget'], ['/settings', 'suppressions'], ['/settings', 'presets']]) {
        await page.goto(shared.server.url + path);
        await page.locator(`[data-panel="${panel}"][data-state="error"]`, { hasText: 'Say what to do.' }).waitFor();
      }
    } finally {
      await close();
    }
  });
});
