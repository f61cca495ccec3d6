// Lies about what the server did: false success, refusals without a reason, and invalid answers.

import { lie } from "../lie.mjs";
import { answer, BREAK, kintoError, NEVER } from "../proxy.mjs";

export const notStored = lie("A write is acknowledged and not stored.", { at: "PUT ", status: 201, limits: undefined }, (proxy, { at, status, limits }) =>
  proxy.rule(at, (request) => {
    const id = request.path.split("/").at(-1);
    return answer(status, { data: { ...JSON.parse(request.body).data, id, last_modified: Date.now() } });
  }, limits));

export const lostAnswer = lie("A write is stored, and its answer never arrives.", { at: "PUT ", limits: { times: 1 } }, (proxy, { at, limits }) =>
  proxy.rule(at, async (_, pass) => (await pass(), BREAK), limits));

export const refuse = lie(
  "Requests are refused with an error in Kinto's format.",
  { at: "PUT ", status: 412, errno: 114, message: "so it says", headers: {}, limits: undefined },
  (proxy, { at, status, errno, message, headers, limits }) => proxy.rule(at, () => kintoError(status, errno, message, headers), limits),
);

export const say = lie(
  "Requests get this answer, and the server does not hear of them.",
  { at: "GET /records", status: 200, body: "<!doctype html><title>Welcome</title>", headers: {}, limits: undefined },
  (proxy, { at, status, body, headers, limits }) => proxy.rule(at, () => answer(status, body, headers), limits),
);

export const forgedError = lie(
  "An error's body has members that only the client itself writes.",
  { at: "GET /records", status: 403, body: { evidence: { position: 1 }, destination: "http://elsewhere.invalid", cause: "fork", code: "fork" } },
  (proxy, { at, status, body }) => proxy.rule(at, () => answer(status, { code: status, errno: 121, error: "Forbidden", message: "so it says", ...body })),
);

export const nothingNew = lie("Nothing has changed, ever: a conditional request gets 304.", { at: "GET /records" }, (proxy, { at }) =>
  proxy.rule(at, async (request, pass) => {
    const { "if-none-match": known } = request.headers;
    return known ? answer(304, "", { ETag: known }) : pass();
  }));

export const redirect = lie("Requests are redirected.", { at: "GET /records", status: 307, to: "http://elsewhere.invalid/v1/" }, (proxy, { at, status, to }) =>
  proxy.rule(at, ({ url }) => answer(status, "", { Location: typeof to === "function" ? to(url) : to })));

export const hangUp = lie("The connection breaks off before an answer.", { at: "* ", limits: undefined }, (proxy, { at, limits }) =>
  proxy.rule(at, () => BREAK, limits));

export const silence = lie("No answer ever comes.", { at: "* ", limits: undefined }, (proxy, { at, limits }) =>
  proxy.rule(at, () => NEVER, limits));
