// The rules of the dashboard that a machine can check, on every page: both themes and two widths without a finding of axe and without
// scrolling sideways, the address brings everything back, the keyboard reaches everything, a stopped page stands still, what cannot be had
// is said, severity is never colour alone, time is dragged on every chart, and nothing moves under the pointer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { violations } from './axe.mjs';
import { until } from './browser.mjs';
import { suite } from './frame.mjs';

const PATIENCE_MS = 120_000;
const ROW = '[role="row"][data-index]';
/** Every page: what shows that it is there, an address with everything set, and what of the page that address must bring back. */
const PAGES = [
  { path: '/', key: 'o', ready: '[data-panel="talkers"] li', full: '/?range=1h&unit=packets&x=time&y=score', back: [['[data-panel="traffic"] input[value="packets"]', true], ['[data-panel="scatter"] input[value="time"]', true], ['.range input[value="1h"]', true]] },
  { path: '/packets', key: 'p', ready: ROW, full: `/packets?q=${encodeURIComponent('udp && frame.len > 20')}&range=1h`, back: [['#packet-filter', 'udp && frame.len > 20']] },
  { path: '/flows', key: 'f', ready: ROW, full: '/flows?cols=end,src,dest&q=proto:TCP&range=1h', back: [['input[data-search]', 'proto:TCP']] },
  { path: '/incidents?show=all', key: 'i', ready: '[data-incident]', full: '/incidents?q=severity:>=low&range=24h&show=all', back: [['input[data-search]', 'severity:>=low'], ['.folders input[value="all"]', true]] },
  { path: '/hosts', key: 'h', ready: '[data-host]', full: '/hosts?q=home:true&sort=traffic', back: [['input[data-search]', 'home:true'], ['.sort input[value="traffic"]', true]] },
  { path: '/scans', key: 'n', ready: '[data-panel="scans"]', full: '/scans?view=inventory', back: [['[data-panel="assets"]', undefined]] },
  { path: '/trends', key: 't', ready: '[data-totals] tbody tr', full: '/trends?heat=incidents&of=packets&range=24h&with=week', back: [['[data-of]', 'packets'], ['[data-panel="heat"] input[value="incidents"]', true], ['[data-panel="totals"] input[value="week"]', true]] },
  { path: '/captures', key: 'c', ready: '[data-panel="captures"]', full: '/captures?range=1h', back: [['.range input[value="1h"]', true]] },
  { path: '/models', key: 'm', ready: '[data-member="ensemble"]', full: '/models?range=7d', back: [['.range input[value="7d"]', true]] },
  { path: '/settings', key: 's', ready: '[data-setting]', full: '/settings?range=15m', back: [['.range input[value="15m"]', true]] },
];
const LISTS = ['/packets', '/flows', '/incidents?show=all', '/hosts'];

