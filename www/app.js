// The page: two devices, the server between them, and what goes to and fro.

import { loadAccount, wireAccountDialog } from "./account.js";
import { Device } from "./device.js";
import { DeviceView, describe } from "./device-view.js";
import { flyBees } from "./motion.js";
import { ServerPane } from "./server-pane.js";
import { Tabs } from "./tabs.js";
import { wireTheme } from "./theme.js";
import { Tour } from "./tour.js";

const find = (selector) => document.querySelector(selector);
const pane = (name) => find(`.pane[data-pane=${name}]`);

const account = loadAccount();
wireTheme(find("[data-action=theme]"));
wireAccountDialog(find("dialog.account"), find("[data-action=account]"), account);
const tabs = new Tabs(find(".tabs"));
const tour = new Tour(find(".tour"));
const server = new ServerPane(pane("server"), account);
const devices = [new Device("phone", "Phone", account), new Device("laptop", "Laptop", account)];

for (const device of devices) wireDevice(device, new DeviceView(pane(device.name), device));

server.addEventListener("look", () => {
  tabs.mark("server", server.etag ? "" : "!");
  // A server cannot call its clients; whoever sees something new there tells them.
  if (server.etag) for (const device of devices) device.hear(server.etag);
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  for (const device of devices) device.refresh();
  server.look();
});

await Promise.all(devices.map((device) => device.load()));
document.documentElement.dataset.ready = "true";
await server.look();

function wireDevice(device, view) {
  device.addEventListener("change", () => {
    tabs.mark(device.name, device.conflicts.length ? "!" : device.unsynced || "");
    if (devices.every((each) => !each.online && each.unsynced)) tour.complete("offline");
  });
  device.addEventListener("added", () => tour.complete("add"));
  device.addEventListener("settled", () => tour.complete("settle"));
  device.addEventListener("synced", async ({ detail: result }) => {
    announce(`${device.label}: ${device.problem ? device.problem.advice : describe(device)}`);
    if (result) await showTraffic(result, device, view);
    else await server.look();
  });
}

/** Lets bees carry what a sync has sent and received. */
async function showTraffic({ published, created, updated, resolved }, device, view) {
  const atDevice = (id) => view.anchor(id) ?? tabs.anchor(device.name);
  const atServer = (id) => server.comb.anchor(id) ?? tabs.anchor("server");
  const sent = new Set(published.map(({ id }) => id));
  const received = [...created, ...updated.map((change) => change.new), ...resolved]
    .map(({ id }) => id)
    .filter((id) => !sent.has(id));
  const fresh = [...sent].filter((id) => !server.comb.has(id));
  await server.look();
  for (const id of fresh) server.comb.awaitBee(id);
  flyBees([...sent].map((id) => ({ id, from: atDevice(id), to: atServer(id) })), ({ id }) => server.comb.land(id));
  flyBees(received.map((id) => ({ id, from: atServer(id), to: atDevice(id) })), ({ id }) => view.flash(id));
}

function announce(text) {
  find("#announcer").textContent = text;
}
