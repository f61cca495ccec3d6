/** The common base of buckets and collections: their data and their permissions. */

import { keepInside } from "../../values/inside.js";
import type { Defaults } from "../defaults.js";
import { assertObject } from "../requests/arguments.js";
import { mayBeMissing, permissionsRequest } from "../requests/permissions.js";
import { updateRequest } from "../requests/writes.js";
import { get, send } from "../sending/with-defaults.js";
import type { GetOptions, KintoObject, KintoResponse, Permissions, RequestOptions, UpdateOptions, WriteOptions } from "../types.js";
import type { ParentClient } from "./parents.js";

/** The internal state of a bucket or a collection. */
export interface ResourceInside {
  defaults: Defaults;
  readonly kind: "bucket" | "collection";
  /** Returns the path on the server. Throws `invalid_option` if the name cannot be in a path. */
  readonly path: () => string;
  /** Converts data to the form that the server accepts. */
  readonly encode: (data: Record<string, any>) => Record<string, any>;
}

export abstract class Resource<C extends ParentClient = ParentClient> {
  readonly client: C;
  /** The id on the server. */
  readonly name: string;
  /** @internal */
  declare readonly inside: () => ResourceInside;

  /** @internal */
  constructor(client: C, name: string, inside: ResourceInside) {
    this.client = client;
    this.name = name;
    keepInside(this, inside);
  }

  /** The headers of its requests. */
  get headers(): Record<string, string> {
    return this.inside().defaults.headers;
  }

  /** @internal The name in Kinto.js, as of the next two. */
  get _headers(): Record<string, string> {
    return this.inside().defaults.headers;
  }
  /** @internal */
  set _headers(headers: Record<string, string>) {
    const inside = this.inside();
    inside.defaults = { ...inside.defaults, headers };
  }
  /** @internal */
  get _safe(): boolean {
    return this.inside().defaults.safe;
  }
  /** @internal */
  get _retry(): number {
    return this.inside().defaults.retry;
  }

  /**
   * {@link KintoClient.execute} of the client. The headers of the bucket and the collection are not added.
   *
   * @example
   * ```js
   * const { data } = await blog.execute({ path: "/buckets/blog/collections" });
   * ```
   */
  get execute(): C["execute"] {
    return this.client.execute.bind(this.client);
  }

  /**
   * Reads its data.
   *
   * @example
   * ```js
   * const { schema } = await client.bucket("blog").collection("posts").getData();
   * ```
   */
  async getData<T = KintoObject>(options: GetOptions = {}): Promise<T> {
    return (await get(this, this.inside().path(), options)).data;
  }

  /**
   * Replaces its data, or merges into it with `patch`. Its permissions stay, unless `permissions` are given.
   *
   * @example
   * ```js
   * await client.bucket("blog").setData({ title: "My blog" }, { patch: true });
   * ```
   */
  async setData<T extends object>(data: T & { last_modified?: number }, options: UpdateOptions = {}): Promise<KintoResponse<T>> {
    const { kind, path, encode } = this.inside();
    assertObject(data, kind);
    const { permissions, patch, last_modified } = options;
    return send(this, options, (settings) => updateRequest(path(), { data: encode(data), permissions }, { ...settings, patch, last_modified }));
  }

  /** Reads its permissions: `const { write = [] } = await blog.getPermissions()`. */
  async getPermissions(options: RequestOptions = {}): Promise<Permissions> {
    return (await get(this, this.inside().path(), options)).permissions;
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
    return send(this, options, (settings) => updateRequest(this.inside().path(), { data: {}, permissions }, { ...settings, last_modified }));
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
    assertObject(permissions, "permissions");
    if (mayBeMissing(permissions) && !this.client.isBatch) return addMissing(this, permissions, options);
    return patchPermissions(this, "add", permissions, options);
  }

  /** Takes permissions away from principals: `await blog.removePermissions({ write: ["account:bob"] })`. */
  async removePermissions(permissions: Permissions, options: WriteOptions = {}): Promise<KintoResponse> {
    assertObject(permissions, "permissions");
    return patchPermissions(this, "remove", permissions, options);
  }
}

function patchPermissions(
  resource: Resource,
  op: "add" | "remove",
  permissions: Permissions,
  options: WriteOptions,
  missing?: string[],
): Promise<KintoResponse> {
  const { last_modified } = options;
  return send(resource, options, (settings) => permissionsRequest(resource.inside().path(), op, permissions, { ...settings, last_modified }, missing));
}

/** Adds permissions that the server may not have yet. The write fails (412) if somebody else changes the object meanwhile. */
async function addMissing(resource: Resource, permissions: Permissions, options: WriteOptions): Promise<KintoResponse> {
  const { headers, retry } = options;
  const { data, permissions: known }: KintoResponse = await get(resource, resource.inside().path(), { headers, retry });
  const missing = Object.keys(permissions).filter((permission) => !(permission in known));
  const last_modified = options.last_modified ?? data.last_modified;
  return patchPermissions(resource, "add", permissions, { ...options, safe: true, last_modified }, missing);
}