suite('rules', 1_500_000, ({ on, api, shared }) => {
  const ready = (page, selector) => page.locator(selector).first().waitFor({ timeout: PATIENCE_MS });
  const stop = async (page) => {
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press(' ');
    await page.locator('[data-paused]').waitFor();
  };
  const pathOf = (page) => new URL(page.url()).pathname;

  test('there is something to look at', () => until('an incident', async () => (await api('/incidents?limit=1')).items[0], PATIENCE_MS));

  for (const { path, ready: shown } of PAGES) {
    for (const colorScheme of ['light', 'dark']) {
      for (const width of [360, 1920]) {
        test(`${path}, ${colorScheme}, ${width} px: accessible, and not wider than the window`, () =>
          on(path, async (page) => {
            await ready(page, shown);
            await stop(page);
            const excess = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
            assert.ok(excess <= 0, `${excess} pixels too wide`);
            assert.deepEqual(await violations(page), []);
          }, { colorScheme, reducedMotion: 'reduce', viewport: { width, height: width === 360 ? 780 : 1080 } }));
      }
    }
  }

  for (const { full, back } of PAGES) {
    test(`${full}: the address brings everything back`, () =>
      on(full, async (page) => {
        const address = page.url();
        const check = async () => {
          for (const [selector, value] of back) {
            const field = page.locator(selector).first();
            await field.waitFor({ state: 'attached', timeout: PATIENCE_MS });
            if (value === true) assert.equal(await field.isChecked(), true, selector);
            else if (value !== undefined) assert.equal(await field.inputValue(), value, selector);
          }
          assert.equal(page.url(), address, 'the page itself changes nothing of it');
        };
        await check();
        await page.evaluate(() => document.activeElement?.blur());
        await page.keyboard.press('g');
        await page.keyboard.press(full.startsWith('/models') ? 's' : 'm');
        await until('another page', () => page.url() !== address);
        await page.goBack();
        await check();
        await page.reload();
        await check();
      }));
  }

  test('the keys of the help do what it says', async () => {
    await on('/', async (page) => {
      await ready(page, '[data-cell]');
      for (const { key, path } of PAGES) {
        await page.evaluate(() => document.activeElement?.blur());
        await page.keyboard.press('g');
        await page.keyboard.press(key);
        await until(`g ${key}`, () => pathOf(page) === path.split('?')[0]);
      }
      await page.keyboard.press('?');
      const help = await page.locator('dialog[open]').textContent();
      for (const { key } of PAGES) assert.match(help, new RegExp(`g\\s*${key}`), `the help names g ${key}`);
      await page.keyboard.press('Escape');
      await until('no help', async () => (await page.locator('dialog').count()) === 0);
    });
    for (const path of LISTS) {
      await on(path, async (page) => {
        await ready(page, ROW);
        await page.keyboard.press('/');
        assert.equal(await page.evaluate(() => document.activeElement?.hasAttribute('data-search')), true, `${path}: / goes to the search`);
        await page.keyboard.press('Escape');
        await page.keyboard.press('j');
        const first = await until('a choice', () => new URL(page.url()).searchParams.get('sel'));
        await page.keyboard.press(path === '/packets' ? 'k' : 'j');
        const second = await until('the next', () => { const sel = new URL(page.url()).searchParams.get('sel'); return sel !== first && sel; });
        await page.keyboard.press(path === '/packets' ? 'j' : 'k');
        await until('the first again', () => new URL(page.url()).searchParams.get('sel') === first);
        assert.notEqual(first, second);
        const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('e')]);
        assert.match(download.suggestedFilename(), /tripline/);
      });
    }
  });

  test('Enter opens the row, a acknowledges, f asks what is hidden', () =>
    on('/incidents', async (page) => {
      await ready(page, '[data-incident]');
      const grid = page.locator('[data-panel="incidents"] [role="grid"]');
      await grid.focus();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await page.locator('[data-panel="incident"] .sentence').waitFor();
      const id = new URL(page.url()).searchParams.get('sel');
      const status = async () => (await api(`/incidents/${id}`)).incident.status;
      await page.keyboard.press('f');
      await page.locator('dialog[open]').waitFor();
      await page.keyboard.press('Escape');
      await until('no question', async () => (await page.locator('dialog').count()) === 0);
      assert.equal(await status(), 'open', 'asking changes nothing');
      await page.keyboard.press('a');
      await until('acknowledged', async () => (await status()) === 'acknowledged');
      await page.keyboard.press('a');
      await until('open again', async () => (await status()) === 'open');
    }));

  test('a stopped page stands still, whichever it is', async () => {
    for (const { path, ready: shown } of PAGES) {
      await on(path, async (page) => {
        await ready(page, shown);
        await page.waitForTimeout(500);
        await stop(page);
        // Of a list its first rows: how many have room is the window's, not the data's.
        const text = () => (LISTS.includes(path) ? page.locator(ROW).evaluateAll((rows) => rows.slice(0, 8).map((row) => row.textContent)) : page.locator('main').innerText());
        // What was on its way when it was stopped still arrives, on a busy machine late; then it stands.
        let before = await text();
        await until(`${path} has settled`, async () => {
          await page.waitForTimeout(800);
          const now = await text();
          const same = JSON.stringify(now) === JSON.stringify(before);
          before = now;
          return same;
        });
        await page.waitForTimeout(2_500);
        assert.deepEqual(await text(), before, path);
      });
    }
  });

  test('every panel says what it cannot have, and asks again', async () => {
    for (const { path } of PAGES) {
      let refused = true;
      await on(path, async (page) => {
        const named = await until('panels', async () => { const n = await page.locator('[data-panel]').count(); return n > 0 && n; });
        await until('no panel waits', async () => (await page.locator('[data-panel][data-state="loading"]').count()) === 0, 20_000);
        const failed = page.locator('[data-panel][data-state="error"]');
        assert.ok((await failed.count()) > 0, `${path}: of ${named} panels none says that it failed`);
        // The health strip is fed by the stream and says in its own words that it knows nothing.
        for (const panel of await failed.filter({ has: page.locator('button') }).all()) {
          const text = await panel.textContent();
          assert.match(text, /does not answer/, `${path}: ${text.slice(0, 60)}`);
          assert.ok((await panel.locator('button', { hasText: /again/i }).count()) > 0, `${path}: a panel without a way to ask again`);
        }
        refused = false;
        // The stream waits longer from time to time; told that there is a network, it tries at once.
        await page.evaluate(() => window.dispatchEvent(new Event('online')));
        // They ask again by themselves too, so that one may be gone before it is clicked.
        await until('every panel has its data', async () => {
          const again = failed.locator('button', { hasText: /again/i }).first();
          if ((await again.count()) > 0) await again.click({ timeout: 1_000 }).catch(() => undefined);
          return (await failed.count()) === 0;
        }, 60_000);
      }, { mayComplain: true, prepare: (page) => page.route((url) => url.pathname.startsWith('/api/v1/') && refused, (route) => (refused ? route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({ title: 'The store does not answer', detail: 'Say what to do.' }) }) : route.fallback())) });
    }
  });

  test('severity is a word and a shape, never colour alone', () =>
    on('/incidents?show=all', async (page) => {
      await ready(page, '[data-severity]');
      const marks = await page.locator('[data-severity]').evaluateAll((list) => list.map((mark) => ({ severity: mark.dataset.severity, word: `${mark.textContent} ${mark.getAttribute('aria-label') ?? ''} ${mark.getAttribute('title') ?? ''}`, bars: mark.querySelectorAll('rect.on').length, isMark: mark.matches('.mark') })));
      assert.ok(marks.length > 0);
      const ranks = ['low', 'medium', 'high', 'critical'];
      for (const mark of marks) {
        assert.ok(mark.word.includes(mark.severity), `${mark.severity} is written: ${mark.word}`);
        if (mark.isMark) assert.equal(mark.bars, ranks.indexOf(mark.severity) + 1);
      }
    }));

  test('time is dragged on every chart', async () => {
    const CHARTS = [
      ['/', '.wire .track'],
      ['/', '[data-panel="traffic"] .u-over'],
      ['/trends', '[data-panel="usual-week"] .draggable'],
      ['/trends?range=1h', '[data-panel="kinds"] .draggable'],
    ];
    for (const [path, chart] of CHARTS) {
      await on(path, async (page) => {
        await ready(page, chart);
        // Charts are made anew once when their width is known.
        await page.waitForTimeout(1_000);
        await page.locator(chart).first().evaluate((node) => node.scrollIntoView({ block: 'center' }));
        const box = await page.locator(chart).first().boundingBox();
        const y = box.y + Math.min(box.height / 2, 6);
        await page.mouse.move(box.x + box.width * 0.55, y);
        await page.mouse.down();
        await page.mouse.move(box.x + box.width * 0.8, y, { steps: 5 });
        await page.mouse.up();
        const range = await until(`a range from ${chart}`, () => { const text = new URL(page.url()).searchParams.get('range') ?? ''; return text.includes('..') && text; });
        const [from, to] = range.split('..').map(Date.parse);
        assert.ok(to > from);
        assert.equal(await page.locator('.custom').count(), 1, 'the range is named, with a way back');
      });
    }
  });

  test('the time axis of the scatter is pulled with Shift', () =>
    on('/?range=15m&x=time', async (page) => {
      const canvas = page.locator('canvas[data-scatter]');
      await until('points', async () => Number(await canvas.getAttribute('data-visible')) > 0, PATIENCE_MS);
      await canvas.scrollIntoViewIfNeeded();
      const box = await canvas.boundingBox();
      await page.keyboard.down('Shift');
      await page.mouse.move(box.x + box.width * 0.4, box.y + 100);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.6, box.y + 100, { steps: 4 });
      await page.mouse.up();
      await page.keyboard.up('Shift');
      const range = await until('a range', () => { const text = new URL(page.url()).searchParams.get('range') ?? ''; return text.includes('..') && text; });
      const [from, to] = range.split('..').map(Date.parse);
      assert.ok(Math.abs(to - from - 900_000) <= 2_000, `${to - from} ms long`);
      assert.ok(to < Date.now() - 60_000, 'it went back in time');
    }));

  for (const path of ['/flows', '/incidents?show=all', '/hosts']) {
    test(`${path}: the row under the pointer does not move`, () =>
      on(path, async (page) => {
        await ready(page, ROW);
        const row = page.locator(ROW).first();
        const box = await row.boundingBox();
        await page.mouse.move(box.x + 60, box.y + box.height / 2);
        await page.waitForTimeout(300);
        const under = () => page.evaluate(([x, y]) => { const key = document.elementFromPoint(x, y)?.closest('[data-index]'); return key ? `${key.dataset.index} ${key.querySelector('[data-incident]')?.dataset.incident ?? key.querySelector('[data-host]')?.dataset.host ?? key.querySelector('.mono')?.textContent}` : ''; }, [box.x + 60, box.y + box.height / 2]);
        const before = await under();
        assert.notEqual(before, '');
        for (let n = 0; n < 10; n += 1) {
          await page.waitForTimeout(500);
          assert.equal(await under(), before);
        }
      }));
  }

  test('from a point to its packets', async () => {
    const flow = await until('an anomalous flow of an incident', async () => {
      for (const incident of (await api('/incidents?limit=50')).items) if (incident.flows.length > 0 && incident.evidence.pcap) return { incident };
      return undefined;
    }, PATIENCE_MS);
    await on('/', async (page) => {
      await page.locator('[data-panel="scatter"] button.legend').click();
      await page.locator('[data-chosen] a').first().click();
      await until('the flow', () => pathOf(page) === '/flows');
      await page.locator('[data-panel="flow"] .who a').first().click();
      await until('its host', () => pathOf(page) === '/hosts');
      await page.locator('[data-panel="host"] [data-graph] [data-node]').first().waitFor({ timeout: PATIENCE_MS });
      await page.goto(`${shared.server.url}/incidents?show=all&sel=${flow.incident.id}`);
      await page.locator('[data-panel="incident"] [data-graph] [data-edge="hot"]').first().waitFor({ timeout: PATIENCE_MS });
      const [download] = await Promise.all([page.waitForEvent('download'), page.locator('[data-panel="incident"] a', { hasText: /^Save/ }).click()]);
      assert.match(download.suggestedFilename(), /\.pcapng$/);
    });
  });

  test('who talks to whom: red with a second cue, own networks apart, by keyboard, and as a table', async () => {
    const incident = await until('an incident with flows', async () => (await api('/incidents?limit=50')).items.find((i) => i.flows.length > 0), PATIENCE_MS);
    await on(`/incidents?show=all&sel=${incident.id}`, async (page) => {
      const graph = page.locator('[data-panel="incident"] svg[data-graph]');
      await graph.waitFor({ timeout: PATIENCE_MS });
      const hot = graph.locator('[data-edge="hot"]');
      assert.ok((await hot.count()) > 0);
      assert.equal(await hot.locator('.mark').count(), await hot.count(), 'each red line has a diamond');
      assert.equal(await graph.locator('[data-edge="plain"] .mark').count(), 0);
      const node = graph.locator('[data-node]').first();
      await node.focus();
      assert.match(await node.getAttribute('aria-label'), /line/);
      await page.keyboard.press('Enter');
      await until('the host', () => pathOf(page) === '/hosts');
      await page.goBack();
      await page.locator('[data-panel="incident"] summary', { hasText: 'As a table' }).first().click();
      const rows = await page.locator('[data-graph-table] tbody tr').count();
      const told = await api(`/graph?incident=${incident.id}`);
      assert.equal(rows, told.edges.length);
    });
  });
});
