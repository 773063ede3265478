// Page Trends over the real program: totals of the range, a report made, opened where nothing runs, saved and deleted; exports of the lists.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch, openPage, SKIP, startServer, until } from './browser.mjs';

const WHY_NOT = SKIP || (process.env.TRIPLINE_BIN ? false : 'TRIPLINE_BIN names no program');

if (WHY_NOT) console.error(`SKIP reports: ${WHY_NOT}`);
describe('trends and reports', { skip: WHY_NOT, timeout: 240_000 }, () => {
  let server;
  let browser;
  const fits = (page) => page.evaluate('document.documentElement.scrollWidth <= innerWidth');
  before(async () => {
    server = await startServer();
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  test('a report is made, opened, kept and deleted', async () => {
    const { page, complaints, close } = await openPage(browser);
    await page.goto(`${server.url}/trends`);
    await page.waitForSelector('[data-totals]');
    const rows = await page.locator('[data-totals] tbody th').allTextContents();
    assert.deepEqual(rows.slice(0, 3), ['Traffic', 'Packets', 'Flows']);
    const earlier = await page.locator('[data-report]').count();
    await page.click('[data-make]');
    await until('the report in the list', async () => (await page.locator('[data-report]').count()) === earlier + 1);
    const newest = page.locator('[data-report]').first();
    const href = server.url + (await newest.locator('a.name').getAttribute('href'));
    const answer = await fetch(href);
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'.*sandbox/s);
    assert.equal((await (await fetch(`${href}?format=json`)).json()).schema, 'tripline.report/1');
    const report = await openPage(browser, { viewport: { width: 360, height: 800 } });
    await report.page.goto(href);
    assert.match((await report.page.textContent('h1')) ?? '', /Network report/);
    assert.ok((await report.page.locator('svg').count()) >= 1 && (await fits(report.page)), 'the report fits a telephone');
    assert.deepEqual(report.complaints, []);
    await report.close();
    await newest.locator('[data-delete]').click();
    await newest.locator('[data-sure]').click();
    await until('the report gone', async () => (await page.locator('[data-report]').count()) === earlier);
    assert.equal((await fetch(href)).status, 404);
    await page.setViewportSize({ width: 360, height: 800 });
    assert.ok(await fits(page), 'the page fits a telephone');
    assert.deepEqual(complaints, []);
    await close();
  });

  test('lists are exported in the form that is chosen, with their filter', async () => {
    const { page, close } = await openPage(browser);
    await page.goto(`${server.url}/flows?q=proto:TCP&range=24h`);
    await page.click('[data-export="flows"] button');
    const links = await page.locator('[data-export="flows"] a').evaluateAll((all) => all.map((a) => a.getAttribute('href')));
    assert.equal(links.length, 8);
    const csv = links.find((link) => link.includes('format=csv'));
    assert.match(csv, /q=proto%3ATCP/);
    const lines = (await (await fetch(server.url + csv)).text()).trim().split('\r\n');
    assert.ok(lines.length > 1 && lines.slice(1).every((line) => line.includes(',TCP,')));
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('[data-export="flows"] a').count(), 0);
    await close();
  });
});
