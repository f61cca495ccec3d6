// Tests of the HTTP client with a real Kinto server, in Node, Chromium and Firefox. `ESSAIM_PLACES=node node --test --test-name-pattern=… …` runs one
// suite in one place.

import { after, before, describe } from "node:test";
import { KINTO_VERSION, PLACES } from "./places.mjs";
import { attachments } from "./attachments.mjs";
import { batches } from "./batches.mjs";
import { deleting } from "./deleting.mjs";
import { errors } from "./errors.mjs";
import { kintoApi } from "./kinto-api.mjs";
import { lists } from "./lists.mjs";
import { objects } from "./objects.mjs";
import { patience } from "./patience.mjs";
import { sending } from "./sending.mjs";
import { snapshots } from "./snapshots.mjs";

const wanted = process.env.ESSAIM_PLACES?.split(",") ?? Object.keys(PLACES);

for (const name of wanted) {
  describe(`in ${name}, on Kinto ${KINTO_VERSION}`, () => {
    const place = {};
    before(async () => Object.assign(place, await PLACES[name]()));
    after(() => place.close());
    const suites = { objects, lists, batches, deleting, snapshots, attachments, errors, patience, sending, kintoApi };
    for (const [suite, define] of Object.entries(suites)) describe(suite, () => define(place));
  });
}
