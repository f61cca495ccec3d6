import * as lies from "../evil/lies/records.mjs";

export { show } from "../evil/lie.mjs";
export { flip, pageId, PARTS } from "../evil/lies/records.mjs";

export const hide = (proxy, ...ids) => lies.hide(proxy, { ids });
export const bury = (proxy, ...ids) => lies.bury(proxy, { ids });
export const change = (proxy, id, fields) => lies.change(proxy, { id, fields });
export const replay = (proxy, records, { from, as }) => lies.replay(proxy, { records, from, as });
export const exchange = (proxy, one, other) => lies.exchange(proxy, { one, other });
export const turnBack = (proxy, backup) => lies.turnBack(proxy, { backup });
export const lead = (proxy, headers) => lies.lead(proxy, { headers });
