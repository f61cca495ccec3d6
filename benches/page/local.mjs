// The parts without a server, the same for both peers.

import * as essaim from "/essaim/index.js";
import KintoJs from "/kinto-js.js";
import { assertCount, records, timed } from "./work.mjs";

const PEERS = { "Kinto.js": KintoJs, essaim: essaim.Kinto };
const RECORDS = 10_000;

const opened = (peer, { db }, collection = "tasks") => new PEERS[peer]({ adapterOptions: { dbName: `${db}-${peer}` } }).collection(collection);

/** Loads the WASM before the measurement, as an app does at its start. */
async function warm() {
  await essaim.init();
}

export const local = { importBulk, firstList, openedList, reading, writing };

async function importBulk(peer, place) {
  await warm();
  const given = records(RECORDS);
  const { ms, answer } = await timed(() => opened(peer, place).importBulk(given));
  assertCount(answer.length, RECORDS);
  return { "importBulk of 10,000 records": ms };
}

/** Measures the first call of a page. It includes opening the database, and for essaim also loading the WASM. */
async function firstList(peer, place) {
  const { ms, answer } = await timed(() => opened(peer, place).list());
  assertCount(answer.data.length, RECORDS);
  return { "list() after a reload": ms };
}

/** Measures the first call of a page if the app has called `init()` before. */
async function openedList(peer, place) {
  await warm();
  const { ms } = await timed(() => opened(peer, place).list());
  return { "list() after a reload, after init()": ms };
}

async function reading(peer, place) {
  const tasks = opened(peer, place);
  const { data } = await tasks.list();
  const ids = data.filter((_, n) => n % 10 === 0).map(({ id }) => id);
  const measured = {};
  measured["list() again"] = (await timed(() => tasks.list())).ms;
  measured["get() × 1,000"] = (await timed(async () => { for (const id of ids) await tasks.get(id); })).ms;
  const filtered = await timed(() => tasks.list({ filters: { done: true, "owner.name": ["Ada", "Bob"] }, order: "-title" }));
  measured["list() with two filters and an order"] = filtered.ms;
  assertCount(filtered.answer.data.length, data.filter((task) => task.done && ["Ada", "Bob"].includes(task.owner.name)).length);
  return measured;
}

async function writing(peer, place) {
  await warm();
  const notes = opened(peer, place, "notes");
  await notes.list();
  const measured = {};
  measured["create() × 200, one after the other"] = (await timed(async () => { for (let n = 0; n < 200; n += 1) await notes.create({ title: `Note ${n}` }); })).ms;
  measured["create() × 1,000 at once"] = (await timed(() => Promise.all(Array.from({ length: 1000 }, (_, n) => notes.create({ title: `Note ${n}` }))))).ms;
  assertCount((await notes.list()).data.length, 1200);
  return measured;
}
