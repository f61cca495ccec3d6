// The whole browser is killed, as a phone does with apps: what was acknowledged is in the operating system's hands by then.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Logbook } from "./logbook.mjs";
import { installStops } from "./stops.mjs";
import { Profile } from "./tabs.mjs";

let profile;
let logbook;
before(async () => {
  profile = await Profile.start();
  logbook = await Logbook.start();
});
after(async () => {
  await profile.close();
  await logbook.close();
});

async function killBrowser() {
  const browser = profile.context.browser();
  const session = await browser.newBrowserCDPSession();
  const gone = new Promise((resolve) => browser.once("disconnected", resolve));
  session.send("Browser.crash").catch(() => {});
  await gone;
}

for (const [filling, acknowledgements] of [["nothing", 1], ["bytes", 25], ["segments", 12]]) {
  test(`a browser killed ${acknowledgements} acknowledged writes after a start on ${filling} keeps them all`, async () => {
    const [seed, db] = [acknowledgements, `browser-${filling}`];
    const entries = logbook.open(db);
    const tab = await profile.open({ prepare: installStops });
    let left = acknowledgements;
    const enough = entries.next((line) => line.startsWith("done") && (left -= 1) === 0);
    tab.evaluate(async ({ address, ...given }) => {
      reportTo(address);
      await (await import("./victim.mjs")).work(given);
    }, { address: entries.address, seed, db, filling, steps: Infinity }).catch(() => {});
    await enough;
    await killBrowser();
    await profile.launch();
    const next = await profile.open();
    const facts = { seed, db, filling, lines: entries.lines };
    assert.equal(await next.evaluate(async (facts) => (await import("./afterwards.mjs")).look(facts), facts), null);
  });
}
