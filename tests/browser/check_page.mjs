// Checks the status page at URL as people meet it: light, dark and on a phone, with and without
// script. Screenshots go to FOLDER. Each problem is one line; any problem makes the exit code 1.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PHONE, WIDE, withBrowser } from './browser.mjs';

const [url, folder, label] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const LOOKS = [
  { name: 'light', colorScheme: 'light', viewport: WIDE },
  { name: 'dark', colorScheme: 'dark', viewport: WIDE },
  { name: 'phone', colorScheme: 'light', viewport: PHONE },
  { name: 'phone-dark', colorScheme: 'dark', viewport: PHONE },
];
const problems = [];
mkdirSync(folder, { recursive: true });

await withBrowser(async (browser) => {
  for (const look of LOOKS) {
    const problem = (text) => problems.push(`${look.name}: ${text}`);
    await plain(browser, look, problem);
    await accessible(browser, look, problem);
  }
  await refreshing(browser, (text) => problems.push(`refresh: ${text}`));
});
problems.forEach((problem) => console.log(problem));
process.exit(problems.length > 0 ? 1 : 0);

// Without script, as the page promises to work.
async function plain(browser, { name, colorScheme, viewport }, problem) {
  const context = await browser.newContext({ colorScheme, viewport, javaScriptEnabled: false });
  const page = await context.newPage();
  page.on('request', (request) => {
    if (request.url() !== url && !request.url().endsWith('/favicon.ico')) problem(`asks for ${request.url()}`);
  });
  page.on('console', (message) => problem(`console: ${message.text()}`));
  const answer = await page.goto(`${url}`);
  if (answer.status() !== 200) problem(`status ${answer.status()}`);
  await page.screenshot({ path: join(folder, `${label}-${name}.png`), fullPage: true });
  await context.close();
}

async function accessible(browser, { colorScheme, viewport }, problem) {
  const context = await browser.newContext({ colorScheme, viewport, bypassCSP: true });
  const page = await context.newPage();
  // Held, so that it is not loaded anew while it is looked at.
  await page.goto(`${url}?refresh=off`);
  await page.addScriptTag({ content: axe });
  const { violations, passes } = await page.evaluate(() => globalThis.axe.run());
  if (passes.length < 10) problem(`axe-core only passed ${passes.length} rules: did it run?`);
  for (const { id, help, nodes } of violations) {
    problem(`axe-core ${id}: ${help}: ${nodes.map((node) => node.target.join(' ')).slice(0, 5).join('; ')}`);
  }
  const [shown, needed] = await page.evaluate(() => [
    document.documentElement.clientWidth, document.documentElement.scrollWidth,
  ]);
  if (needed > shown) problem(`needs ${needed} px of ${shown}: it scrolls sideways`);
  await context.close();
}

async function refreshing(browser, problem) {
  const page = await browser.newPage();
  const headers = async (address) => (await page.goto(address)).headers();
  const every = Number((await headers(url)).refresh);
  if (!(every >= 5 && every <= 30)) {
    problem(`is told to happen every ${every} s`);
    return;
  }
  const again = page.waitForEvent('load', { timeout: (every + 10) * 1000 });
  await again.catch(() => problem(`did not happen within ${every + 10} s`));
  if ((await headers(`${url}?refresh=off`)).refresh !== undefined) problem('is not off when stopped');
}
