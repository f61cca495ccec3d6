/** Requests that a client, a bucket or a collection sends with its defaults. */

import { type Defaults, type HasDefaults, type Settings, settingsOf } from "../defaults.js";
import { readReference } from "../requests/arguments.js";
import { deleteRequest } from "../requests/writes.js";
import type { ParentClient } from "../resource/parents.js";
import type {
  DeleteAllOptions,
  GetOptions,
  KintoRequest,
  KintoResponse,
  ListOptions,
  PaginationResult,
  RequestOptions,
  Tombstone,
  WriteOptions,
} from "../types.js";

/** A bucket or a collection. For a client, see {@link ofClient}. */
interface Handle extends HasDefaults {
  readonly client: ParentClient;
}

export const ofClient = (client: ParentClient & HasDefaults): Handle => ({ client, inside: client.inside });

/** Sends the request that `make` returns for the settings of this call. */
export async function send(handle: Handle, options: Settings, make: (settings: Defaults) => KintoRequest): Promise<any> {
  const settings = settingsOf(handle, options);
  return handle.client.execute(make(settings), { retry: settings.retry });
}

/** Reads one object. */
export async function get(handle: Handle, path: string, options: GetOptions): Promise<any> {
  const { headers, retry } = settingsOf(handle, options);
  const { query, fields } = options;
  return handle.client.execute({ path, headers }, { retry, query, fields });
}

/** Reads the headers of a list. */
export async function head(handle: Handle, path: string, options: RequestOptions): Promise<Headers> {
  const { headers, retry } = settingsOf(handle, options);
  return (await handle.client.execute({ method: "HEAD", path, headers }, { raw: true, retry })).headers;
}

/** Reads pages of a list. */
export async function list<T>(handle: Handle, path: string, options: ListOptions): Promise<PaginationResult<T>> {
  const { headers, retry } = settingsOf(handle, options);
  return handle.client.paginatedList<T>(path, options, { headers, retry });
}

/** Deletes one object. `kind` names it in error messages. */
export async function deleteOne(
  handle: Handle,
  kind: string,
  reference: unknown,
  pathOf: (id: string) => string,
  options: WriteOptions,
): Promise<KintoResponse<Tombstone>> {
  const { id, last_modified } = readReference(reference, kind);
  return send(handle, options, (settings) => deleteRequest(pathOf(id), { ...settings, last_modified: options.last_modified ?? last_modified }));
}

/** Deletes the objects of a list. */
export async function deleteList<T>(handle: Handle, path: string, options: DeleteAllOptions): Promise<PaginationResult<T>> {
  const { headers, retry } = settingsOf(handle, options);
  const { safe, last_modified } = options;
  return handle.client.paginatedDelete<T>(path, options, { headers, retry, safe, last_modified });
}
