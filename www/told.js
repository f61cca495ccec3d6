// Compares the records on the server with the records that a lying server shows. Each record is listed once, or twice if the two versions differ.

const NAMES = { phone: "the phone", laptop: "the laptop" };

/**
 * Returns `{key, row, twin, tale, note}` for each record. `tale` is `"true"` if every device is shown the record, `"hidden"` if the victims of the
 * lie are not shown it, and `"false"` if only they are shown it; then `twin` is the true record, if there is one. `told` holds the records that
 * the victims are shown; undefined if the server does not lie.
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
