// Attachments: the files of records.

import assert from "node:assert/strict";
import { test } from "node:test";
import { newAccount, withCollection } from "./places.mjs";

export function attachments(place) {
  test("a file is added to a new record, with data and permissions, and taken away", async () => {
    const told = await place.run(async ({ bucket, ...account }) => {
      const records = connect(account).bucket(bucket).collection("c");
      const bytes = String.fromCharCode(0, 255, 13, 10, 128);
      const { data, permissions } = await records.addAttachment(`data:application/x-bytes;name=five.bin;base64,${btoa(bytes)}`, { title: "é" }, { permissions: { read: ["account:reader"] } });
      await records.removeAttachment(data.id);
      return { data, permissions, after: (await records.getRecord(data.id)).data };
    }, await withCollection(place, newAccount()));
    const { filename, mimetype, size, hash } = told.data.attachment;
    assert.deepEqual([filename, mimetype, size], ["five.bin", "application/x-bytes", 5]);
    assert.match(hash, /^[0-9a-f]{64}$/);
    assert.deepEqual([told.data.title, told.permissions.read, told.after.attachment], ["é", ["account:reader"], null]);
  });

  test("a file has the name of its URL, or the one given, or none", async () => {
    const told = await place.run(async ({ bucket, ...account }) => {
      const records = connect(account).bucket(bucket).collection("c");
      const url = (name) => `data:text/plain;${name}base64,${btoa("x")}`;
      const named = async (...given) => (await records.addAttachment(...given)).data.attachment.filename;
      return [await named(url("name=a.txt;"), {}, { filename: "b.txt" }), await named(url(""), {}, { filename: "b.txt" }), await named(url(""))];
    }, await withCollection(place, newAccount()));
    assert.deepEqual(told, ["a.txt", "b.txt", "untitled"]);
  });

  test("what is no data URL is refused", async () => {
    const messages = await place.run(async ({ bucket, ...account }) => {
      const records = connect(account).bucket(bucket).collection("c");
      return [(await refused(records.addAttachment("hello"))).message, (await refused(records.addAttachment("data:text/plain;base64,***"))).message];
    }, newAccount());
    assert.deepEqual(messages, ["Invalid data-url: it must begin with data: and say ;base64, before the content.", "Invalid data-url: what follows base64, is not base64."]);
  });
}
