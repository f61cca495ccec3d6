// Light or dark: the system's choice until the user makes one.

const KEY = "essaim-demo/theme";
const systemDark = matchMedia("(prefers-color-scheme: dark)");

export function wireTheme(button) {
  const show = () => {
    const chosen = localStorage.getItem(KEY);
    const theme = chosen ?? (systemDark.matches ? "dark" : "light");
    document.documentElement.dataset.theme = theme;
    button.setAttribute("aria-label", theme === "dark" ? "Use the light theme" : "Use the dark theme");
  };
  button.addEventListener("click", () => {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    // Back to what the system says is no choice any more: follow it again.
    if (next === (systemDark.matches ? "dark" : "light")) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
    show();
  });
  systemDark.addEventListener("change", show);
  show();
}
