"""Many dumps in one process, for tests: `[[key, name, [row, …]], …]` on stdin, rows as JSON texts."""

import json
import sys

import reader


def run() -> int:
    for key, name, rows in json.load(sys.stdin.buffer):
        try:
            dump = reader.Dump(key, name, rows)
            records, problems = dump.to_json(), dump.problems
        except reader.Refused as refused:
            records, problems = "[]", [["", str(refused)]]
        sys.stdout.buffer.write(f'{{"records":{records},"problems":{json.dumps(problems)}}}\n'.encode())
    return 0


sys.exit(reader.run_deep(run))
