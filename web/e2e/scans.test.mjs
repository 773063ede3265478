// The Scans page in a real browser: what is refused stands where it belongs, a scan runs, moves, ends and is cancelled, what changed is
// shown and saved, the inventory is searched, and a host shows what scans and traffic know of it in one list.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { violations } from './axe.mjs';
import { until } from './browser.mjs';
import { suite } from './frame.mjs';

const PATIENCE_MS = 90_000;
/** Scans end quickly where only a few ports are asked. */
const QUICK_PORTS = '22';

suite('scans', 600_000, ({ on, api, shared }) => {
  const state = () => api('/scans/state');
  /** The first host of the first allowed network. */
  const target = async () => {
    const [network] = (await state()).allow;
    assert.ok(network, 'the server under test allows a network: [scan] allow = ["127.0.0.0/29"]');
    return network.split('/')[0].replace(/\d+$/, (last) => String(Number(last) + 1));
  };
  const ask = (path, body) => fetch(`${shared.server.url}/api/v1${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body ?? {}) });
  const idle = () => until('no scan that runs', async () => (await state()).running.length === 0, PATIENCE_MS);
  /** A whole scan of the target, asked for beside the page. */
  async function scanned(ports = QUICK_PORTS) {
    await idle();
    const answer = await ask('/scans', { targets: [await target()], backend: 'connect', ports });
    const scan = await answer.json();
    assert.equal(answer.status, 202, JSON.stringify(scan));
    return until('the end of the scan', async () => { const one = (await api(`/scans/${scan.id}`)).scan; return one.state !== 'running' && one; }, PATIENCE_MS);
  }
  const param = (page, name) => new URL(page.url()).searchParams.get(name);
  const refusing = { mayComplain: true };

  test('off: the page says how to allow a network, and offers no scan', () =>
    on('/scans', async (page) => {
      const box = page.locator('[data-panel="scan-state"]');
      await box.locator('[data-off]').waitFor();
      assert.match(await box.locator('pre').textContent(), /^\[scan\]\nallow = \["[\d.]+\/24"\]$/);
      assert.equal(await box.locator('[data-run]').count(), 0);
      assert.deepEqual(await violations(page), []);
    }, { prepare: (page) => page.route('**/api/v1/scans/state', (route) => route.fulfill({ json: { allow: [], nmap: null, missed_scans_down: 3, schedule: [], running: [], last: null, assets: { up: 0, down: 0, ports_open: 0, anomalous: 0 } } })) }));

  test('without nmap it is said what that means; the timetable and its next time are told', () =>
    on('/scans', async (page) => {
      await page.locator('[data-no-nmap]', { hasText: 'own connect probe' }).waitFor();
      assert.match(await page.locator('[data-cell="Next"]').textContent(), /in \d+ h.*every 24 h/s);
      await page.locator('[data-run]').click();
      assert.equal(await page.locator('dialog [data-backend]').getAttribute('data-backend'), 'connect');
      assert.equal(await page.locator('dialog input[value="nmap"]').isDisabled(), true);
    }, { prepare: (page) => page.route('**/api/v1/scans/state', async (route) => {
      const known = await (await route.fetch()).json();
      await route.fulfill({ json: { ...known, nmap: null, schedule: [{ targets: known.allow, every_h: 24, next: new Date(Date.now() + 7.5 * 3_600_000).toISOString() }] } });
    }) }));

  test('what the server refuses stands beside its field', () =>
    on('/scans', async (page) => {
      await idle();
      await page.locator('[data-run]').click();
      const dialog = page.locator('dialog[open]');
      for (const network of (await state()).allow) assert.equal(await dialog.locator(`[data-network="${network}"]`).isChecked(), true);
      await dialog.locator('input[value="connect"]').check({ force: true });
      await dialog.locator('[data-targets]').fill('192.0.2.77');
      await dialog.locator('[data-confirm]').click();
      await dialog.locator('fieldset [data-refused="targets"]', { hasText: '192.0.2.77' }).waitFor();
      assert.match(await dialog.locator('[data-refused="targets"]').textContent(), /allow/, 'it says what to write');
      await dialog.locator('[data-targets]').fill(await target());
      await until('the refusal is gone', async () => (await dialog.locator('[data-refused]').count()) === 0);
      await dialog.locator('[data-ports]').fill('22,nonsense');
      await dialog.locator('[data-confirm]').click();
      await dialog.locator('[data-refused="ports"]').waitFor();
      assert.equal((await state()).running.length, 0);
      await dialog.locator('[data-targets]').fill('');
      for (const box of await dialog.locator('[data-network]').all()) await box.uncheck();
      assert.equal(await dialog.locator('[data-confirm]').isDisabled(), true, 'nothing is chosen');
    }, refusing));

  test('a scan begins, its bar moves, a second one is refused, and it is cancelled', () =>
    on('/scans', async (page) => {
      await idle();
      await page.locator('[data-run]').click();
      const dialog = page.locator('dialog[open]');
      await dialog.locator('input[value="connect"]').check({ force: true });
      await dialog.locator('[data-ports]').fill('1-60000');
      await dialog.locator('[data-confirm]').click();
      const run = page.locator('[data-running]');
      await run.waitFor();
      const id = await run.getAttribute('data-running');
      await page.locator(`[data-scan="${id}"][data-scan-state="running"]`).waitFor();
      const percent = () => run.locator('[data-progress]').getAttribute('data-progress');
      const first = await percent();
      await until('a bar that moves', async () => (await percent()) !== first);
      await page.locator('[data-run]').click();
      await page.locator('dialog [data-confirm]').click();
      await page.locator('dialog [data-refused="form"]', { hasText: /runs/ }).waitFor();
      await page.keyboard.press('Escape');
      await run.locator('[data-cancel]').click();
      await page.locator(`[data-scan="${id}"][data-scan-state="cancelled"]`).waitFor();
      await until('no bar', async () => (await run.count()) === 0);
      assert.equal((await api(`/scans/${id}`)).scan.state, 'cancelled');
    }, refusing));

  test('a scan that ends is in the list and opens by keyboard with its hosts', async () => {
    const scan = await scanned();
    await on('/scans', async (page) => {
      await page.locator(`[data-scan="${scan.id}"][data-scan-state="done"]`).waitFor();
      await page.keyboard.press('j');
      await until('the newest is chosen', async () => param(page, 'sel') === scan.id);
      await page.locator('[data-panel="scan"] [data-part] label', { hasText: 'Hosts' }).click();
      await page.locator(`[data-scan-hosts="${(await api(`/scans/${scan.id}/hosts`)).total}"]`).waitFor();
      await page.locator('[data-scan-host]').first().click();
      await page.locator('[data-panel="asset"] [data-asset-detail]').waitFor();
      assert.equal(param(page, 'view'), 'inventory');
      await page.keyboard.press('Escape');
      await until('nothing chosen', async () => param(page, 'sel') === null);
    });
  });

  test('what changed is shown line by line, saved as a file, and brought back by its address', async () => {
    if (process.env.TRIPLINE_URL) {
      const listener = createServer().listen(0, '127.0.0.1');
      await once(listener, 'listening');
      const { port } = listener.address();
      listener.close();
      await once(listener, 'close');
      await scanned(`${port}`);
      listener.listen(port, '127.0.0.1');
      await once(listener, 'listening');
      await scanned(`${port}`);
      listener.close();
    }
    const scan = await until('a scan with changes', async () => (await api('/scans?limit=100')).items.find((one) => one.changes > 0 && one.state === 'done'), PATIENCE_MS);
    const difference = await api(`/scans/${scan.id}/diff`);
    await on(`/scans?sel=${scan.id}`, async (page) => {
      const box = page.locator('[data-changes]');
      await box.locator('[data-tally]').waitFor();
      assert.equal(await box.locator('[data-change]').count(), difference.hosts.length);
      assert.ok((await box.locator('[data-sign]').count()) > 0);
      for (const format of ['text', 'json', 'xml']) {
        const href = await page.locator(`[data-save="${format}"]`).getAttribute('href');
        const file = await fetch(shared.server.url + href);
        assert.equal(file.status, 200, href);
        assert.notEqual(await file.text(), '');
      }
      const other = page.locator('[data-with] option');
      const values = await other.evaluateAll((all) => all.map((one) => one.value));
      const another = values.find((value) => value && value !== scan.previous);
      if (another) {
        await page.locator('[data-with]').selectOption(another);
        await until('the address has it', async () => param(page, 'with') === another);
        await page.reload();
        await page.locator('[data-with]').waitFor();
        await until('the same choice', async () => (await page.locator('[data-with]').inputValue()) === another);
      }
    });
  });

  test('a file of nmap is taken in; one that is cut short is refused in words', async () => {
    const host = '<host><status state="up" reason="syn-ack"/><address addr="127.0.0.3" addrtype="ipv4"/><ports><port protocol="tcp" portid="22"><state state="open" reason="syn-ack"/></port></ports></host>';
    const whole = `<?xml version="1.0"?><nmaprun scanner="nmap" args="nmap -oX - 127.0.0.3" start="1767600000" version="7.93" xmloutputversion="1.05">${host}<runstats><finished time="1767600009" exit="success"/></runstats></nmaprun>`;
    const file = (text) => ({ name: 'monday.xml', mimeType: 'text/xml', buffer: Buffer.from(text) });
    await on('/scans', async (page) => {
      const field = page.locator('[data-panel="scan-state"] [data-import]');
      await field.setInputFiles(file(whole.slice(0, -60)));
      await page.locator('[data-refused="import"]', { hasText: /cut short/ }).waitFor();
      await page.locator('button', { hasText: 'Dismiss' }).first().click();
      await field.setInputFiles(file(whole));
      await page.locator('[data-toast]', { hasText: 'monday.xml was taken in: 1 host' }).waitFor();
      await page.locator('[data-toast] [data-undo]').click();
      await until('the scan is shown', async () => param(page, 'sel') !== null);
      assert.equal((await api(`/scans/${param(page, 'sel')}`)).scan.origin, 'import');
    }, refusing);
  });

  test('a scan equal to the one before says so', async () => {
    await scanned();
    const scan = await scanned();
    assert.equal(scan.changes, 0);
    await on(`/scans?sel=${scan.id}`, async (page) => {
      await page.locator('[data-equal]').waitFor();
    });
  });

  test('the inventory is searched, sorted and opened; its address brings the same back', async () => {
    const { items: [first] } = await api('/assets?sort=ports&limit=1');
    await on('/scans?view=inventory', async (page) => {
      await page.locator('[data-asset]').first().waitFor();
      await page.locator('label', { hasText: 'Open ports' }).click();
      await page.locator('[data-asset]').first().waitFor();
      await page.keyboard.press('/');
      await page.keyboard.type(`ip:${first.addresses[0]}`);
      await page.keyboard.press('Enter');
      await page.locator('[data-panel="assets"] [data-total="1"]').waitFor();
      await page.evaluate(() => document.activeElement?.blur());
      await page.keyboard.press('j');
      const detail = page.locator(`[data-asset-detail="${first.key}"]`);
      await detail.waitFor();
      const { ports, history } = await api(`/assets/${encodeURIComponent(first.key)}`);
      if (ports.length > 0) await detail.locator(`[data-port="${ports[0].port}/${ports[0].protocol}"]`).waitFor();
      assert.equal(await detail.locator('[data-event]').count(), Math.min(30, history.length));
      const address = page.url();
      await page.goto(address);
      await detail.waitFor();
      assert.equal(await page.locator('input[data-search]').inputValue(), `ip:${first.addresses[0]}`);
      assert.equal(await page.locator('input[value="ports"]').isChecked(), true);
      await page.keyboard.press('Escape');
      await page.locator('input[data-search]').fill('nothing:1');
      await page.keyboard.press('Enter');
      await page.locator('[data-panel="assets"] [role="alert"]', { hasText: /nknown field/ }).waitFor();
    }, refusing);
  });

  test('three thousand hosts: few rows in the document, the last one is reached', async () => {
    const { items: [one] } = await api('/assets?limit=1');
    const all = Array.from({ length: 3_000 }, (_, n) => ({ ...one, key: `key-${n}`, addresses: [`10.99.${n >> 8}.${n & 255}`], anomaly: null }));
    await on('/scans?view=inventory', async (page) => {
      await page.locator('[data-asset="key-0"]').waitFor();
      const grid = page.locator('[role="grid"][aria-label="Inventory"]');
      await until('the last host', async () => {
        assert.ok((await page.locator('[data-asset]').count()) < 120, 'only what is in view is in the document');
        await grid.evaluate((node) => node.scrollTo(0, node.scrollHeight));
        return (await page.locator('[data-asset="key-2999"]').count()) === 1;
      });
    }, { prepare: (page) => page.route((url) => url.pathname === '/api/v1/assets', (route) => {
      const query = new URL(route.request().url()).searchParams;
      const [from, limit] = [Number(query.get('cursor') ?? 0), Number(query.get('limit') ?? 100)];
      return route.fulfill({ json: { items: all.slice(from, from + limit), total: all.length, next_cursor: from + limit < all.length ? String(from + limit) : null } });
    }) });
  });

  test('an anomaly is red with a second cue, says why, and leads to its incident and its host', async () => {
    await scanned();
    const { last } = await state();
    const { items: [asset] } = await api('/assets?limit=1');
    const finding = { scan: last.id, at: last.started, key: asset.key, score: 0.98, p_value: 0.0002, text: 'It opened 4444/tcp', incident: '1f', reasons: [{ feature: 'ports_open', words: 'open ports', value: 9, expected_low: 2, expected_high: 3, of: 'history' }] };
    await on('/scans', async (page) => {
      const box = page.locator('[data-panel="scan-findings"]');
      await box.locator(`[data-finding="${asset.key}"]`, { hasText: 'It opened 4444/tcp' }).waitFor();
      assert.match(await box.locator('[data-feature="ports_open"]').textContent(), /Open ports.*9.*expected 2 to 3 by its own past/s);
      assert.equal(await box.locator('[aria-label="anomalous"]').count(), 1);
      assert.match(await box.locator('[data-incident-link]').getAttribute('href'), /\/incidents\?.*sel=1f/);
      await box.locator('a', { hasText: 'Host' }).click();
      await page.locator('[data-panel="asset"]').waitFor();
      assert.equal(param(page, 'sel'), asset.key);
    }, { prepare: (page) => page.route((url) => url.pathname === `/api/v1/scans/${last.id}`, (route) => route.fulfill({ json: { scan: { ...last, anomalies: 1 }, findings: [finding] } })) });
  });

  test('a host shows what traffic and scans know of it in one list, and can be scanned where that is allowed', async () => {
    const { items: [asset] } = await api('/assets?sort=ports&limit=1');
    const ip = asset.addresses[0];
    const host = await until('a host', async () => (await api('/hosts?limit=1')).items[0], PATIENCE_MS);
    const known = await api(`/hosts/${host.ip}`);
    const now = new Date().toISOString();
    const service = { port: 53, proto: 'UDP', flows: 7, first_seen: now, last_seen: now };
    const { ports } = await api(`/assets/${encodeURIComponent(asset.key)}`);
    await on(`/hosts?sel=${ip}`, async (page) => {
      const box = page.locator('[data-panel="host"]');
      await box.locator('[data-service="53/udp"]').waitFor();
      for (const port of ports.slice(0, 3)) await box.locator(`[data-service="${port.port}/${port.protocol}"]`).waitFor();
      await box.locator('[data-scan-now]').waitFor();
      await box.locator(`[data-asset-link="${asset.key}"]`).click();
      await page.locator(`[data-asset-detail="${asset.key}"]`).waitFor();
    }, { prepare: async (page) => {
      await page.route((url) => url.pathname === `/api/v1/hosts/${ip}`, (route) => route.fulfill({ json: { ...known, host: { ...known.host, ip }, services: [service], asset } }));
      await page.route((url) => url.pathname === `/api/v1/hosts/${ip}/course`, (route) => route.fulfill({ json: { fine: [], coarse: [], usual_days: 0, usual: [] } }));
    } });
  });

  for (const [path, panel, question, row] of [['/scans', 'scans', '/api/v1/scans', '[data-scan]'], ['/scans?view=inventory', 'assets', '/api/v1/assets', '[data-asset]']]) {
    test(`${path}: a refused list says why, and recovers`, () => {
      let refused = true;
      return on(path, async (page) => {
        const box = page.locator(`[data-panel="${panel}"]`);
        await box.locator('[role="alert"]', { hasText: 'The store does not answer' }).waitFor();
        assert.equal(await box.locator('[data-total]').filter({ hasText: /\d/ }).count(), 0, 'no count is made up');
        refused = false;
        await box.locator('button', { hasText: 'Try again' }).click();
        await page.locator(row).first().waitFor();
        await until('the refusal is gone', async () => (await box.locator('[role="alert"]').count()) === 0);
      }, { mayComplain: true, prepare: (page) => page.route((url) => url.pathname === question, (route) => (refused ? route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({ title: 'The store does not answer', detail: 'Stop the other program.' }) }) : route.fallback())) });
    });
  }

  for (const colorScheme of ['light', 'dark']) {
    for (const [path, ready] of [['/scans', '[data-panel="scan"] [data-changes]'], ['/scans?view=inventory', '[data-panel="asset"] [data-asset-detail]']]) {
      test(`accessibility of ${path}, ${colorScheme}`, () =>
        on(path, async (page) => {
          await page.locator('[data-scan], [data-asset]').first().waitFor();
          await page.keyboard.press('j');
          await page.locator(ready).waitFor();
          await page.keyboard.press(' ');
          await page.locator('[data-paused]').waitFor();
          assert.deepEqual(await violations(page), []);
        }, { colorScheme, reducedMotion: 'reduce' }));
    }
    test(`accessibility of the question for a scan, ${colorScheme}`, () =>
      on('/', async (page) => {
        await page.keyboard.press('g');
        await page.keyboard.press('n');
        await page.locator('[data-run]').click();
        await page.locator('dialog[open] [data-confirm]').waitFor();
        assert.deepEqual(await violations(page), []);
      }, { colorScheme, reducedMotion: 'reduce' }));
  }

  test('on a phone nothing is wider than the window', () =>
    on('/scans', async (page) => {
      await page.locator('[data-scan]').first().click();
      await page.locator('[data-panel="scan"] [data-changes]').waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true);
    }, { viewport: { width: 360, height: 740 } }));
});
