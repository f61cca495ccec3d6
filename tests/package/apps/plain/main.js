import Kinto from "./node_modules/essaim/index.js";
import { optionsOf, useTasks } from "./tasks.js";

globalThis.outcome = useTasks(Kinto, optionsOf(location.href));
