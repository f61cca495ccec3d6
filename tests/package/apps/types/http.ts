// The types of the HTTP client: code that must compile, and code that must not.

import Kinto, { KintoClient as SameClient } from "essaim";
import KintoClient, { Bucket, Collection, KintoError, ServerResponse, type FetchFunction, type Group, type KintoResponse, type PaginationResult } from "essaim/http";
import { KintoClient as DeepClient, type AggregateResponse, type KintoIdObject, type OperationResponse } from "essaim/lib/http";

interface Post {
  title: string;
  stars?: number;
}

const client: KintoClient = new KintoClient("https://kinto.example.com/v1", { headers: { Authorization: "Bearer x" }, retry: 2, timeout: 5000, fetchFunc: fetch });
const same: SameClient = client;
const deep: DeepClient = same;
const api: KintoClient = new Kinto().api;
const bucket: Bucket = client.bucket("blog", { safe: true });
const posts: Collection = bucket.collection("posts");

export async function write(): Promise<number> {
  await deep.createBucket(null);
  await bucket.createCollection("posts", { permissions: { "record:create": ["system.Authenticated"] }, data: { title: "Posts" } });
  const { data }: KintoResponse<Post> = await posts.createRecord<Post>({ title: "Hello" });
  const title: string = data.title;
  await posts.updateRecord({ id: data.id, stars: title.length }, { patch: true, safe: true, last_modified: data.last_modified });
  const { data: group }: KintoResponse<Group> = await bucket.createGroup("authors", ["account:alice"]);
  const answers = await posts.batch((batch) => void batch.createRecord({ title }));
  const { conflicts } = await client.batch((batch) => void batch.bucket("x").getData(), { aggregate: true });
  const record = await posts.addAttachment("data:,", { title }, { filename: "a.txt" });
  return group.members.length + conflicts.length + record.data.attachment.size + (answers[0]?.status ?? 0);
}

export async function read(): Promise<string | null> {
  const list: PaginationResult<Post> = await posts.listRecords<Post>({ filters: { min_stars: 3, in_title: ["a", "b"] }, sort: "-stars", pages: Infinity });
  const next = list.hasNextPage ? await list.next() : list;
  const { capabilities, settings } = await api.fetchServerInfo();
  api.serverInfo = null;
  try {
    await posts.deleteRecords({ filters: { title: next.data[0]?.title } });
  } catch (error) {
    if (error instanceof ServerResponse) return `${error.response.status} ${error.response.statusText} ${error.data.details} ${error.response.headers.get("ETag")}`;
    if (KintoError.is(error, "timeout")) return error.data.url;
  }
  return `${list.last_modified} ${Object.keys(capabilities)} ${settings.batch_max_requests}`;
}

/** Code as apps write it for the HTTP client of Kinto.js. */
export async function administer(sorted: boolean): Promise<unknown[]> {
  const { data: history } = await bucket.listHistory<Post>({ filters: { resource_name: "record", user_id: null } });
  const { data: permissions } = await client.listPermissions();
  const user = await client.fetchUser();
  const ids: string[] = [...history.map((entry) => entry.record_id), ...permissions.map((entry) => entry.bucket_id), ...(user ? user.principals : [])];
  const write = (batch: Collection) => void batch.deleteRecord({ id: ids[0]! } as KintoIdObject);
  const answers = await posts.batch(write, { aggregate: sorted });
  return sorted ? (answers as AggregateResponse).published : (answers as OperationResponse<Post>[]).map(({ body }) => body.data.title);
}
const brief: FetchFunction = async (url, options) => {
  const response = await fetch(url, options);
  return { status: response.status, statusText: response.statusText, headers: response.headers, text: () => response.text() };
};
new KintoClient("https://kinto.example.com/v1", { fetchFunc: brief });

/** A class of an app that overrides the method that sends requests. */
export class Seen extends KintoClient {
  override async _batchRequests(...given: Parameters<KintoClient["_batchRequests"]>): ReturnType<KintoClient["_batchRequests"]> {
    const answers = await super._batchRequests(...given);
    return answers.filter(({ status }) => status < 300);
  }
}
const send = client.http.timedFetch.bind(client.http);
client.http.timedFetch = async (url, options) => send(url, { ...options, credentials: "include" });
client.http.fetchFunc = async (address) => new Response(String(address));
client.http.timeout = null;
client.http.requestMode = "same-origin";
client.http.events?.emit("backoff", 0);

// @ts-expect-error The function must return a promise.
client.http.timedFetch = () => new Response("");
// @ts-expect-error There is no such permission.
posts.setPermissions({ reed: ["system.Everyone"] });
// @ts-expect-error A timestamp is not an ETag.
posts.listRecords({ since: 123 });
// @ts-expect-error A record to update needs its id.
posts.updateRecord({ title: "x" });
// @ts-expect-error A title is a string.
posts.createRecord<Post>({ title: 1 });
// @ts-expect-error `version` is read-only.
client.version = "v2";
