// The panel that says how each source does: the server's own sources, a site with twenty of them and every kind of trouble, and
// what is shown when nothing is known.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { told } from '../mock/sources.mjs';
import { violations } from './axe.mjs';
import { until } from './browser.mjs';
import { suite } from './frame.mjs';

suite('sources', 300_000, (frame) => {
  const isSources = (url) => url.pathname === '/api/v1/sources';
  /** Answers as a server would whose sources these are. */
  const answering = (list) => (page) => page.route(isSources, (route) => route.fulfill({ json: list(new URL(route.request().url()).searchParams) }));
  const many = answering((params) => told('many', params));

  const on = (path, checks, prepare, options) =>
    frame.on(path, (page) => checks(page, page.locator('[data-panel="sources"]')), { prepare, ...options });
  const names = (box) => box.locator('[data-source]').evaluateAll((rows) => rows.map((row) => row.dataset.source));

  test("the server's own sources: a rate that moves, and the row opened by keyboard", () =>
    on('/', async (page, box) => {
      const row = box.locator('[data-source]').first();
      await row.waitFor({ timeout: 20_000 });
      const rate = () => row.locator('.rate').textContent();
      await until('a rate', async () => /[1-9].*pkt\/s/.test(await rate()), 60_000);
      await until('a line of the last minute', async () => (await row.locator('.spark path').getAttribute('d')).includes('L'));
      await until('the last event is now', async () => /now|s ago/.test(await row.locator('.last').textContent()));
      const first = await rate();
      await until('another rate', async () => (await rate()) !== first, 60_000);
      const button = row.locator('button.line');
      await button.focus();
      await page.keyboard.press('Enter');
      await row.locator('[data-source-detail] dt', { hasText: 'Unreadable' }).waitFor();
      assert.equal(await button.getAttribute('aria-expanded'), 'true');
      assert.equal(new URL(page.url()).searchParams.get('source'), await row.getAttribute('data-source'));
      await page.reload();
      await row.locator('[data-source-detail]').waitFor({ timeout: 20_000 });
      await button.focus();
      await page.keyboard.press('Enter');
      await until('it is closed', async () => (await box.locator('[data-source-detail]').count()) === 0);
    }));

  test('twenty sources: what needs somebody first and in words, the rest behind a button', () =>
    on(
      '/',
      async (_page, box) => {
        await box.locator('[data-source]').first().waitFor({ timeout: 20_000 });
        assert.deepEqual((await names(box)).slice(0, 2), ['wlan0', 'eth0']);
        assert.equal(await box.locator('[data-source]').count(), 6);
        assert.match(await box.locator('[data-sources-summary]').textContent(), /20 sources, 4 need attention/);
        assert.match(await box.locator('[data-source="wlan0"]').textContent(), /Failed.*went down/s);
        assert.match(await box.locator('[data-source^="exports"]').textContent(), /nothing for 42 min.*and 3 more/s);
        await box.locator('[data-fold]').click();
        assert.equal(await box.locator('[data-source]').count(), 20);
        await box.locator('[data-fold]', { hasText: 'Fewer' }).click();
        assert.equal(await box.locator('[data-source]').count(), 6);
      },
      many,
    ));

  test('a collector opens to its exporters, a log to lines that are shown as they are', () =>
    on(
      '/',
      async (page, box) => {
        await box.locator('[data-source^="exports"] button.line').click();
        const rows = box.locator('[data-exporters] tbody tr');
        await rows.first().waitFor();
        assert.match(await rows.nth(0).textContent(), /192\.0\.2\.1.*NetFlow v9.*datagrams.*7 sets wait/s);
        assert.match(await rows.nth(1).textContent(), /2001:db8::7.*silent for 42 min; clock 3.600 s behind/s);
        await box.locator('summary', { hasText: '192.0.2.9' }).click();
        await box.locator('details table', { hasText: '1 Gbit/s' }).waitFor();
        assert.match(await box.locator('[data-source-detail]').textContent(), /213 kB of 8\.39 MB asked/);
        await box.locator('[data-source^="syslog"] button.line').click();
        const lines = box.locator('[data-unreadable] li');
        await lines.first().waitFor();
        assert.match(await lines.first().textContent(), /format unknown.*<b>0815<\/b>/s);
        assert.match(await lines.nth(2).textContent(), /address missing from 192\.0\.2\.20/);
        assert.equal(await box.locator('[data-exporters]').count(), 0, 'one row is open at a time');
        assert.equal(new URL(page.url()).searchParams.get('source').startsWith('syslog'), true);
      },
      many,
    ));

  test('the row under the pointer does not move when another becomes worse', () => {
    let worse = false;
    const list = (params) => {
      const all = told('many', params);
      if (worse) all.sources = all.sources.map((one) => (one.name === 'eth1' ? { ...one, level: 'error', state: 'failed', state_text: 'Failed' } : one));
      return all;
    };
    return on(
      '/',
      async (page, box) => {
        await box.locator('[data-source="eth0"]').hover();
        const before = await names(box);
        worse = true;
        await box.locator('[data-source="eth1"]', { hasText: 'Failed' }).waitFor();
        assert.deepEqual(await names(box), before);
        await page.locator('h2').first().hover();
        await until('it comes up when nobody is there', async () => (await names(box)).indexOf('eth1') < 2);
      },
      answering(list),
    );
  });

  test('refused, then there; cut off, and said so', () => {
    let refused = true;
    return on(
      '/',
      async (_page, box) => {
        await box.locator('[role="alert"]', { hasText: 'Not now' }).waitFor({ timeout: 20_000 });
        refused = false;
        await box.locator('button', { hasText: 'Try again' }).click();
        await box.locator('[data-source]').first().waitFor();
        refused = true;
        assert.match(await box.locator('[data-stale]').textContent({ timeout: 15_000 }), /as of \d\d:\d\d:\d\d/);
        assert.ok((await box.locator('[data-source]').count()) > 0, 'what was known stays');
      },
      (page) => page.route(isSources, (route) => (refused ? route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({ title: 'Not now', detail: 'Later.' }) }) : route.fallback())),
      { mayComplain: true },
    );
  });

  test('two sources of one name are two rows', () =>
    on(
      '/',
      async (_page, box) => {
        await box.locator('[data-source="demo0"]').nth(1).waitFor({ timeout: 20_000 });
        assert.equal(await box.locator('[data-source]').count(), 3);
      },
      answering((params) => ({ sources: [...told('few', params).sources, told('few', params).sources[0]].filter(Boolean) })),
    ));

  test('no source at all says how to have one', () =>
    on('/', async (page) => page.locator('[data-panel="sources"][data-state="empty"]', { hasText: '-i INTERFACE' }).waitFor({ timeout: 20_000 }), answering((params) => told('none', params))));

  for (const [what, options] of [['light', { colorScheme: 'light' }], ['dark', { colorScheme: 'dark' }], ['a phone', { colorScheme: 'light', viewport: { width: 390, height: 800 } }]]) {
    test(`open rows are accessible and fit: ${what}`, () =>
      on(
        '/',
        async (page, box) => {
          for (const [source, ready] of [['exports', '[data-exporters]'], ['syslog', '[data-unreadable]']]) {
            await box.locator(`[data-source^="${source}"] button.line`).click();
            await box.locator(ready).waitFor();
            assert.deepEqual(await violations(page), []);
            assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true, 'no sideways scrolling of the page');
          }
        },
        many,
        { reducedMotion: 'reduce', ...options },
      ));
  }
});
