import Kinto from "essaim";
import { optionsOf, useTasks } from "../tasks.js";

globalThis.outcome = useTasks(Kinto, optionsOf(location.href));
