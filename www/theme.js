// The light or dark theme: that of the system, until the user chooses one.

const KEY = "essaim-demo/theme";
const systemDark = matchMedia("(prefers-color-scheme: dark)");

const current = () => localStorage.getItem(KEY) ?? (systemDark.matches ? "dark" : "light");

export function wireTheme(button) {
  const show = () => {
    const chosen = localStorage.getItem(KEY);
    if (chosen) document.documentElement.dataset.theme = chosen;
    else delete document.documentElement.dataset.theme;
    button.setAttribute("aria-label", current() === "dark" ? "Use the light theme" : "Use the dark theme");
  };
  button.addEventListener("click", () => {
    const next = current() === "dark" ? "light" : "dark";
    // If the user chooses the system's theme, the choice is removed, so that the page follows the system again.
    if (next === (systemDark.matches ? "dark" : "light")) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
    show();
  });
  systemDark.addEventListener("change", show);
  show();
}
