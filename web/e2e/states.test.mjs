// What the pages do when not all is well, and what an address brings back: refused lists, a server that ends and comes
// again, a page that is stopped, links to a view.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sockets } from '../mock/sockets.mjs';
import { openPage, startOwn, until } from './browser.mjs';
import { suite } from './frame.mjs';

const LISTS = [
  { path: '/packets', panel: 'packets', field: '#packet-filter', row: '[role="row"][data-index]', api: '/api/v1/packets' },
  { path: '/flows', panel: 'flows', field: 'input[data-search]', row: '[role="row"][data-index]', api: '/api/v1/flows' },
  { path: '/hosts', panel: 'hosts', field: 'input[data-search]', row: '[data-host]', api: '/api/v1/hosts' },
  { path: '/incidents?show=all', panel: 'incidents', field: 'input[data-search]', row: '[data-incident]', api: '/api/v1/incidents' },
];

suite('states', 300_000, (frame) => {
  const { api, shared } = frame;
  const on = (path, checks, prepare) => frame.on(path, checks, { prepare, mayComplain: true });
  const param = (page, name) => new URL(page.url()).searchParams.get(name);

  for (const { path, panel, field, row, api } of LISTS) {
    test(`${path}: a refused list says why, keeps its search, and recovers`, () => {
      let refused = true;
      return on(
        path,
        async (page) => {
          const box = page.locator(`[data-panel="${panel}"]`);
          await box.locator('[role="alert"]', { hasText: 'The store does not answer' }).waitFor();
          assert.match(await box.locator('[role="alert"]').textContent(), /Stop the other program\./);
          await box.locator(field).waitFor();
          assert.equal(await box.locator('[data-total]').filter({ hasText: /\d/ }).count(), 0, 'no count is made up');
          refused = false;
          await box.locator('button', { hasText: 'Try again' }).click();
          await page.locator(row).first().waitFor({ timeout: 90_000 });
          await until('the refusal is gone', async () => (await box.locator('[role="alert"]').count()) === 0);
        },
        async (page) => {
          // Packets come by the stream as well: without it, only the refused question could bring any.
          await page.route((url) => url.pathname === '/api/v1/live' && refused, (route) => route.abort());
          await page.route(
            (url) => url.pathname === api,
            (route) => (refused ? route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({ title: 'The store does not answer', detail: 'Stop the other program.' }) }) : route.fallback()),
          );
        },
      );
    });

    test(`${path}: while it loads, search and heads stand where they will stand`, () => {
      let open = () => undefined;
      const gate = new Promise((resolve) => (open = resolve));
      return on(
        path,
        async (page) => {
          const box = page.locator(`[data-panel="${panel}"]`);
          await page.locator(`[data-panel="${panel}"][data-state="loading"]`).waitFor();
          const top = async () => (await box.locator('[role="columnheader"]').first().boundingBox()).y;
          const before = await top();
          open();
          await page.locator(row).first().waitFor({ timeout: 90_000 });
          assert.equal(await top(), before);
        },
        async (page) => {
          // A stream that says nothing yet: neither packets nor a notice that moves the page.
          await page.route((url) => url.pathname === '/api/v1/live', () => undefined);
          await page.route((url) => url.pathname === api, async (route) => {
            await gate;
            await route.fallback();
          });
        },
      );
    });
  }

  test('a machine that may not capture shows itself: refused, then its ports, its processes, and what it may not see', () => {
    let refused = true;
    return on(
      '/',
      async (page) => {
        const box = page.locator('[data-panel="host"]');
        await box.locator('[role="alert"]', { hasText: 'Not now' }).waitFor();
        refused = false;
        await box.locator('button', { hasText: 'Try again' }).click();
        await box.locator('[data-listening] tbody tr').first().waitFor();
        const text = await box.textContent();
        assert.match(text, /python3 \(4711\)/);
        assert.match(text, /owner not visible without rights/);
        assert.match(text, /eth0/);
        assert.equal(await box.locator('[data-listening] tbody tr').count(), 3, 'what only this machine reaches is behind a button');
        await box.locator('button', { hasText: '1 more' }).click();
        await box.locator('[data-listening] tr', { hasText: 'tripline' }).waitFor();
      },
      async (page) => {
        // A stream that says nothing: its summaries would say how the server really runs.
        await page.route((url) => url.pathname === '/api/v1/live', () => undefined);
        await page.route((url) => url.pathname === '/api/v1/summary', async (route) => {
          const answer = await route.fetch();
          await route.fulfill({ json: { ...(await answer.json()), mode: 'host' } });
        });
        await page.route((url) => url.pathname === '/api/v1/sockets', (route) => route.fulfill(refused ? { status: 503, contentType: 'application/problem+json', body: JSON.stringify({ title: 'Not now', detail: 'Later.' }) } : { json: sockets(true) }));
      },
    );
  });

  test('a list without a match says so', () =>
    on('/flows?q=src_port:1 dest_port:1', async (page) => {
      await page.locator('[data-panel="flows"][data-state="empty"]').waitFor();
      await page.locator('[data-panel="flows"]', { hasText: 'No flow matches' }).waitFor();
    }));

  test('a stopped page stands still, and catches up when it goes on', () =>
    on('/', async (page) => {
      const packets = async () => page.locator('[data-cell="Captured"]').textContent({ timeout: 20_000 });
      const first = await packets();
      await until('a moving page', async () => (await packets()) !== first);
      await page.keyboard.press(' ');
      await page.locator('[data-paused]').waitFor();
      const still = await packets();
      const axis = await page.locator('.wire .tick').first().getAttribute('style');
      await page.waitForTimeout(2600);
      assert.equal(await packets(), still);
      assert.equal(await page.locator('.wire .tick').first().getAttribute('style'), axis);
      assert.equal(await page.locator('[data-notice="connection"]').count(), 0, 'stopped is not cut off');
      await page.locator('[data-paused]').click();
      await until('a moving page again', async () => (await packets()) !== still);
      assert.equal(await page.locator('[data-paused]').count(), 0);
    }));

  test('a cut stream is said on what it feeds', () =>
    on('/', async (page) => {
      await page.locator('[data-cell]').first().waitFor({ timeout: 20_000 });
      await page.locator('[data-panel="traffic"] canvas').waitFor();
      await page.route('**/api/v1/**', (route) => route.abort());
      await page.evaluate(() => window.dispatchEvent(new Event('online')));
      for (const panel of ['health', 'traffic', 'scatter', 'budget', 'newest']) {
        assert.match(await page.locator(`[data-panel="${panel}"] [data-stale]`).textContent({ timeout: 15_000 }), /as of \d\d:\d\d:\d\d/);
      }
      await page.unroute('**/api/v1/**');
      await until('nothing is stale', async () => (await page.locator('[data-stale]').count()) === 0, 60_000);
    }));

  for (const [kind, told, level] of [['file', /1\s*finished.*read to its end/s, 0], ['interface', /0\s*of 1 running/, 1]]) {
    test(`a source of the kind ${kind} that ended is ${level ? 'an error' : 'done'}`, () =>
      on(
        '/',
        async (page) => {
          const cell = page.locator('[data-cell="Sources"]');
          await cell.waitFor({ timeout: 20_000 });
          assert.match(await cell.textContent(), told);
          assert.equal(await cell.getByText('error', { exact: true }).count(), level);
        },
        async (page) => {
          await page.route((url) => url.pathname === '/api/v1/live', (route) => route.abort());
          await page.route((url) => url.pathname === '/api/v1/summary', async (route) => {
            const summary = await (await route.fetch()).json();
            const source = { ...summary.sources[0], name: 'it', kind, state: 'ended' };
            await route.fulfill({ json: { ...summary, sources: [source] } });
          });
        },
      ));
  }

  test('the page recovers by itself when the server was started anew', async () => {
    const port = 41_000 + (process.pid % 10_000);
    let own = await startOwn(port);
    const { page, close } = await openPage(shared.browser);
    try {
      await page.goto(`${own.url}/`);
      await page.locator('[data-cell]').first().waitFor({ timeout: 20_000 });
      await page.evaluate(() => (globalThis.untouched = true));
      await own.stop();
      await page.locator('[data-notice="connection"]').waitFor({ timeout: 20_000 });
      own = await startOwn(port);
      const captured = () => page.locator('[data-cell="Captured"]').textContent();
      const before = await captured();
      await until('the notice is gone', async () => (await page.locator('[data-notice="connection"]').count()) === 0, 60_000);
      await until('new numbers', async () => (await captured()) !== before, 60_000);
      await until('panels that are not stale', async () => (await page.locator('[data-stale]').count()) === 0, 60_000);
      assert.equal(await page.evaluate(() => globalThis.untouched), true, 'without loading again');
    } finally {
      await close();
      await own.stop();
    }
  });

  test('a link brings back range, folder, filter and choice', async () => {
    const incident = await until('an incident', async () => (await api('/incidents?limit=1')).items[0], 120_000);
    // By its id: the sentence changes while the incident grows.
    const shown = `[data-panel="incident"] [data-copy="${incident.id}"]`;
    await on(`/incidents?range=24h&show=all&sel=${incident.id}`, async (page) => {
      await page.locator(shown).waitFor();
      assert.notEqual(await page.locator('[data-panel="incident"] .sentence').textContent(), '');
      assert.equal(await page.locator('.range input:checked').getAttribute('value'), '24h');
      assert.equal(await page.locator('.folders input:checked').getAttribute('value'), 'all');
      await page.locator(`[data-panel="incident"] a.chip`).first().click();
      await until('that host', async () => new URL(page.url()).pathname === '/hosts');
      await page.locator('[data-panel="host"] [data-importance-choice]').waitFor();
      assert.equal(param(page, 'range'), '24h');
      await page.goBack();
      await page.locator(shown).waitFor();
    });
    const flow = (await api('/flows?limit=1&q=anomalous:true')).items[0];
    await on(`/flows?cols=end,src,dest,state&q=anomalous:true&sel=${flow.flow_id}`, async (page) => {
      await page.locator('[data-panel="flow"] .who', { hasText: flow.src_ip }).waitFor();
      assert.deepEqual(await page.locator('[role="columnheader"]').allTextContents(), ['Ended', 'Source', 'Destination', 'State']);
      await page.locator('[data-panel="flow"] a', { hasText: /^Packets$/ }).click();
      await until('its packets', async () => new URL(page.url()).pathname === '/packets');
      assert.match(await page.locator('#packet-filter').inputValue(), new RegExp(flow.src_ip.replaceAll('.', '\\.')));
      assert.equal(await page.locator('#packet-filter').getAttribute('aria-invalid'), 'false');
    });
    await on('/?range=1h&split=inout&x=time&y=score', async (page) => {
      await page.locator('canvas[data-scatter]').waitFor({ timeout: 30_000 });
      for (const [panel, value] of [['traffic', 'inout'], ['scatter', 'time'], ['scatter', 'score']]) {
        assert.equal(await page.locator(`[data-panel="${panel}"] input[value="${value}"]`).isChecked(), true);
      }
    });
  });
});
