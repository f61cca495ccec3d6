// list(): filters and order.

import { equal } from "./expect.mjs";

const PEOPLE = [
  { id: "ada", age: 36, team: { name: "engine", floor: 1 }, last_modified: 30 },
  { id: "bob", age: 36, team: { name: "loom", floor: 2 }, nick: null, last_modified: 20 },
  { id: "eve", age: 20, team: { name: "engine", floor: 2 }, last_modified: 10 },
];

async function ids(collection, params) {
  return (await collection.list(params)).data.map((record) => record.id);
}

export const queries = {
  async a_list_is_ordered_by_last_modified_newest_first({ tasks }) {
    await tasks.importBulk(PEOPLE);
    equal(await tasks.list(), { data: (await tasks.list({ order: "-last_modified" })).data, permissions: {} });
    equal(await ids(tasks), ["ada", "bob", "eve"]);
    equal(await ids(tasks, { order: "last_modified" }), ["eve", "bob", "ada"]);
    equal(await ids(tasks, { order: "-id" }), ["eve", "bob", "ada"]);
  },

  async unsynced_records_come_last_by_default({ tasks }) {
    await tasks.importBulk(PEOPLE);
    await tasks.create({ id: "new" }, { useRecordId: true });
    equal((await ids(tasks)).at(-1), "new");
  },

  async all_filters_must_match({ tasks }) {
    await tasks.importBulk(PEOPLE);
    equal(await ids(tasks, { filters: { age: 36 } }), ["ada", "bob"]);
    equal(await ids(tasks, { filters: { age: 36, id: "bob" } }), ["bob"]);
    equal(await ids(tasks, { filters: { id: ["eve", "ada", "nobody"] } }), ["ada", "eve"]);
    equal(await ids(tasks, { filters: { age: "36" } }), []);
  },

  async nested_fields_are_reached_by_dots_or_objects({ tasks }) {
    await tasks.importBulk(PEOPLE);
    equal(await ids(tasks, { filters: { "team.name": "engine" } }), ["ada", "eve"]);
    equal(await ids(tasks, { filters: { team: { name: "engine", floor: [2, 3] } } }), ["eve"]);
    equal(await ids(tasks, { filters: { "team.lead.name": "x" } }), []);
  },

  async null_is_a_value_like_any_other({ tasks }) {
    await tasks.importBulk(PEOPLE);
    equal(await ids(tasks, { filters: { nick: null } }), ["bob"]);
  },

  async a_filter_that_no_record_can_match_matches_none({ tasks }) {
    await tasks.importBulk(PEOPLE);
    for (const impossible of [undefined, NaN, [], [undefined], () => {}]) {
      equal(await ids(tasks, { filters: { nick: impossible } }), [], String(impossible));
    }
  },

  async absent_filters_and_order_mean_the_usual_ones({ tasks }) {
    await tasks.importBulk(PEOPLE);
    equal(await ids(tasks, { filters: undefined, order: undefined }), ["ada", "bob", "eve"]);
    equal((await ids(tasks, { order: "" })).length, 3);
  },
};
