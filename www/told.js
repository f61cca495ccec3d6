// What the server has, set against what a lying one tells: each record once, and twice where the tales differ.

const NAMES = { phone: "the phone", laptop: "the laptop" };

/**
 * `{key, row, twin, tale, note}` for each record: `tale` is `"true"` for what all are told, `"hidden"` for what the victims
 * of the lie are not, `"false"` for what only they are, with the true one as its `twin` if there is one. `told` is what
 * they are told; none if nobody lies.
 */
export function compareTales(rows, told, victims = []) {
  if (!told) return rows.map((row) => ({ key: row.id, row, tale: "true", note: "" }));
  const whom = victims.length > 1 ? "both" : `${NAMES[victims[0]]} only`;
  const [truth, lies] = [rows, told].map((list) => new Map(list.map((row) => [row.id, row])));
  const differ = (row, other) => row.ct !== other?.ct;
  return [
    ...rows.map((row) => ({ key: row.id, row, ...(differ(row, lies.get(row.id)) ? { tale: "hidden", note: `hidden from ${whom}` } : { tale: "true", note: "" }) })),
    ...told
      .filter((row) => differ(row, truth.get(row.id)))
      .map((row) => ({ key: `${row.id}, told`, row, twin: truth.get(row.id), tale: "false", note: `told to ${whom}` })),
  ];
}
