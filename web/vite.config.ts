// How the dashboard is built. The result is committed inside the crate that embeds it, so file names carry a content
// hash, there are no source maps, and nothing is inlined: the page runs under a policy that forbids inline script.
import { readFileSync } from 'node:fs';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { worldOutlines } from './world';

const server = process.env['TRIPLINE_URL'] ?? 'http://127.0.0.1:7070';

/** Everything whose code or letters end up in the page, with its licence: they ask to be named where they are shipped. */
const SHIPPED = ['svelte', 'uplot', 'd3-shape', 'd3-path', '@tanstack/virtual-core', '@fontsource-variable/ibm-plex-sans', '@fontsource/ibm-plex-mono', 'world-atlas'];

function licences(): Plugin {
  return {
    name: 'licences',
    apply: 'build',
    generateBundle() {
      const parts = SHIPPED.map((name) => {
        const folder = new URL(`node_modules/${name}/`, import.meta.url);
        const text = ['LICENSE', 'LICENSE.md'].map((file) => {
          try {
            return readFileSync(new URL(file, folder), 'utf8').replaceAll('\r\n', '\n').trim();
          } catch {
            return '';
          }
        }).find((t) => t !== '');
        if (!text) this.error(`${name} has no licence file`);
        return `${name}\n${'='.repeat(name.length)}\n\n${text}\n`;
      });
      this.emitFile({ type: 'asset', fileName: 'licenses.txt', source: parts.join('\n\n') });
    },
  };
}

export default defineConfig({
  plugins: [svelte(), worldOutlines(), licences()],
  build: {
    outDir: '../crates/serve/assets',
    emptyOutDir: true,
    sourcemap: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
  },
  server: { host: '127.0.0.1', port: 5173, proxy: { '/api': server, '/openapi.json': server } },
  preview: { host: '127.0.0.1', port: 5173, proxy: { '/api': server, '/openapi.json': server, '/healthz': server } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
