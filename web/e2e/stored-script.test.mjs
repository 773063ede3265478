// Names that come from the network are text: script and markup in every field that others can fill (DNS names, SNI, HTTP heads, SSH
// banners, signatures of other tools, nmap's XML), replayed and imported by the program, then every page and the HTML report looked at. No
// dialog, no element made of them, nothing run.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { launch, openPage, SKIP, until } from './browser.mjs';

const PROGRAM = process.env.TRIPLINE_BIN;
const WHY_NOT = SKIP || (PROGRAM ? false : 'TRIPLINE_BIN names no program');
const SCRIPT = '<script>window.stored=1</script>';
const IMAGE = '"\'><img src=x onerror=window.stored=1>';
const EVIL = `evil-${IMAGE}${SCRIPT}`;
const PAGES = ['/', '/packets', '/flows', '/incidents?show=all', '/hosts', '/scans', '/scans?view=inventory', '/trends', '/captures', '/models', '/settings'];

/** One line a flow with its message, as Suricata writes them. */
function eve() {
  const lines = [];
  const begun = Date.now() - 120_000;
  for (let n = 0; n < 40; n += 1) {
    const timestamp = new Date(begun + n * 1000).toISOString().replace('Z', '+0000');
    const common = { timestamp, flow_id: 1000 + n, in_iface: EVIL, src_ip: '10.0.0.5', src_port: 40_000 + n, dest_ip: '192.0.2.9', proto: 'TCP' };
    const kinds = [
      { event_type: 'dns', dest_port: 53, proto: 'UDP', dns: { type: 'query', id: n, rrname: `${EVIL}${n}.example.org`, rrtype: 'TXT' } },
      { event_type: 'tls', dest_port: 443, tls: { sni: EVIL, subject: `CN=${EVIL}`, issuerdn: `CN=${EVIL}`, version: 'TLS 1.2' } },
      { event_type: 'http', dest_port: 80, http: { hostname: EVIL, url: `/${EVIL}`, http_user_agent: EVIL, http_method: 'GET', http_refer: EVIL, status: 200 } },
      { event_type: 'ssh', dest_port: 22, ssh: { client: { software_version: EVIL, proto_version: '2.0' }, server: { software_version: EVIL, proto_version: '2.0' } } },
      { event_type: 'alert', dest_port: 80, alert: { signature: EVIL, category: EVIL, severity: 1, signature_id: 2_000_000 + n, action: 'allowed' } },
    ];
    const kind = kinds[n % kinds.length];
    lines.push({ ...common, ...kind });
    lines.push({ ...common, ...kind, event_type: 'flow', alert: undefined, app_proto: kind.event_type, flow: { pkts_toserver: 5, pkts_toclient: 5, bytes_toserver: 500, bytes_toclient: 900, start: timestamp, end: timestamp, state: 'closed', reason: 'timeout' } });
  }
  return `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`;
}

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const XML = `<?xml version="1.0"?><nmaprun scanner="nmap" args="${escape(EVIL)}" start="1760000000" version="7.93">
<host starttime="1760000000" endtime="1760000100"><status state="up" reason="arp"/><address addr="10.0.0.77" addrtype="ipv4"/><address addr="02:00:00:00:00:01" addrtype="mac" vendor="${escape(EVIL)}"/>
<hostnames><hostname name="${escape(EVIL)}" type="PTR"/></hostnames>
<ports><port protocol="tcp" portid="22"><state state="open" reason="syn-ack"/><service name="${escape(EVIL)}" product="${escape(EVIL)}" version="${escape(EVIL)}" extrainfo="${escape(EVIL)}"/><script id="${escape(EVIL)}" output="${escape(EVIL)}"/></port></ports>
<os><osmatch name="${escape(EVIL)}" accuracy="99"/></os></host><runstats><finished time="1760000100" exit="success"/><hosts up="1" down="0" total="1"/></runstats></nmaprun>`;

