// Light or dark: as the system says, until the reader says otherwise.
import { useState } from "preact/hooks";

type Theme = "auto" | "light" | "dark";
const KEPT = "troupe.theme";
const listeners = new Set<() => void>();

function kept(): Theme {
  try {
    const theme = localStorage.getItem(KEPT);
    return theme === "light" || theme === "dark" ? theme : "auto";
  } catch {
    return "auto";
  }
}

function use(theme: Theme): void {
  const isDark = theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  for (const listener of listeners) listener();
}

/** To be called once, before anything is drawn. */
export function startTheme(): void {
  use(kept());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => use(kept()));
}

export function onTheme(listener: () => void): () => void {
  listeners.add(listener);
  return () => { listeners.delete(listener); };
}

export function ThemeSwitch() {
  const [theme, setTheme] = useState(kept());
  const choose = (next: Theme) => {
    try {
      localStorage.setItem(KEPT, next);
    } catch { /* it holds until the page is left */ }
    setTheme(next);
    use(next);
  };
  return (
    <label class="theme">
      <span class="quiet">Colours</span>
      <select value={theme} onChange={(event) => choose(event.currentTarget.value as Theme)}>
        <option value="auto">system</option><option value="light">light</option><option value="dark">dark</option>
      </select>
    </label>
  );
}
