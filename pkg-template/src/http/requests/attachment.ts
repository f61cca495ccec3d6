/** Uploads of files as multipart forms. */

import { invalidOption } from "../../errors.js";
import { addHeaders } from "../defaults.js";
import type { KintoRequest } from "../types.js";
import { preconditions, type WriteSettings } from "./writes.js";

/** Reads the file in a data URL: `data:text/plain;name=a.txt;base64,…`. */
function readDataUrl(dataUrl: string): { blob: Blob; name: string | undefined } {
  const comma = String(dataUrl).indexOf(";base64,");
  if (!String(dataUrl).startsWith("data:") || comma < 0) throw invalidOption("Invalid data-url: it must begin with data: and say ;base64, before the content.");
  const [type = "", ...parameters] = dataUrl.slice("data:".length, comma).split(";");
  const name = parameters.map((parameter) => /^name=(.*)$/.exec(parameter)?.[1]).find((found) => found !== undefined);
  return { blob: new Blob([readBase64(dataUrl.slice(comma + ";base64,".length))], { type }), name };
}

function readBase64(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw invalidOption("Invalid data-url: what follows base64, is not base64.");
  }
}

/** A form of the file and of each field as JSON. The name of the file is the one in its URL, else `filename`. */
export function attachmentForm(dataUrl: string, filename: string | undefined, fields: Record<string, unknown>): FormData {
  const { blob, name } = readDataUrl(dataUrl);
  const form = new FormData();
  form.append("attachment", blob, name || filename || "untitled");
  for (const [field, value] of Object.entries(fields)) {
    if (value !== undefined) form.append(field, JSON.stringify(value));
  }
  return form;
}

/** Uploads a form to the attachment endpoint of a record. */
export function attachmentRequest(path: string, form: FormData, { headers, safe, last_modified }: WriteSettings): KintoRequest {
  return { method: "POST", path, headers: addHeaders(headers, preconditions(safe, last_modified)), body: form };
}
