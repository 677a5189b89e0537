// Takes the pictures of README.md: of the page at GOOD and at FAILING, and of the terminal output in
// the file ANSI, as PNG in FOLDER.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PHONE, withBrowser } from './browser.mjs';

const [good, failing, ansi, folder] = process.argv.slice(2);
const DESK = { width: 1000, height: 900 };

await withBrowser(async (browser) => {
  await page(browser, good, 'page-light', { colorScheme: 'light', viewport: DESK });
  await page(browser, good, 'page-dark', { colorScheme: 'dark', viewport: DESK });
  await page(browser, good, 'page-phone', { colorScheme: 'light', viewport: PHONE });
  await page(browser, failing, 'page-failing', { colorScheme: 'light', viewport: DESK }, 'What to do');
  const terminal = await browser.newPage({ viewport: DESK });
  await terminal.setContent(screen(readFileSync(ansi, 'utf8')));
  await terminal.locator('pre').screenshot({ path: join(folder, 'once.png') });
});

async function page(browser, url, name, look, text = '<progress') {
  const context = await browser.newContext(look);
  const tab = await context.newPage();
  for (let tries = 0; tries < 100; tries += 1) {
    await tab.goto(`${url}?refresh=off`);
    if ((await tab.content()).includes(text)) break;
    await tab.waitForTimeout(200);
  }
  await tab.screenshot({ path: join(folder, `${name}.png`) });
  await context.close();
}

// What stays on the screen of a terminal, with its colours: lines that a progress bar redrew are gone.
function screen(output) {
  const moves = /\x1b\[\d*[A-GJK]|\x1b\[\?25[hl]/g;
  const lines = output.split('\n');
  const redrawn = lines.map((line) => line.search(moves) >= 0);
  const last = redrawn.lastIndexOf(true);
  const kept = lines.filter((_, number) => !redrawn[number] || number === last);
  // After the last bar was wiped, the first line of the result stands on its place.
  const first = kept.indexOf(lines[last]);
  if (last >= 0) kept[first] = lines[last].split(moves).at(-1);
  const escape = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  const colours = { 31: '#ff8f8f', 32: '#6fd08c', 33: '#f0b45a', 36: '#7cc7e8' };
  const styled = escape(kept.join('\n').replace(/\r/g, '')).replace(/\x1b\[([\d;]*)m/g, (_, codes) => {
    const styles = codes.split(';').map((code) => (code === '1' ? 'font-weight:700' : colours[code] && `color:${colours[code]}`));
    const style = styles.filter(Boolean).join(';');
    return style ? `</span><span style="${style}">` : '</span><span>';
  });
  return `<style>body{margin:0;background:#12151b}pre{display:inline-block;margin:0;padding:16px 20px;background:#12151b;color:#e6e9ef;font:14px/1.45 "DejaVu Sans Mono",monospace}</style><pre><span>${styled}</span></pre>`;
}
