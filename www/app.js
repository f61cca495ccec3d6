// The demo page: creates two devices and the server between them, and connects them with the parts of the page.

import { authorization, knownPlace, loadAccount, rememberPlace, wireAccountDialog } from "./account.js";
import { Device } from "./device.js";
import { DeviceView, describe } from "./device-view.js";
import { LieSwitch } from "./lie-switch.js";
import { Liar } from "./liar.js";
import { Line } from "./line.js";
import { flyBees } from "./motion.js";
import { ServerPane } from "./server-pane.js";
import { Tabs } from "./tabs.js";
import { wireTheme } from "./theme.js";
import { Tour } from "./tour.js";

const find = (selector) => document.querySelector(selector);
const pane = (name) => find(`.pane[data-pane=${name}]`);

const account = loadAccount();
wireTheme(find("[data-action=theme]"));
wireAccountDialog(find("dialog.account"), document.querySelectorAll("[data-action=account]"), account);
const tabs = new Tabs(find(".tabs"));
const tour = new Tour(find(".tour"));
const line = new Line(knownPlace(account));
const liar = new Liar(line, account.remote, authorization(account));
const server = new ServerPane(pane("server"), account, line, liar);
const lieSwitch = new LieSwitch(find(".lie"), liar);
const devices = [new Device("phone", "Phone", account), new Device("laptop", "Laptop", account)];

const [phone, laptop] = devices;
wireDevice(phone, new DeviceView(pane("phone"), phone, laptop));
wireDevice(laptop, new DeviceView(pane("laptop"), laptop, phone));

line.addEventListener("place", () => rememberPlace(line.place));
lieSwitch.addEventListener("turned", () => {
  server.look();
  syncAll();
});
server.addEventListener("look", () => {
  tabs.mark("server", server.reachable ? "" : "!");
  // The server cannot notify the devices of new data. So when the server pane sees a new ETag, it is passed on to the devices.
  for (const device of devices) {
    const etag = server.etagFor(device.name);
    if (etag) device.hear(etag);
  }
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  for (const device of devices) device.refresh();
  server.look();
});

await Promise.all(devices.map((device) => device.load()));
document.documentElement.dataset.ready = "true";
syncAll();
await server.look();

function syncAll() {
  for (const device of devices) device.syncSoon(0);
}

function wireDevice(device, view) {
  device.addEventListener("change", () => {
    tabs.mark(device.name, device.conflicts.length || device.problem?.repairable ? "!" : device.unsynced || "");
    if (devices.every((each) => !each.online && each.unsynced)) tour.complete("offline");
    if (device.problem?.evidence) tour.complete("lie");
  });
  device.addEventListener("added", () => tour.complete("add"));
  device.addEventListener("settled", () => tour.complete("settle"));
  device.addEventListener("synced", async ({ detail: result }) => {
    if (result?.resolved.length) tour.complete("settle");
    announce(`${device.label}: ${device.problem ? (device.problem.headline ?? device.problem.advice) : describe(device)}`);
    if (result) await showTraffic(result, device, view);
    else await server.look();
  });
}

/** Animates what a sync has sent and received: bees fly between the tasks on the device and the sealed page on the server. */
async function showTraffic({ published, created, updated, resolved }, device, view) {
  const atDevice = (id) => view.anchor(id) ?? tabs.anchor(device.name);
  const atServer = (key) => server.comb.anchor(key) ?? tabs.anchor("server");
  const sent = new Set(published.map(({ id }) => id));
  const received = [...created, ...updated.map((change) => change.new), ...resolved]
    .map(({ id }) => id)
    .filter((id) => !sent.has(id));
  const before = new Set(server.keys);
  await server.look();
  const fresh = server.keys.filter((key) => !before.has(key));
  const page = server.keyOf(device.name);
  if (sent.size) for (const key of fresh) server.comb.awaitBee(key);
  flyBees([...sent].map((id) => ({ from: atDevice(id), to: atServer(page) })), () => [page, ...fresh].forEach((key) => server.land(key)));
  flyBees(received.map((id) => ({ id, from: atServer(page), to: atDevice(id) })), ({ id }) => view.flash(id));
}

function announce(text) {
  find("#announcer").textContent = text;
}
