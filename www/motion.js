// Animations: rows glide to their new place, and bees fly between devices and server. There are no animations if the user has asked the system for
// reduced motion.

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const FLIGHT_MS = 900;
const BEES_AT_ONCE = 10;

/** Calls `change`, which may reorder, add or remove children of `list`, and animates the children from their old to their new places. */
export function moveChildren(list, change) {
  const before = calm.matches ? null : new Map([...list.children].map((child) => [child, child.offsetTop]));
  change();
  if (!before) return;
  for (const child of list.children) {
    const rise = before.has(child) ? before.get(child) - child.offsetTop : null;
    if (rise === null) child.animate({ opacity: [0, 1], transform: ["scale(.97)", "none"] }, { duration: 220, easing: "ease-out" });
    else if (rise) child.animate({ transform: [`translateY(${rise}px)`, "none"] }, { duration: 260, easing: "cubic-bezier(.3,.8,.3,1)" });
  }
}

/** Lets one bee fly for each of the `routes` `{from, to}` (rectangles), and calls `landed(route)` when it arrives. */
export function flyBees(routes, landed) {
  routes.forEach((route, place) => {
    if (calm.matches || place >= BEES_AT_ONCE || !route.from || !route.to) return landed(route);
    flyBee(route, place * 90).then(() => landed(route));
  });
}

async function flyBee({ from, to }, delay) {
  const bee = document.getElementById("bee-template").content.firstElementChild.cloneNode(true);
  document.body.append(bee);
  const flight = bee.animate(flightPath(centre(from), centre(to)), { duration: FLIGHT_MS, delay, easing: "ease-in-out", fill: "both" });
  // A cancelled animation (page hidden, element removed) counts as arrived.
  await flight.finished.catch(() => {});
  bee.remove();
}

/** Returns the keyframes of an arc from `start` to `end`, with a slight wobble. */
function flightPath(start, end) {
  const steps = 24;
  const lift = Math.min(120, 40 + Math.hypot(end.x - start.x, end.y - start.y) / 5);
  const wobble = 5 + Math.random() * 5;
  const lean = end.x < start.x ? -1 : 1;
  return Array.from({ length: steps + 1 }, (_, step) => {
    const t = step / steps;
    const arc = Math.sin(Math.PI * t);
    const x = start.x + (end.x - start.x) * t;
    const y = start.y + (end.y - start.y) * t - lift * arc + wobble * arc * Math.sin(t * 18);
    return {
      transform: `translate(${x - 11}px, ${y - 11}px) scale(${lean * (0.6 + 0.5 * arc)}, ${0.6 + 0.5 * arc}) rotate(${8 * Math.sin(t * 14)}deg)`,
      opacity: Math.min(1, 6 * t, 6 * (1 - t) + 0.2),
    };
  });
}

function centre(rect) {
  return { x: rect.left + rect.width / 2, y: rect.top + rect.height / 2 };
}
