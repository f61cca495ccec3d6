// As api.ts, but for encrypted collections.

import Kinto, { KintoError, makeKey, type AlarmCode, type CollectionOptions, type ErrorCode, type Evidence, type JournalHead, type JournalPage, type SyncResultObject } from "essaim";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>) => {};

interface Note {
  title: string;
}

same<ReturnType<typeof makeKey>, Promise<string>>(true);
// @ts-expect-error makeKey() takes no argument, because a key is random
makeKey("my password");

const kinto = new Kinto();
const options: CollectionOptions = { key: await makeKey(), localFields: ["open"] };
const notes = kinto.collection<Note>("notes", options);
kinto.collection("notes", { key: makeKey() });
// @ts-expect-error a key is text
kinto.collection("notes", { key: new Uint8Array(32) });
// @ts-expect-error `key` is an option of collections
new Kinto({ key: await makeKey() });

const head = await notes.head();
same<typeof head, JournalHead | null>(true);
// @ts-expect-error the head is null before the first sync
head.words;
const [first, , , last]: string[] = head!.words;
// @ts-expect-error there are four words
head!.words[4];
const pages = await notes.pages({ limit: 5 });
same<typeof pages, JournalPage[]>(true);
await notes.pages();
pages[0]!.time?.toFixed();
// @ts-expect-error the time is null if only a snapshot was read
pages[0]!.time.toFixed();
same<Awaited<ReturnType<typeof notes.repair>>, SyncResultObject<Note>>(true);
await notes.repair({ strategy: "client_wins" });
same<ReturnType<typeof notes.closeJournal>, Promise<SyncResultObject<Note>>>(true);
await notes.closeJournal({ remote: "https://mine.example.com/v1" });
// @ts-expect-error the destination is required
await notes.closeJournal();

const error: unknown = new Error();
if (KintoError.is(error, "rollback")) {
  same<typeof error.data.evidence, Evidence>(true);
  error.data.evidence.position.toFixed();
}
if (KintoError.is(error, "limit")) error.data.limitBytes.toFixed();
if (KintoError.is(error, "key_required")) error.data.name.trim();
const alarms: Record<AlarmCode, string> = { omission: "", rollback: "", fork: "", tampered: "", bad_snapshot: "" };
const code: ErrorCode = "fork" satisfies AlarmCode;
// @ts-expect-error a local error is no alarm
const wrong: AlarmCode = "limit";
export { alarms, code, first, last, wrong };