/** The program on the file, until it has read it. */
async function start(folder, port) {
  writeFileSync(join(folder, 'eve.json'), eve());
  const child = spawn(PROGRAM, ['-q', 'run', '-r', join(folder, 'eve.json'), '--speed', 'max', '--listen', `127.0.0.1:${port}`, '--data-dir', join(folder, 'data'), '--duration', '5m'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const url = `http://127.0.0.1:${port}`;
  const api = async (path) => (await fetch(`${url}/api/v1${path}`)).json();
  await until('flows in the store', async () => {
    if (child.exitCode !== null) throw new Error(`the program ended with ${child.exitCode}`);
    return api('/flows').then((page) => page.total >= 8, () => false);
  });
  const stop = async () => {
    const ended = child.exitCode === null ? once(child, 'exit') : undefined;
    child.kill();
    await ended;
  };
  return { url, api, stop };
}

/** Nothing of ours was made an element or run. */
async function isText(page, where) {
  const found = await page.evaluate(() => ({ ran: window.stored, images: document.querySelectorAll('img[src="x"]').length, scripts: [...document.scripts].filter((s) => s.textContent.includes('stored')).length }));
  assert.deepEqual(found, { ran: undefined, images: 0, scripts: 0 }, where);
}

if (WHY_NOT) console.error(`SKIP stored-script: ${WHY_NOT}`);
describe('stored script', { skip: WHY_NOT, timeout: 240_000 }, () => {
  test('what comes from the network is shown as text', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tripline-script-'));
    let server, browser;
    try {
      server = await start(folder, 43_000 + (process.pid % 2_000));
      const sent = await fetch(`${server.url}/api/v1/scans/import`, { method: 'POST', headers: { 'content-type': 'application/xml' }, body: XML });
      assert.ok(sent.ok, await sent.text());
      browser = await launch();
      const { page, close } = await openPage(browser);
      const dialogs = [];
      page.on('dialog', (dialog) => { dialogs.push(dialog.message()); void dialog.dismiss(); });
      let shown = 0;
      const look = async (path) => {
        await page.goto(server.url + path, { waitUntil: 'load' });
        await page.waitForTimeout(700);
        await isText(page, path);
        if ((await page.textContent('body')).includes('evil-')) shown += 1;
      };
      const range = `range=${encodeURIComponent(new Date(Date.now() - 3_600_000).toISOString())}`;
      for (const path of PAGES) await look(path);
      const flows = (await server.api('/flows?limit=20')).items;
      for (const flow of flows.slice(0, 10)) await look(`/flows?sel=${flow.flow_id}&${range}`);
      for (const incident of (await server.api('/incidents?limit=20')).items.slice(0, 5)) await look(`/incidents?show=all&sel=${incident.id}`);
      for (const host of (await server.api('/hosts?limit=20')).items.slice(0, 5)) await look(`/hosts?sel=${host.ip}`);
      for (const scan of (await server.api('/scans')).items) await look(`/scans?scan=${scan.id}&sel=${scan.id}`);
      for (const asset of (await server.api('/assets')).items) await look(`/scans?view=inventory&sel=${encodeURIComponent(asset.key)}`);
      assert.deepEqual(dialogs, []);
      assert.ok(shown >= 3, `the text itself was on ${shown} views: was it stored at all?`);

      const report = join(folder, 'report.html');
      const made = spawnSync(PROGRAM, ['report', '--data-dir', join(folder, 'data'), '-o', 'html', '-w', report], { encoding: 'utf8' });
      assert.equal(made.status, 0, made.stderr);
      const html = readFileSync(report, 'utf8');
      assert.ok(!html.includes('<img src=x') && !html.includes('<script>window'), 'markup in the report');
      await page.goto(`file://${report}`);
      await isText(page, 'the report');
      await close();
    } finally {
      await browser?.close();
      await server?.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
