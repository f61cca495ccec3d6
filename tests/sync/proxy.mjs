export * from "../evil/proxy.mjs";
