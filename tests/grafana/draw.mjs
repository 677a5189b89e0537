// Draws the dashboards of FOLDER against a Prometheus that has the healthy sources SOURCES (a pattern) and one that
// never answered, "silent". Fails on a panel in error, on one of the healthy sources without data, and on green where
// there is no data or only stale one. Keeps the pictures of the healthy sources in PICTURES.
//   node draw.mjs FOLDER PROMETHEUS SCRAPE_SECONDS MINUTES SOURCES [PICTURES]
import { mkdirSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build, preview } from 'vite';
import { chromium } from 'playwright-core';

const [folder, prometheus, scrape, minutes, sources, pictures] = process.argv.slice(2);
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];
// The most that panels may wait for their first data: a scan that finishes, a second look at counters.
const PATIENCE = 90_000;
const SCREEN = { width: 1616, height: 1000 };
// The colours of Grafana's green, in the dark and the light theme.
const GREEN = ['#73BF69', '#56A64B'];

const shared = {
  root: import.meta.dirname, configFile: false, logLevel: 'error', publicDir: folder,
  define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
  build: { target: 'es2022', chunkSizeWarningLimit: 1e6 },
};
const proxy = { '/prometheus': { target: prometheus, rewrite: (path) => path.replace('/prometheus', '') } };
await build(shared);
const server = await preview({ ...shared, preview: { host: '127.0.0.1', port: 0, proxy } });
const { port } = server.httpServer.address();
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS });

const dashboards = readdirSync(folder).filter((file) => file.endsWith('.json')).map((file) => basename(file, '.json'));
const mistakes = [];
try {
  for (const dashboard of dashboards) {
    for (const theme of ['dark', 'light']) await good(dashboard, theme);
    await nothing(dashboard);
    await stale(dashboard);
  }
} finally {
  await browser.close();
  await server.close();
}
for (const mistake of mistakes) console.error(mistake);
process.exitCode = mistakes.length > 0 ? 1 : 0;

// Every panel of a healthy exporter has data.
async function good(dashboard, theme) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const { tab, panels, errors } = await draw({ dashboard, theme, 'var-source': sources });
    const found = [...errors, ...panels.flatMap(({ title, error, empty, crash }) => {
      const wrong = error ?? crash ?? (empty ? 'no data' : undefined);
      return wrong ? [`${title}: ${wrong}`] : [];
    })];
    const isOver = found.length === 0 || Date.now() > end || panels.some(({ error, crash }) => error ?? crash);
    if (isOver) {
      mistakes.push(...found.map((text) => `${dashboard}, ${theme}: ${text}`));
      if (pictures) await keep(tab, `dashboard-${dashboard}-${theme}`);
    }
    await tab.close();
    if (isOver) return;
  }
}

// Without any data no figure is green.
async function nothing(dashboard) {
  const panels = await figures({ dashboard, theme: 'dark', until: Math.round(Date.now() / 1000) - 86400 });
  for (const { title, figures } of panels) {
    for (const { text, colour } of figures) {
      if (GREEN.includes(colour) || /\d/.test(text)) mistakes.push(`${dashboard}: without data ${title} shows ${text} in ${colour}`);
    }
  }
}

// Of a source without fresh data no figure about scans is green. The process may be, though.
async function stale(dashboard) {
  if (dashboard === 'exporter') return;
  const panels = await figures({ dashboard, theme: 'dark', 'var-source': 'silent' });
  for (const { title, figures } of panels) {
    for (const { text, colour } of figures) {
      if (GREEN.includes(colour)) mistakes.push(`${dashboard}: with stale data ${title} shows ${text} in ${colour}`);
    }
  }
}

async function figures(parameters) {
  const { tab, panels, errors } = await draw(parameters);
  await tab.close();
  mistakes.push(...errors);
  return panels;
}

async function draw(parameters) {
  const tab = await browser.newPage({ viewport: SCREEN, deviceScaleFactor: 1 });
  const errors = [];
  tab.on('pageerror', (error) => errors.push(`the page: ${String(error.stack).slice(0, 800)}`));
  await tab.goto(`http://127.0.0.1:${port}/?${new URLSearchParams({ scrape, minutes, ...parameters })}`);
  const ready = await tab.waitForFunction(() => document.body.dataset.ready, null, { timeout: 30_000 }).catch(() => undefined);
  if (!ready) errors.push('the page is not drawn after 30 s');
  const panels = await tab.$$eval('[data-panel]', (all) => all.map((one) => ({
    title: one.dataset.panel, error: one.dataset.error, empty: one.dataset.empty, crash: one.querySelector('[data-crash]')?.textContent,
    figures: [...one.querySelectorAll('[data-figure]')].map(({ dataset }) => ({ text: dataset.figure, colour: dataset.colour })),
  })));
  return { tab, panels, errors };
}

async function keep(tab, name) {
  mkdirSync(pictures, { recursive: true });
  await tab.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
}
