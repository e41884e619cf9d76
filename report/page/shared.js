// What every script of a page uses: elements, numbers, the colours of the theme, and what is read aloud.
"use strict";
const shared = (() => {
  const palette = new Map();

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (value !== false) made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...children);
    return made;
  }

  const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

  /** As `numbers.short` of the drawings: no needless digits, thousands separated. */
  function short(value) {
    if (value === null || value === undefined) return "–";
    const digits = Math.abs(value) < 1 ? 2 : 3;
    return Math.abs(value) < 10 ? String(Number(value.toPrecision(digits))) : grouped.format(value);
  }

  /** The colour of a role in the theme of now. */
  function ink(role) {
    if (!palette.has(role)) {
      palette.set(role, getComputedStyle(document.documentElement).getPropertyValue(`--${role}`).trim());
    }
    return palette.get(role);
  }

  const readPalette = () => palette.clear();

  /** What changes under the keyboard is said aloud here. */
  const status = element("div", { role: "status", class: "unseen" });

  return { element, grouped, ink, readPalette, short, status };
})();
