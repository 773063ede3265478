// The dashboard in a real browser, against the server at TRIPLINE_URL (the mock when it is not set). What is asked for
// is what a person would look for; every page must leave the console clean.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from './browser.mjs';
import { suite } from './frame.mjs';

suite('dashboard', 300_000, ({ on, api, shared }) => {
  test('the overview shows live numbers that change', () =>
    on('/', async (page) => {
      const value = () => page.locator('[data-cell="Captured"] .value').textContent({ timeout: 20_000 });
      const first = await value();
      assert.match(first, /\d/);
      await until('another packet rate', async () => (await value()) !== first);
      await page.locator('[data-panel="traffic"] canvas').waitFor();
      await page.locator('[data-panel="protocols"] path').first().waitFor();
      await page.locator('[data-panel="talkers"] li').first().waitFor();
    }));

  test('the scatter has blue and red points, and dragging lists flows', () =>
    on('/', async (page) => {
      const canvas = page.locator('canvas[data-scatter]');
      await canvas.waitFor({ timeout: 30_000 });
      await until('an anomalous point', async () => Number(await canvas.getAttribute('data-anomalous')) > 0, 90_000);
      const counts = await canvas.evaluate((node) => {
        const { data } = node.getContext('2d').getImageData(0, 0, node.width, node.height);
        let red = 0;
        let blue = 0;
        for (let i = 0; i < data.length; i += 4) {
          const [r, g, b] = [data[i], data[i + 1], data[i + 2]];
          if (r > 150 && g < 125 && b < 140) red += 1;
          if (b > 150 && r < 130 && b > r + 60) blue += 1;
        }
        return { red, blue };
      });
      assert.ok(counts.red > 10, `red pixels: ${counts.red}`);
      assert.ok(counts.blue > 10, `blue pixels: ${counts.blue}`);
      const box = await canvas.boundingBox();
      await page.mouse.move(box.x + 62, box.y + 12);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width - 20, box.y + box.height - 34, { steps: 5 });
      await page.mouse.up();
      await page.locator('[data-chosen] tbody tr').first().waitFor();
      assert.match(new URL(page.url()).searchParams.get('box'), /\.\..*,/);
      await page.reload();
      await page.locator('[data-chosen] tbody tr').first().waitFor({ timeout: 30_000 });
      await page.locator('[data-panel="scatter"] label', { hasText: 'Score' }).click();
      await until('the switch in the address', async () => page.url().includes('y=score'));
    }));

  test('an incident shows its reasons, and acknowledging it reaches the server', () =>
    on('/incidents?show=all', async (page) => {
      await page.locator('[data-incident]').first().waitFor({ timeout: 90_000 });
      await page.keyboard.press('j');
      const panel = page.locator('[data-panel="incident"]');
      await panel.locator('.sentence').waitFor();
      await panel.locator('[data-feature]').first().waitFor();
      assert.match(await panel.locator('[data-feature]').first().textContent(), /expected/);
      await panel.locator('a[href^="https://attack.mitre.org/techniques/T"]').first().waitFor();
      const id = new URL(page.url()).searchParams.get('sel');
      const status = async () => (await api(`/incidents/${id}`)).incident.status;
      const before = await status();
      await page.keyboard.press('a');
      await until('the new status at the server', async () => (await status()) === (before === 'acknowledged' ? 'open' : 'acknowledged'));
      await until('the new status on the page', async () => /Acknowledged|Open/.test(await panel.locator('[data-status]').textContent()) && (await panel.locator('[data-status]').getAttribute('data-status')) !== before);
      await panel.locator('textarea').fill('Looked at by the test');
      await panel.locator('button', { hasText: 'Add note' }).click();
      await panel.locator('.note', { hasText: 'Looked at by the test' }).first().waitFor();
      await page.locator('[data-panel="incident"] h2').click();
      await page.keyboard.press('f');
      await page.locator('dialog [data-confirm]').waitFor();
      await page.keyboard.press('Escape');
      await until('the dialog is gone', async () => (await page.locator('dialog').count()) === 0);
      assert.notEqual(await status(), 'false_positive', 'nothing is marked before it is confirmed');
    }));

  test('the packet list fills, pauses, filters, and links tree and bytes', () =>
    on('/packets', async (page) => {
      const held = async () => Number(await page.locator('[data-held]').getAttribute('data-held'));
      await page.locator('[role="row"][data-index]').first().waitFor({ timeout: 60_000 });
      const first = await held();
      await until('more packets', async () => (await held()) > first);
      await page.keyboard.press(' ');
      await page.locator('[data-pause][aria-pressed="true"]').waitFor();
      await page.waitForTimeout(400);
      const paused = await held();
      await page.waitForTimeout(1200);
      assert.equal(await held(), paused, 'a paused list stands still');

      await page.locator('#packet-filter').fill('ip && (tcp || udp)');
      await page.keyboard.press('Enter');
      await until('the filter in the address', async () => new URL(page.url()).searchParams.get('q') === 'ip && (tcp || udp)');
      await page.locator('#packet-filter').fill('ip.src == nonsense');
      await page.locator('#packet-filter[aria-invalid="true"]').waitFor();
      await page.keyboard.press('Escape');

      await page.locator('[role="row"][data-index]').last().click();
      const field = page.locator('[data-field="ip.src"], [data-field="ipv6.src"]').first();
      await field.click();
      const lit = await page.locator('[data-hex] .pairs .on').count();
      assert.ok(lit === 4 || lit === 16, `${lit} bytes of the source address are lit`);
      await page.locator('[data-hex] .pairs [data-byte="0"]').click();
      assert.match(await page.locator('.tree .line.on').first().textContent(), /Destination|Ethernet|Version|IP/);
      const [download] = await Promise.all([page.waitForEvent('download'), page.locator('[data-panel="packet"] a', { hasText: 'Save' }).click()]);
      assert.match(download.suggestedFilename(), /pcap/);
    }));

  test('the row under the pointer does not move', () =>
    on('/packets', async (page) => {
      await until('a full list', async () => Number(await page.locator('[data-held]').getAttribute('data-held')) > 60, 60_000);
      const box = await page.locator('[role="grid"]').boundingBox();
      const point = [box.x + 300, box.y + box.height / 2];
      await page.mouse.move(...point);
      await page.waitForTimeout(300);
      const under = () => page.evaluate(([x, y]) => document.elementFromPoint(x, y)?.closest('[data-index]')?.textContent ?? '', point);
      const before = await under();
      const held = Number(await page.locator('[data-held]').getAttribute('data-held'));
      await until('more packets', async () => Number(await page.locator('[data-held]').getAttribute('data-held')) > held);
      await page.waitForTimeout(600);
      assert.equal(await under(), before);
      assert.notEqual(before, '');
    }));

  test('flows are found, and the address brings the same view back', () =>
    on('/flows', async (page) => {
      await page.locator('[role="row"][data-index]').first().waitFor({ timeout: 60_000 });
      const all = Number(await page.locator('[data-total]').getAttribute('data-total'));
      await page.keyboard.press('/');
      await page.keyboard.type('proto:UDP');
      await page.keyboard.press('Enter');
      await until('fewer flows', async () => Number(await page.locator('[data-total]').getAttribute('data-total')) < all);
      // A UDP flow ends by silence, so the first ones come a minute after the start.
      await page.locator('[role="row"][data-index]', { hasText: 'UDP' }).first().waitFor({ timeout: 120_000 });
      await page.locator('h1').first().evaluate(() => document.activeElement?.blur());
      await page.keyboard.press('j');
      await page.locator('[data-panel="flow"] .who').waitFor();
      const who = await page.locator('[data-panel="flow"] .who').textContent();
      await page.locator('.stats tbody tr').first().waitFor();
      await page.locator('.members tbody tr, [data-panel="flow"] .verdict').first().waitFor();
      await page.goto(page.url());
      await page.locator('[data-panel="flow"] .who').waitFor();
      assert.equal(await page.locator('[data-panel="flow"] .who').textContent(), who);
      assert.equal(await page.locator('input[data-search]').inputValue(), 'proto:UDP');
      const rows = await page.locator('[role="row"][data-index]').allTextContents();
      assert.ok(rows.length > 0 && rows.every((row) => row.includes('UDP')));
    }));

  test('a field the server does not know is explained where it was typed', () =>
    on('/flows?q=nonsense:1', async (page) => assert.match(await page.locator('.problem').textContent(), /nonsense/), { mayComplain: true }));

  test('one range rules every page', () =>
    on('/', async (page) => {
      await page.locator('.range label', { hasText: '1 h' }).click();
      await until('the range in the address', async () => new URL(page.url()).searchParams.get('range') === '1h');
      await page.keyboard.press('g');
      await page.keyboard.press('f');
      await until('the flows page', async () => new URL(page.url()).pathname === '/flows');
      assert.equal(new URL(page.url()).searchParams.get('range'), '1h');
      const box = await page.locator('.wire .track').boundingBox();
      await page.mouse.move(box.x + box.width * 0.3, box.y + 5);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.6, box.y + 6, { steps: 4 });
      await page.mouse.up();
      await until('a dragged range', async () => (new URL(page.url()).searchParams.get('range') ?? '').includes('..'));
      await page.goBack();
      assert.equal(new URL(page.url()).searchParams.get('range'), '1h');
    }));

  test('the keyboard reaches everything', () =>
    on('/', async (page) => {
      await page.locator('[data-cell]').first().waitFor({ timeout: 20_000 });
      for (const [key, path] of [['p', '/packets'], ['f', '/flows'], ['i', '/incidents'], ['m', '/models'], ['o', '/']]) {
        await page.keyboard.press('g');
        await page.keyboard.press(key);
        await until(path, async () => new URL(page.url()).pathname === path);
      }
      await page.keyboard.press('?');
      await page.locator('dialog[open]').waitFor();
      await page.keyboard.press('Escape');
      await until('the help is gone', async () => (await page.locator('dialog').count()) === 0);
      await page.keyboard.press('Tab');
      assert.notEqual(await page.evaluate(() => document.activeElement?.tagName), 'BODY');
    }));

  for (const scheme of ['light', 'dark']) {
    test(`the ${scheme} theme follows the system and keeps a choice`, () =>
      on('/', async (page) => {
        const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
        assert.equal(await theme(), scheme);
        const paper = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
        const bright = Number(/\d+/.exec(paper)[0]) > 128;
        assert.equal(bright, scheme === 'light');
        await page.locator('button[aria-label^="Theme"]').click();
        const other = scheme === 'light' ? 'dark' : 'light';
        assert.equal(await theme(), other);
        await page.reload();
        assert.equal(await theme(), other);
      }, { colorScheme: scheme }));
  }

  for (const path of ['/', '/packets', '/flows', '/incidents?show=all', '/models']) {
    test(`${path} fits 360 pixels`, () =>
      on(path, async (page) => {
        await page.waitForTimeout(2500);
        const excess = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(excess <= 0, `${excess} pixels too wide`);
      }, { viewport: { width: 360, height: 740 } }));
  }

  test('a lost connection is said, and told again when it is back', () =>
    on('/', async (page) => {
      await page.locator('[data-cell]').first().waitFor({ timeout: 20_000 });
      await page.route('**/api/v1/live**', (route) => route.abort());
      await page.keyboard.press('g');
      await page.keyboard.press('p');
      await page.locator('[data-notice="connection"]').waitFor({ timeout: 15_000 });
      assert.match(await page.locator('[data-notice="connection"]').textContent(), /Showing data of \d\d:\d\d:\d\d/);
      await page.unroute('**/api/v1/live**');
      await until('the notice is gone', async () => (await page.locator('[data-notice="connection"]').count()) === 0);
    }, { mayComplain: true }));

  test('the first load is small', () =>
    on('/', async (page) => {
      const names = await page.evaluate(() => performance.getEntriesByType('resource').filter((r) => /\.(js|css|woff2)$/.test(r.name)).map((r) => r.name));
      const { gzipSync } = await import('node:zlib');
      let total = 0;
      for (const name of names) {
        const bytes = Buffer.from(await (await fetch(name)).arrayBuffer());
        total += name.endsWith('.woff2') ? bytes.length : gzipSync(bytes).length;
      }
      assert.ok(names.length > 2);
      assert.ok(total < 200_000, `${total} bytes compressed`);
    }));
});
