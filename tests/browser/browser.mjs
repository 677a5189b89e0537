// The browser that the checks and the pictures share: Debian's Chromium, offline but for loopback.
import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

export const WIDE = { width: 1100, height: 900 };
export const PHONE = { width: 360, height: 800 };

export async function withBrowser(work) {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS });
  try {
    return await work(browser);
  } finally {
    await browser.close();
  }
}
