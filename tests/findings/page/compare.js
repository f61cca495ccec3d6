// The comparison page: one card for each scenario, with the results of both libraries.

import { LIBRARIES, play, same, scenarios } from "./scenarios/index.js";

const remote = new URLSearchParams(location.search).get("remote") ?? "http://localhost:8888/v1";
const SIDES = [...LIBRARIES].reverse();
const score = document.querySelector(".score");
const cards = scenarios.map(makeCard);

document.querySelector("main").append(...cards.map(({ article }) => article));
document.querySelector("[data-action=play-all]").addEventListener("click", playAll);
await playAll();

/** Runs the scenarios one after the other, because some count what the whole page does. */
async function playAll() {
  setBusy(true);
  // Slow scenarios run last.
  for (const card of cards.toSorted((one, other) => Number(one.scenario.slow ?? false) - Number(other.scenario.slow ?? false))) await card.play();
  setBusy(false);
}

async function playOne(card) {
  setBusy(true);
  await card.play();
  setBusy(false);
}

function setBusy(busy) {
  for (const button of document.querySelectorAll("button")) button.disabled = busy;
  document.documentElement.dataset.state = busy ? "playing" : "done";
}

function makeCard(scenario) {
  const article = document.querySelector("template").content.cloneNode(true).firstElementChild;
  article.dataset.finding = scenario.number;
  article.querySelector(".number").textContent = scenario.number;
  article.querySelector("h2").textContent = sentence(scenario.title);
  article.querySelector(".story").textContent = scenario.story;
  const sides = SIDES.map((library) => makeSide(library));
  article.querySelector(".sides").append(...sides.map(({ section }) => section));
  const card = {
    scenario,
    article,
    async play() {
      for (const side of sides) side.wait(scenario.slow);
      for (const side of sides) side.show(await observe(scenario, side.library), scenario.right);
      tellScore();
    },
  };
  article.querySelector("button").addEventListener("click", () => playOne(card));
  return card;
}

async function observe(scenario, library) {
  try {
    return await play(scenario, library, remote);
  } catch (error) {
    return { "the scenario": String(error) };
  }
}

function makeSide(library) {
  const section = document.createElement("section");
  section.dataset.library = library;
  const name = element("h3", library);
  const verdict = element("span", "waits", "verdict");
  const observed = document.createElement("dl");
  section.append(name, verdict, observed);
  return {
    library,
    section,
    wait(slow) {
      section.dataset.verdict = "none";
      verdict.textContent = slow ? "plays, which takes a while …" : "plays …";
      observed.replaceChildren();
    },
    show(found, right) {
      const isRight = same(found, right);
      section.dataset.verdict = isRight ? "right" : "wrong";
      verdict.textContent = isRight ? "right" : "wrong";
      observed.replaceChildren(...Object.entries(found).flatMap(([what, value]) => fact(what, value, right[what])));
    },
  };
}

/** Returns elements for an observed value, with the right value if that differs. */
function fact(what, value, right) {
  const given = element("dd", words(value));
  if (!same(value, right)) given.append(element("small", `instead of ${words(right)}`));
  return [element("dt", what), given];
}

/** Returns the title with a capital letter, unless it begins with an identifier. */
function sentence(title) {
  return /^[a-z]+[ :]/.test(title) ? title[0].toUpperCase() + title.slice(1) : title;
}

function words(value) {
  if (Array.isArray(value)) return value.join(", ");
  if (value === "") return "nothing";
  return typeof value === "number" ? value.toLocaleString("en") : String(value);
}

function element(name, text, className = "") {
  return Object.assign(document.createElement(name), { textContent: text, className });
}

function tellScore() {
  const count = (library, ...verdicts) => verdicts.reduce((sum, verdict) => sum + document.querySelectorAll(`[data-library="${library}"][data-verdict=${verdict}]`).length, 0);
  score.textContent = SIDES.map((library) => `${library}: ${count(library, "right")} of ${count(library, "right", "wrong")} right`).join(" · ");
}
