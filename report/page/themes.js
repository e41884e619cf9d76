// Lets the reader choose the theme, and has the charts follow it.
"use strict";
const themes = (() => {
  const { readPalette } = shared;
  const { charts } = figures;

  function repaint() {
    readPalette();
    for (const chart of charts) chart.drawn?.redraw();
  }

  /** Show the choice; without script the page follows the system. */
  function offer() {
    const label = document.querySelector(".theme");
    const select = label.querySelector("select");
    const choose = (theme) => {
      if (theme) document.documentElement.dataset.theme = theme;
      else delete document.documentElement.dataset.theme;
      repaint();
    };
    label.hidden = false;
    select.addEventListener("change", () => choose(select.value));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  }

  return { offer };
})();
