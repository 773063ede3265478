// How fast the page is, measured in Chromium against a running Tripline and printed as JSON: what the first load weighs and takes, the frame
// rate while 50,000 points are pulled along the time axis, and how long the queries behind each page take. Nothing is asserted.
//
//   TRIPLINE_URL=http://127.0.0.1:7070 node bench/page.mjs

import { gzipSync } from 'node:zlib';
import { launch, openPage, startServer } from '../e2e/browser.mjs';

const POINTS = 50_000;
const PULL_MS = 5_000;
const LOADS = 5;
const PAGES = ['/', '/packets', '/flows', '/incidents?show=all', '/hosts', '/scans', '/trends', '/captures', '/models', '/settings'];

const middle = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const server = await startServer();
const browser = await launch();

/** Bytes as they travel compressed, and times of an empty cache. */
async function firstLoad(path) {
  const times = [];
  let bytes = 0;
  for (let n = 0; n < LOADS; n += 1) {
    const { page, close } = await openPage(browser);
    await page.goto(server.url + path);
    await page.locator('main [data-panel]').first().waitFor();
    times.push(await page.evaluate(() => performance.now()));
    if (n === 0) {
      const names = await page.evaluate(() => performance.getEntriesByType('resource').filter((r) => /\.(js|css|woff2)$/.test(r.name)).map((r) => r.name));
      for (const name of names) {
        const body = Buffer.from(await (await fetch(name)).arrayBuffer());
        bytes += name.endsWith('.woff2') ? body.length : gzipSync(body).length;
      }
    }
    await close();
  }
  return { path, compressed_bytes: bytes, first_panel_ms: Math.round(middle(times)) };
}

/** Frames a second while the pointer pulls the time axis of a full scatter to and fro. */
async function pulling() {
  const { page, close } = await openPage(browser);
  const now = Date.now();
  const points = Array.from({ length: POINTS }, (_, i) => [i + 1, now - 300_000 * ((i * 7919) % POINTS) / POINTS, 10 ** ((i % 60) / 10), 10 ** (2 + ((i * 31) % 70) / 10), ((i * 17) % 1000) / 1000, i % 97 === 0 ? 1 : 0]);
  await page.route((url) => url.pathname === '/api/v1/flows/scatter', (route) => route.fulfill({ json: { points, total: POINTS } }));
  await page.goto(`${server.url}/?x=time&range=${new Date(now - 300_000).toISOString()}..${new Date(now).toISOString()}`);
  const canvas = page.locator('canvas[data-scatter]');
  await page.waitForFunction((n) => Number(document.querySelector('canvas[data-scatter]')?.dataset.visible) > n * 0.9, POINTS);
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  const y = box.y + box.height / 2;
  await page.evaluate(() => {
    globalThis.frames = [];
    const step = (at) => {
      globalThis.frames.push(at);
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
  await page.keyboard.down('Shift');
  await page.mouse.move(box.x + box.width / 2, y);
  await page.mouse.down();
  const end = Date.now() + PULL_MS;
  for (let n = 0; Date.now() < end; n += 1) await page.mouse.move(box.x + box.width / 2 + 120 * Math.sin(n / 20), y);
  const frames = await page.evaluate(() => globalThis.frames);
  const before = page.url();
  await page.mouse.up();
  await page.waitForTimeout(300);
  const pulled = page.url() !== before;
  await close();
  const gaps = frames.slice(1).map((at, i) => at - frames[i]).sort((a, b) => a - b);
  const seconds = (frames.at(-1) - frames[0]) / 1000;
  return { points: POINTS, pulled, frames_per_s: Number((frames.length / seconds).toFixed(1)), gap_ms_median: Number(middle(gaps).toFixed(1)), gap_ms_p99: Number(gaps[Math.floor(gaps.length * 0.99)].toFixed(1)) };
}

/** The slowest answer behind each page, as the browser saw it. */
async function queries(path) {
  const { page, close } = await openPage(browser);
  await page.goto(server.url + path);
  await page.waitForTimeout(3_000);
  const asked = await page.evaluate(() => performance.getEntriesByType('resource').filter((r) => r.name.includes('/api/v1/') && !r.name.includes('/live')).map((r) => ({ path: new URL(r.name).pathname, ms: Math.round(r.responseEnd - r.requestStart) })));
  await close();
  return { path, slowest: asked.sort((a, b) => b.ms - a.ms).slice(0, 3) };
}

try {
  const report = { first_load: [], scatter: undefined, queries: [] };
  for (const path of PAGES) report.first_load.push(await firstLoad(path));
  report.scatter = await pulling();
  for (const path of PAGES) report.queries.push(await queries(path));
  console.log(JSON.stringify(report, null, 2));
} finally {
  await browser.close();
  await server.stop();
}
