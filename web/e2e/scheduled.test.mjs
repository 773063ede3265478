// Twenty scans that the timetable makes of real services on loopback, by the program and its page: the one host that changed is the anomaly,
// the others are not. The services are this test's own; nothing but 127.0.0.0/29 is scanned.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { launch, openPage, SKIP, until } from './browser.mjs';

const PROGRAM = process.env.TRIPLINE_BIN;
const WHY_NOT = SKIP || (PROGRAM ? false : 'TRIPLINE_BIN names no program');
const SCANS = 20;
const CHANGED = '127.0.0.4';
const HOSTS = [1, 2, 3, 4, 5, 6].map((last) => `127.0.0.${last}`);
/** Below the ports that systems hand out, which are never named. */
const PORTS = Array.from({ length: 12 }, (_, n) => 21_300 + n * 7);
const USUAL = PORTS.slice(0, 3);
const OPENED = PORTS[9];

/** A service that greets who comes; null where something else has the port. */
async function service(address, port) {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end('SSH-2.0-OpenSSH_9.2\r\n');
  });
  server.listen(port, address);
  await once(server, 'listening');
  return server;
}

const settings = (everyH) => [
  '[scan]',
  'allow = ["127.0.0.0/29"]',
  `every_h = ${everyH}`,
  `ports = "${PORTS.join(',')}"`,
  'services = false',
  'rate_packets_per_s = 5000',
  '[host]',
  'watch = false',
];

/** The program, live: nothing comes to its collector, and it scans by itself every 3.6 seconds. */
async function start(folder, port) {
  const write = (everyH) => writeFileSync(join(folder, 'scheduled.toml'), settings(everyH).join('\n'));
  write(0.001);
  const args = ['-q', 'run', '-c', join(folder, 'scheduled.toml'), '--collect', `127.0.0.1:${port + 1}`, '--listen', `127.0.0.1:${port}`, '--data-dir', join(folder, 'data'), '--duration', '10m'];
  const child = spawn(PROGRAM, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const url = `http://127.0.0.1:${port}`;
  await until('an answer of the server', async () => {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    return fetch(`${url}/healthz`).then((answer) => answer.ok, () => false);
  });
  const stop = async () => {
    const ended = child.exitCode === null ? once(child, 'exit') : undefined;
    child.kill();
    await ended;
  };
  /** No more scans by themselves: the settings are read again. */
  const rest = () => {
    write('0.0');
    child.kill('SIGHUP');
  };
  return { url, stop, rest };
}

if (WHY_NOT) console.error(`SKIP scheduled: ${WHY_NOT}`);
describe('scheduled', { skip: WHY_NOT, timeout: 600_000 }, () => {
  test('of twenty scans of the timetable the host that changed is the anomaly', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tripline-scheduled-'));
    const services = [];
    let server, browser;
    try {
      for (const address of HOSTS) for (const port of USUAL) services.push(await service(address, port));
      server = await start(folder, 41_000 + (process.pid % 2_000) * 2);
      const api = async (path) => (await fetch(`${server.url}/api/v1${path}`)).json();
      const done = async () => (await api('/scans?limit=100')).items.filter((scan) => scan.state === 'done' && scan.origin === 'schedule');
      await until('all but the last of the scans', async () => (await done()).length >= SCANS - 1, 400_000);
      const before = await done();
      assert.ok(before.every((scan) => scan.anomalies === 0), 'nothing is strange while nothing changes');
      await until('no scan that runs', async () => (await api('/scans/state')).running.length === 0);
      services.push(await service(CHANGED, OPENED));
      const opened = new Date().toISOString();
      const last = await until('a scan after the change', async () => (await done()).find((scan) => scan.started > opened), 60_000);

      server.rest();
      await until('no timetable', async () => { const now = await api('/scans/state'); return now.schedule.length === 0 && now.running.length === 0; });
      // What a scan found is there with its end; what is told of it goes by the judge, a moment later.
      const findings = await until('a finding that is part of an incident', async () => {
        const { findings: now } = await api(`/scans/${last.id}`);
        return now.some((finding) => finding.incident) && now;
      });
      assert.deepEqual(findings.map((finding) => finding.key), [CHANGED], JSON.stringify(findings));
      assert.match(findings[0].text, new RegExp(String(OPENED)));
      assert.ok(findings[0].reasons.some((reason) => reason.value > reason.expected_high), JSON.stringify(findings[0].reasons));
      const told = async () => (await api('/incidents?limit=100')).items.filter((incident) => incident.src.some((ip) => HOSTS.includes(ip)));
      await until('the incident', async () => (await told()).length > 0);
      const incidents = await told();
      assert.deepEqual(incidents.map((incident) => [incident.kind, incident.src]), [['new_service', [CHANGED]]], JSON.stringify(incidents));
      assert.equal(findings[0].incident, incidents[0].id);

      browser = await launch();
      const { page, complaints, close } = await openPage(browser);
      await page.goto(`${server.url}/scans?sel=${last.id}&part=findings`);
      await page.locator(`[data-finding="${CHANGED}"]`).first().waitFor();
      const shown = async () => [...new Set(await page.locator('[data-finding]').evaluateAll((all) => all.map((one) => one.dataset.finding)))];
      assert.deepEqual(await shown(), [CHANGED]);
      await page.locator('[data-incident-link]').first().click();
      await page.waitForURL(/\/incidents\?.*sel=/);
      await page.goto(`${server.url}/scans?view=inventory`);
      await page.locator(`[data-asset="${CHANGED}"]`).waitFor();
      const marked = await page.locator('[data-asset][data-strange]').evaluateAll((all) => all.map((one) => one.dataset.asset));
      assert.deepEqual(marked, [CHANGED], 'one is marked');
      assert.ok((await page.locator('[data-asset]').count()) >= HOSTS.length, 'the others are there too');
      assert.deepEqual(complaints, [], 'the console is clean');
      if (process.env.TRIPLINE_SHOTS) await page.screenshot({ path: join(process.env.TRIPLINE_SHOTS, 'scheduled.png') });
      await close();
    } finally {
      await browser?.close();
      await server?.stop();
      services.forEach((one) => one.close());
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
