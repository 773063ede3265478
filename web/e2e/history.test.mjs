// Weeks of history: a store with six weeks of hours and 100,000 incidents, made here with Python's own SQLite. The usual week, the heat map,
// the kinds, two periods, and lists that stay quick; and the same page without any history.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { violations } from './axe.mjs';
import { launch, openPage, SKIP, until } from './browser.mjs';

const PROGRAM = process.env.TRIPLINE_BIN;
const HAS_PYTHON = (() => { try { execFileSync('python3', ['-c', 'import sqlite3']); return true; } catch { return false; } })();
const WHY_NOT = SKIP || (!PROGRAM && 'TRIPLINE_BIN names no program') || (!HAS_PYTHON && 'python3 is missing') || false;
if (WHY_NOT) console.error(`SKIP weeks of history on the page: ${WHY_NOT}`);

const WEEKS = 6;
/** With those that the demo itself makes the bound of 100,000 is not reached. */
const INCIDENTS = 99_900;

/** Hours of six weeks: busy on working days, one hour of this week ten times as busy; incidents of four kinds over the same time. */
const SEED = `
import json, sqlite3, sys, time
path, weeks, many = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
db = sqlite3.connect(path)
hour = int(time.time()) // 3600
ids = {}
for name in ("bytes", "packets", "flows", "flows_anomalous", "bytes.tcp", "bytes.udp"):
    db.execute("INSERT OR IGNORE INTO metrics (name) VALUES (?)", (name,))
    ids[name] = db.execute("SELECT id FROM metrics WHERE name = ?", (name,)).fetchone()[0]
for back in range(1, weeks * 168):
    at = (hour - back) * 3600
    day, h = (at // 86400 + 3) % 7, at // 3600 % 24
    base = (2e5 if day < 5 and 8 <= h < 18 else 2e4) * (1 + (back * 7919 % 13) / 50)
    if back == 30:
        base *= 30
    for name, share in (("bytes", 1), ("packets", 1 / 700), ("flows", 1 / 20000), ("flows_anomalous", 1 / 900000), ("bytes.tcp", 0.8), ("bytes.udp", 0.2)):
        db.execute("INSERT OR REPLACE INTO series VALUES (3600, ?, ?, ?, 3600)", (ids[name], at, base * share * 3600))
body = db.execute("SELECT body FROM incidents LIMIT 1").fetchone()
one = json.loads(body[0])
one["timeline"], one["flows"], one["notes"] = [], [], []
kinds = ["port_scan", "beacon", "dns_tunnel", "brute_force"]
words = lambda s: time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(s))
rows = []
span = weeks * 7 * 86400 - 7200
for n in range(many):
    at = hour * 3600 - 3600 - n * span // many
    kind = kinds[0 if n % 11 else n % 4]
    one.update(id="%016x" % (n + 1), kind=kind, title="Made-up incident number %d" % n, raised=words(at), first_seen=words(at), last_seen=words(at), status="closed", severity="low", over_budget=False)
    rows.append((one["id"], at * 10**9, at * 10**9, at * 10**9, kind, one["title"], 0, "closed", one["score"], 1, 0, "", json.dumps(one)))
db.executemany("INSERT OR IGNORE INTO incidents (id, raised_ns, first_ns, last_ns, kind, title, severity, status, score, alerts, over_budget, feedback, body) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", rows)
db.commit()
`;

async function start(command, folder, port, more = []) {
  const child = spawn(PROGRAM, ['-q', ...command, '--listen', `127.0.0.1:${port}`, '--data-dir', folder, '--duration', '10m', ...more], { stdio: ['ignore', 'ignore', 'inherit'] });
  const url = `http://127.0.0.1:${port}`;
  await until('an answer of the server', async () => {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    return fetch(`${url}/healthz`).then((answer) => answer.ok, () => false);
  }, 60_000);
  const stop = async () => {
    const ended = child.exitCode === null ? once(child, 'exit') : undefined;
    child.kill();
    await ended;
  };
  return { url: process.env.TRIPLINE_PAGE ?? url, stop, api: async (path) => (await fetch(`${url}/api/v1${path}`)).json() };
}

