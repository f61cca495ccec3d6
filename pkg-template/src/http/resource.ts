/** What a bucket and a collection have in common: data, and permissions. */

import type { KintoClient } from "./client.js";
import { Requester, settle, type Defaults, type Settings } from "./defaults.js";
import { assertObject, mayBeMissing, permissionsRequest, updateRequest } from "./requests.js";
import type {
  DeleteAllOptions,
  GetOptions,
  KintoObject,
  KintoRequest,
  KintoResponse,
  ListOptions,
  PaginationResult,
  Permissions,
  RequestOptions,
  UpdateOptions,
  WriteOptions,
} from "./types.js";

export abstract class Resource extends Requester {
  readonly client: KintoClient;
  /** Its id on the server. */
  readonly name: string;

  constructor(client: KintoClient, name: string, defaults: Defaults) {
    super(defaults);
    this.client = client;
    this.name = name;
  }

  /** Where it is. */
  protected abstract readonly path: string;
  /** What it is called in errors. */
  protected abstract readonly kind: string;

  /**
   * {@link KintoClient.execute}: of the client, with nothing added.
   *
   * @example
   * ```js
   * const { data } = await blog.execute({ path: "/buckets/blog/collections" });
   * ```
   */
  get execute(): KintoClient["execute"] {
    return this.client.execute.bind(this.client);
  }

  /** @internal The settings of one call over those of the handle. */
  protected settle(options: Settings): Defaults {
    return settle(this.defaults, options);
  }

  /** @internal */
  protected async get(path: string, options: GetOptions): Promise<any> {
    const { headers, retry } = this.settle(options);
    const { query, fields } = options;
    return this.client.execute({ path, headers }, { retry, query, fields });
  }

  /** @internal */
  protected async listAt<T>(path: string, options: ListOptions): Promise<PaginationResult<T>> {
    const { headers, retry } = this.settle(options);
    return this.client.paginatedList<T>(path, options, { headers, retry });
  }

  /** @internal */
  protected async deleteAt<T>(path: string, options: DeleteAllOptions): Promise<PaginationResult<T>> {
    const { headers, retry } = this.settle(options);
    const { safe, last_modified } = options;
    return this.client.paginatedDelete<T>(path, options, { headers, retry, safe, last_modified });
  }

  /** @internal */
  protected async send(options: Settings, make: (given: Defaults) => KintoRequest): Promise<any> {
    const given = this.settle(options);
    return this.client.execute(make(given), { retry: given.retry });
  }

  /**
   * Its data.
   *
   * @example
   * ```js
   * const { schema } = await client.bucket("blog").collection("posts").getData();
   * ```
   */
  async getData<T = KintoObject>(options: GetOptions = {}): Promise<T> {
    return (await this.get(this.path, options)).data;
  }

  /**
   * Replaces its data, or merges into it with `patch`. Permissions stay, unless some are given.
   *
   * @example
   * ```js
   * await client.bucket("blog").setData({ title: "My blog" }, { patch: true });
   * ```
   */
  async setData<T extends object>(data: T & { last_modified?: number }, options: UpdateOptions = {}): Promise<KintoResponse<T>> {
    assertObject(data, this.kind);
    const { permissions, patch, last_modified } = options;
    return this.send(options, (given) => updateRequest(this.path, { data: this.readData(data), permissions }, { ...given, patch, last_modified }));
  }

  /** @internal What of this data is sent. */
  protected readData(data: Record<string, any>): Record<string, any> {
    return data;
  }

  /** Who may do what with it: `const { write = [] } = await blog.getPermissions()`. */
  async getPermissions(options: RequestOptions = {}): Promise<Permissions> {
    return (await this.get(this.path, options)).permissions;
  }

  /**
   * Replaces its permissions.
   *
   * @example
   * ```js
   * await collection.setPermissions({ read: ["system.Everyone"] });
   * ```
   */
  async setPermissions(permissions: Permissions, options: WriteOptions = {}): Promise<KintoResponse> {
    assertObject(permissions, "permissions");
    const { last_modified } = options;
    return this.send(options, (given) => updateRequest(this.path, { data: {}, permissions }, { ...given, last_modified }));
  }

  /**
   * Gives permissions to more principals.
   *
   * @example
   * ```js
   * await collection.addPermissions({ write: ["account:bob", "/buckets/blog/groups/authors"] });
   * ```
   */
  async addPermissions(permissions: Permissions, options: WriteOptions = {}): Promise<KintoResponse> {
    return this.#patchPermissions("add", permissions, options);
  }

  /** Takes permissions away from principals: `await blog.removePermissions({ write: ["account:bob"] })`. */
  async removePermissions(permissions: Permissions, options: WriteOptions = {}): Promise<KintoResponse> {
    return this.#patchPermissions("remove", permissions, options);
  }

  async #patchPermissions(op: "add" | "remove", permissions: Permissions, options: WriteOptions): Promise<KintoResponse> {
    assertObject(permissions, "permissions");
    const { last_modified } = options;
    if (op === "add" && mayBeMissing(permissions) && !this.client.isBatch) return this.#addMissing(permissions, options);
    return this.send(options, (given) => permissionsRequest(this.path, op, permissions, { ...given, last_modified }));
  }

  /** Refused (412) if somebody else changes it in between. */
  async #addMissing(permissions: Permissions, options: WriteOptions): Promise<KintoResponse> {
    const { headers, retry } = options;
    const { data, permissions: known }: KintoResponse = await this.get(this.path, { headers, retry });
    const missing = Object.keys(permissions).filter((permission) => !(permission in known));
    const last_modified = options.last_modified ?? data.last_modified;
    return this.send(options, (given) => permissionsRequest(this.path, "add", permissions, { ...given, safe: true, last_modified }, missing));
  }
}
