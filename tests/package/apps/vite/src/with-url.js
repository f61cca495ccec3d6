import Kinto, { init } from "essaim";
import url from "essaim/wasm?url";
import { optionsOf, useTasks } from "../tasks.js";

globalThis.outcome = init(url).then(() => useTasks(Kinto, optionsOf(location.href)));
