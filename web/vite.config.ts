// How the dashboard is built. The result is committed inside the crate that embeds it, so file names carry a content
// hash, there are no source maps, and nothing is inlined: the page runs under a policy that forbids inline script.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const server = process.env['TRIPLINE_URL'] ?? 'http://127.0.0.1:7070';

export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: '../crates/serve/assets',
    emptyOutDir: true,
    sourcemap: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
  },
  server: { host: '127.0.0.1', port: 5173, proxy: { '/api': server, '/openapi.json': server } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
