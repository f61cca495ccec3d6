import { play, same, scenarios } from "./scenarios/index.js";
globalThis.play = ({ number, library, remote }) => play(scenarios.find((one) => one.number === number), library, remote);
globalThis.scenarios = scenarios;