describe('weeks of history on the page', { skip: WHY_NOT, timeout: 900_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tripline-history-'));
  const port = Number(process.env.TRIPLINE_PAGE_PORT ?? 15_000 + (process.pid % 10_000));
  let server;
  let browser;
  before(async () => {
    browser = await launch();
    const first = await start(['demo'], folder, port);
    await until('an incident to copy', async () => (await first.api('/incidents?limit=1')).items[0], 180_000);
    await first.stop();
    execFileSync('python3', ['-c', SEED, join(folder, 'tripline.db'), String(WEEKS), String(INCIDENTS)]);
    server = await start(['demo'], folder, port);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const on = async (path, checks, options = {}) => {
    const { page, complaints, close } = await openPage(browser, options);
    try {
      if (options.prepare) await options.prepare(page);
      await page.goto(server.url + path);
      await checks(page);
      assert.deepEqual(complaints, [], 'the console is clean');
    } finally {
      await close();
    }
  };

  test('this week stands on the usual one, and the hour that does not is marked', () =>
    on('/trends', async (page) => {
      const panel = page.locator('[data-panel="usual-week"]');
      await panel.locator('[data-history]').waitFor({ timeout: 30_000 });
      assert.ok(Number(await panel.locator('[data-history]').getAttribute('data-history')) >= 4);
      assert.ok((await panel.locator('.knot').count()) >= 1, 'the busy hour has a diamond');
      await panel.locator('summary').click();
      const rows = await panel.locator('[data-week] tbody tr').allTextContents();
      assert.equal(rows.length, 168);
      assert.ok(rows.filter((row) => row.includes('far above')).length <= 6, 'and most hours have none');
      assert.ok(rows.filter((row) => /bit\/s.*bit\/s/.test(row)).length > 150, 'both are known of nearly every hour');
    }));

  test('hours of the week: by colour, by number, by keyboard', () =>
    on('/trends', async (page) => {
      const cell = (hour) => page.locator(`[data-panel="heat"] [data-hour="${hour}"]`);
      await cell(0).waitFor({ timeout: 30_000 });
      assert.equal(await page.locator('[data-panel="heat"] [data-hour]').count(), 168);
      const strengths = await page.locator('[data-panel="heat"] [data-hour]').evaluateAll((list) => list.map((one) => Number(one.dataset.strength)));
      assert.ok(Math.max(...strengths) === 100 && Math.min(...strengths) < 60, 'busy and quiet hours differ');
      await cell(0).focus();
      for (const key of ['ArrowRight', 'ArrowDown', 'ArrowLeft']) await page.keyboard.press(key);
      assert.equal(await page.evaluate(() => document.activeElement?.dataset.hour), '24');
      assert.match(await cell(24).getAttribute('aria-label'), /Tuesday 00:00: .*bit\/s/);
      await page.keyboard.press('Enter');
      const range = await until('its newest like', () => { const text = new URL(page.url()).searchParams.get('range') ?? ''; return text.includes('..') && text; });
      const [from, to] = range.split('..').map((text) => new Date(text));
      assert.deepEqual([from.getDay(), from.getHours(), to - from], [2, 0, 3_600_000]);
    }));

  test('incidents by kind, and what a bar counts', () =>
    on('/trends?range=7d', async (page) => {
      const scans = page.locator('[data-kind="port_scan"]');
      await scans.waitFor({ timeout: 30_000 });
      assert.ok((await scans.locator('.bar').count()) > 20);
      const told = (await server.api('/incidents/counts')).kinds.find((kind) => kind.kind === 'port_scan').total;
      assert.ok(told > 10_000, `${told} port scans in a week`);
      await scans.locator('a.name').click();
      await until('the inbox', () => new URL(page.url()).pathname === '/incidents');
      assert.equal(new URL(page.url()).searchParams.get('q'), 'kind:port_scan');
    }));

  test('two periods of one\'s choice, with the difference', () =>
    on('/trends?range=24h&with=week', async (page) => {
      const table = page.locator('[data-totals]');
      await table.waitFor({ timeout: 30_000 });
      for (const group of ['totals', 'protocols', 'hosts', 'kinds']) assert.ok((await table.locator(`[data-group="${group}"] tr`).count()) > 0, group);
      assert.match(await table.locator('[data-group="kinds"] tr', { hasText: 'Port scan' }).textContent(), /\d/);
      await page.locator('[data-panel="totals"] label', { hasText: 'another time' }).click();
      const fields = page.locator('[data-periods] input');
      assert.equal(await fields.count(), 4);
      await fields.nth(2).fill('2026-01-02T00:00');
      await fields.nth(3).fill('2026-01-01T00:00');
      await page.locator('[data-periods] [role="alert"]').waitFor();
      const local = (daysAgo) => { const at = new Date(Date.now() - daysAgo * 86_400_000); at.setMinutes(at.getMinutes() - at.getTimezoneOffset()); return at.toISOString().slice(0, 16); };
      for (const [i, daysAgo] of [8, 7, 20, 18].entries()) await fields.nth(i).fill(local(daysAgo));
      await page.locator('[data-periods] button').click();
      await until('both in the address', () => new URL(page.url()).searchParams.get('with')?.includes('..'));
      await page.locator('[data-spans]', { hasText: 'per hour' }).waitFor();
    }));

  test('a hundred thousand incidents: few rows in the document, and they scroll', () =>
    on('/incidents?show=all', async (page) => {
      await page.locator('[data-incident]').first().waitFor({ timeout: 30_000 });
      assert.ok(Number(await page.locator('[data-panel="incidents"] [data-total]').getAttribute('data-total')) > 90_000);
      const grid = page.locator('[data-panel="incidents"] [role="grid"]');
      for (let n = 0; n < 8; n += 1) {
        await grid.evaluate((node) => node.scrollTo(0, node.scrollHeight));
        await page.waitForTimeout(150);
        assert.ok((await page.locator('[data-panel="incidents"] [data-index]').count()) < 120, 'rows in the document');
      }
      const last = await page.locator('[data-panel="incidents"] [data-index]').last().getAttribute('data-index');
      assert.ok(Number(last) > 600, `row ${last}`);
    }));

  for (const colorScheme of ['light', 'dark']) {
    for (const width of [360, 1920]) {
      test(`a full page of trends is accessible and fits: ${colorScheme}, ${width} px`, () =>
        on('/trends?range=7d', async (page) => {
          await page.locator('[data-kind]').first().waitFor({ timeout: 30_000 });
          await page.locator('[data-totals] [data-group="kinds"] tr').first().waitFor();
          await page.keyboard.press(' ');
          await page.locator('[data-paused]').waitFor();
          assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, 'wider than the window');
          assert.deepEqual(await violations(page), []);
        }, { colorScheme, reducedMotion: 'reduce', viewport: { width, height: 900 } }));
    }
  }

  test('without history it is said how much there is', async () => {
    const empty = { from: '2026-01-01T00:00:00Z', step_s: 3600 };
    await on('/trends', async (page) => {
      await page.locator('[data-panel="usual-week"][data-state="empty"]', { hasText: 'Nothing is stored' }).waitFor();
      await page.locator('[data-panel="heat"][data-state="empty"]').waitFor();
      await page.locator('[data-panel="kinds"][data-state="empty"]', { hasText: 'No incident was told' }).waitFor();
      await page.locator('[data-panel="totals"][data-state="empty"]').waitFor();
      await page.locator('[data-no-database]', { hasText: 'geoip.country_file' }).waitFor();
    }, { prepare: async (page) => {
      await page.route((url) => url.pathname === '/api/v1/series', (route) => { const metrics = new URL(route.request().url()).searchParams.get('metric').split(','); const all = metrics.map((metric) => ({ ...empty, metric, values: [null, null] })); return route.fulfill({ json: metrics.length > 1 ? all : all[0] }); });
      await page.route((url) => url.pathname === '/api/v1/incidents/counts', (route) => route.fulfill({ json: { ...empty, buckets: 1, oldest: null, kinds: [] } }));
      await page.route((url) => url.pathname === '/api/v1/top', (route) => route.fulfill({ json: { items: [] } }));
    } });
  });

  test('countries: a map that is loaded only then, a table, and where they lead', () =>
    on('/trends', async (page) => {
      await page.locator('[data-country="NL"] a').waitFor({ timeout: 30_000 });
      await page.locator('[data-panel="world"] path.there').first().waitFor();
      assert.ok((await page.locator('[data-panel="world"] path').count()) > 150);
      assert.equal(await page.locator('[data-panel="world"] path.there').count(), 2);
      await page.locator('[data-country="NL"] a').click();
      await until('the hosts there', () => new URL(page.url()).searchParams.get('q') === 'country:NL');
    }, { prepare: (page) => page.route((url) => url.pathname === '/api/v1/countries', (route) => route.fulfill({ json: { available: true, database: 'Test, made 2026-01-01', cut: false, items: [{ country: 'NL', hosts: 3, bytes: 5_000_000, flows: 12 }, { country: 'US', hosts: 1, bytes: 900, flows: 2 }] } })) }));
});
