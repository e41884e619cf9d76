// The report's page: its charts put in place of the drawings, what switches them, themes, contents.
// Without this script the page shows its drawings, and says the same.
"use strict";
(() => {
  const { element, readPalette, status } = shared;
  const { Chart, charts } = figures;

  /** Variants and runs are switched for all charts of a section that have them all. */
  function toolbar(section) {
    const bar = section.querySelector(".toolbar");
    const own = charts.filter((chart) => section.contains(chart.canvas));
    if (!bar || own.length === 0) return;
    const lists = {
      variants: (chart) => chart.data.traces.map((trace) => trace.variant),
      runs: (chart) => chart.lines.map((line) => line.run).filter((run) => run !== null),
    };
    for (const [kind, list] of Object.entries(lists)) {
      const every = [...new Set(own.flatMap(list))].sort((a, b) => (kind === "runs" ? a - b : 0));
      const whole = own.filter((chart) => new Set(list(chart)).size === every.length);
      if (every.length < 2 || whole.length === 0) continue;
      const boxes = every.map((value) => element("label", {}, element("input", {
        type: "checkbox", checked: true, onchange: (event) => {
          for (const chart of whole) {
            chart.hidden[kind][event.target.checked ? "delete" : "add"](value);
            chart.show();
          }
        },
      }), ` ${value}`));
      const name = kind === "runs" ? "Runs" : "Variants";
      bar.append(element("fieldset", {}, element("legend", {}, name), ...boxes));
      bar.hidden = false;
    }
  }

  function draw(place) {
    const figure = place.closest(".figure");
    figure.classList.add("drawn");
    try {
      charts.push(new Chart(place, JSON.parse(document.getElementById(place.dataset.chart).textContent)));
    } catch (error) {
      figure.classList.remove("drawn"); // the drawings are still there
      console.error(error);
    }
  }

  /** What an address leads to is unfolded, whatever it is folded in. */
  function reveal() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const folded = [];
    for (let one = target?.closest("details"); one; one = one.parentElement.closest("details")) folded.push(one);
    if (folded.every((one) => one.open)) return;
    for (const one of folded) one.open = true;
    target.scrollIntoView();
  }

  /** The contents show where the reader is: in the last section that begins in the upper quarter. */
  function follow() {
    const links = [...document.querySelectorAll(".contents a")];
    const places = links.map((link) => document.getElementById(link.hash.slice(1)));
    const mark = () => {
      const passed = places.filter((place) => place.getBoundingClientRect().top < innerHeight / 4);
      const here = places.indexOf(passed.at(-1));
      links.forEach((link, at) => {
        if (at === here) link.setAttribute("aria-current", "location");
        else link.removeAttribute("aria-current");
      });
    };
    let asked = 0;
    addEventListener("scroll", () => {
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(mark);
    }, { passive: true });
    mark();
  }

  readPalette();
  document.body.append(status);
  document.querySelectorAll(".live").forEach(draw);
  document.querySelectorAll("section").forEach(toolbar);
  themes.offer();
  copying.offer();
  follow();
  reveal();
  addEventListener("hashchange", reveal);
})();
