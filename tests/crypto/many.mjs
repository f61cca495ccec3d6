// Opens many dumps in one process, for tests. Reads `[[key, name, [row, …]], …]` from stdin; rows are JSON texts.

import { openDump } from "./open.mjs";

const cases = JSON.parse(Buffer.concat(await process.stdin.toArray()));
for (const [key, name, rows] of cases) {
  const { records, problems } = await openDump(key, name, rows.map((row) => JSON.parse(row))).catch(({ message }) => ({ records: [], problems: [["", message]] }));
  console.log(`{"records":[${records.join(",")}],"problems":${JSON.stringify(problems)}}`);
}
