// The first start, help and the documentation in Chromium. The wizard needs a watch of its own: the program of TRIPLINE_BIN with an empty data
// directory and a file of settings.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { violations } from './axe.mjs';
import { SKIP, launch, openPage, startServer, until } from './browser.mjs';

const PROGRAM = process.env.TRIPLINE_BIN;
const PATIENCE_MS = 30_000;

/** A fresh watch with a file to write to. */
async function fresh() {
  const folder = mkdtempSync(join(tmpdir(), 'tripline-first-'));
  const file = join(folder, 'tripline.toml');
  writeFileSync(file, '# ours\n');
  const port = 20_000 + ((process.pid * 7) % 20_000);
  const child = spawn(PROGRAM, ['run', '-q', '-c', file, '--data-dir', join(folder, 'data'), '--listen', `127.0.0.1:${port}`, '--duration', '5m'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const url = `http://127.0.0.1:${port}`;
  await until('an answer of the first start', () => fetch(`${url}/healthz`).then((answer) => answer.ok, () => false));
  const stop = async () => {
    const ended = child.exitCode === null ? once(child, 'exit') : undefined;
    child.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  return { url, file, stop };
}

describe('first start, help and documentation', { skip: SKIP }, () => {
  const shared = {};
  before(async () => {
    shared.browser = await launch();
    shared.server = await startServer();
  });
  after(async () => {
    await shared.browser?.close();
    await shared.server?.stop();
  });

  async function on(url, work, options = {}) {
    const { page, complaints, close } = await openPage(shared.browser, options);
    try {
      await page.goto(url);
      await work(page);
      assert.deepEqual(complaints, []);
    } finally {
      await close();
    }
  }

  test('the first start asks, shows what it will do, writes it, and starts anew', { skip: PROGRAM ? false : 'TRIPLINE_BIN is not set' }, async () => {
    const watch = await fresh();
    const { page, close } = await openPage(shared.browser, { viewport: { width: 1280, height: 900 } });
    try {
      await page.goto(watch.url);
      await page.waitForURL('**/setup**', { timeout: PATIENCE_MS });
      await page.locator('[data-interface="lo"]').waitFor();
      assert.deepEqual(await violations(page), [], 'axe');
      await page.locator('[data-interface="lo"] input').check();
      await page.locator('textarea').fill('127.0.0.0/8\n10.0.0.0/99');
      await page.locator('[data-place="office"] input').check();
      await page.locator('[data-look]').click();
      await page.locator('[data-wrong="networks.home"]').waitFor();
      assert.equal(await page.locator('[data-confirm]').isDisabled(), true);
      await page.locator('textarea').fill('127.0.0.0/8');
      await page.locator('[data-look]').click();
      await page.locator('[data-will]', { hasText: 'lo is watched' }).waitFor();
      await page.locator('[data-difference]', { hasText: '+interfaces = ["lo"]' }).waitFor();
      assert.equal(readFileSync(watch.file, 'utf8'), '# ours\n', 'nothing is written before');
      await page.locator('[data-confirm]').click();
      await page.locator('[data-panel="started"] [data-waits]', { hasText: 'capture.interfaces' }).waitFor();
      assert.match(readFileSync(watch.file, 'utf8'), /^# ours\n[^]*interfaces = \["lo"\]/);
      await page.locator('[data-restart]').click();
      await page.waitForURL((url) => url.pathname === '/', { timeout: PATIENCE_MS });
      await until('lo is watched', async () => (await (await fetch(`${watch.url}/api/v1/summary`)).json()).sources.some((source) => source.name === 'lo' || source.kind === 'host'));
      await page.goto(`${watch.url}/`);
      await page.locator('[data-panel="health"]').waitFor();
      assert.equal(new URL(page.url()).pathname, '/', 'it asks once');
    } finally {
      await close();
      await watch.stop();
    }
  });

  test('each panel has help that opens by keyboard and leads to a page', () =>
    on(`${shared.server.url}/settings`, async (page) => {
      const mark = page.locator('[data-panel="set-budget"] [data-help]');
      await mark.waitFor();
      await mark.focus();
      await page.keyboard.press('Enter');
      await page.locator('[data-panel="set-budget"] [data-help-text]').waitFor();
      const link = await page.locator('[data-panel="set-budget"] [popover] a').getAttribute('href');
      await page.keyboard.press('Escape');
      await until('it is closed', async () => (await page.locator('[data-help-text]').count()) === 0);
      const panels = await page.locator('[data-panel]').count();
      assert.equal(await page.locator('[data-panel] > header [data-help]').count(), panels, 'each has one');
      if (PROGRAM) assert.ok((await fetch(shared.server.url + link)).ok, link);
    }));

  test('the documentation is readable in both themes on a phone and a wide screen, without script', { skip: PROGRAM ? false : 'TRIPLINE_BIN is not set' }, async () => {
    for (const colorScheme of ['light', 'dark']) {
      for (const width of [360, 1920]) {
        await on(`${shared.server.url}/docs/how-to/first-start`, async (page) => {
          assert.equal(await page.locator('h1').innerText(), 'The first start');
          assert.equal(await page.locator('script').count(), 0);
          assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `${width}: nothing sticks out`);
          assert.deepEqual(await violations(page), [], `${colorScheme} ${width}`);
        }, { colorScheme, viewport: { width, height: 800 } });
      }
    }
  });
});
