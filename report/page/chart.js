// One interactive chart, drawn with uPlot from the JSON of `report/charts/line_chart.py`. Every number comes from
// the page; nothing is computed here but what is in view, and nothing is drawn before it comes near the window.
"use strict";
const figures = (() => {
  const { element, ink, short, status } = shared;
  const { FONT, areMarked, drawBefore, drawBehind, drawMarks, hatch } = painting;
  const HINT = "Point for values, drag to zoom, double-click for all.";
  const KEYS = "Keys: ← → for values (⇧ for ten), + − to zoom, 0 for all.";
  const STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600];
  const HEIGHT_PX = 290;
  const NEAR = "50% 0px"; // so far beyond the window a chart is drawn already
  const charts = [];

  function linesOf(data) {
    return data.traces.flatMap((trace) => [
      ...(trace.middle ? [{ trace, run: null, dash: trace.dash, values: trace.middle }] : []),
      ...trace.runs.map((one) => (
        { trace, run: one.run, dash: one.dash, values: one.values })),
    ]);
  }

  function seriesOf(line, show, { steps, line_px: linePx }) {
    const thick = line.run === null, role = line.trace.colour;
    return {
      label: line.trace.label,
      show,
      stroke: () => ink(role),
      fill: thick && line.trace.hatched ? () => hatch(ink(role)) : undefined,
      width: thick ? linePx : 1,
      alpha: thick ? 1 : 0.4,
      dash: line.dash,
      paths: steps ? uPlot.paths.stepped({ align: 1 }) : undefined,
      points: { show: false },
      spanGaps: line.trace.bridged,
    };
  }

  /** 1 (of few decades 2 and 5, too) × 10ⁿ, as the drawings have them. */
  function logPlaces(low, high) {
    const first = Math.floor(Math.log10(low)), found = [];
    for (let decade = 10 ** first; decade <= high; decade *= 10) {
      for (const times of high / low < 200 ? [1, 2, 5] : [1]) found.push(decade * times);
    }
    return found.filter((at) => at >= low && at <= high);
  }

  function axesOf(data) {
    const look = {
      stroke: () => ink("muted"), font: FONT, ticks: { show: false },
      grid: { stroke: () => ink("grid"), width: 1 },
    };
    const percentile = (x) => String(Number((100 * (1 - 1 / x)).toPrecision(4)));
    const marked = [50, 90, 95, 99, 99.9, 99.99].map((q) => 1 / (1 - q / 100));
    const x = data.axis === "percentile"
      ? { label: "percentile", splits: () => [1, ...marked], filter: (_, places) => places,
          values: (_, places) => places.map(percentile) }
      : { label: "seconds since the load began", grid: { show: false },
          incrs: STEPS_S, values: (_, places) => places.map((at) => String(Number(at.toFixed(1)))) };
    const every = (_, places) => places;
    const none = data.cells ? [Math.sqrt(data.cells.none[0] * data.cells.none[1])] : [];
    const top = data.cells?.edges.at(-1) ?? Infinity;
    const y = {
      size: 56, values: (_, places) => places.map((at) => (none.includes(at) ? "none" : short(at))),
      ...(data.log ? { filter: every,
        splits: (_, __, low, high) => [...logPlaces(low, Math.min(high, top)), ...none] } : {}),
      grid: { ...look.grid, ...(data.log ? { filter: every } : {}) },
    };
    return [{ ...look, labelFont: FONT, labelSize: 18, size: 30, ...x }, { ...look, ...y }];
  }

  function scalesOf(data) {
    const first = data.axis === "percentile" ? 1 : 0;
    const whole = (min, max) => (
      min === null || (min <= data.x[0] && max >= data.x[data.x.length - 1]));
    const highest = Math.max(0, ...data.levels.map(([value]) => value * 1.14));
    const fromZero = (high) => [-0.03 * high, high]; // no line lies on the edge
    const linear = (min, max) => data.y ?? fromZero(Math.max(max * 1.1, highest, 1));
    const log = (min, max) => data.y ?? (min === null ? [1, 10] : [min / 1.25, max * 1.25]);
    return {
      x: {
        time: false, distr: data.axis === "percentile" ? 3 : 1,
        range: (_, min, max) => (whole(min, max) ? [first, data.end] : [min, max]),
      },
      y: { distr: data.log ? 3 : 1, range: (_, min, max) => (data.log ? log : linear)(min, max) },
    };
  }

  function where(data, x) {
    if (data.axis === "percentile") return `percentile ${Number((100 * (1 - 1 / x)).toPrecision(4))}`;
    const spans = [...data.bands.map(([a, b, label]) => [a, b, /^\d/.test(label) ? `stage ${label}` : label]), ...data.marks];
    const within = spans.filter(([from, to]) => from <= x && x < to).map(([, , label]) => label);
    return [`${Number(x.toFixed(1))} s`, ...within].join(" · ");
  }

  function sample(trace, marked) {
    const dash = trace.dash.join(" ");
    const corners = (marked && trace.marker || []).map(([x, y]) => `${14 + 4 * x},${4 - 4 * y}`).join(" ");
    const made = element("span", { class: `sample ${trace.colour}`, "aria-hidden": "true" });
    made.innerHTML = `<svg viewBox="0 0 28 8" width="28" height="8"><path d="M0 4H28" fill="none" `
      + `stroke="currentColor" stroke-width="2.5" stroke-dasharray="${dash}"/>`
      + `<polygon points="${corners}" fill="currentColor"/></svg>`;
    return made;
  }

  /** Act once a place comes near the window; what is folded is nowhere near. */
  function onceNear(place, act) {
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      act();
    }, { rootMargin: NEAR });
    observer.observe(place);
  }

  class Chart {
    constructor(place, data) {
      this.data = data;
      this.title = place.dataset.title;
      this.lines = linesOf(data);
      this.on = new Set(data.traces.filter((trace) => trace.shown));
      this.hidden = { variants: new Set(), runs: new Set() };
      this.drawn = null;
      this.latest = null; // what is read while nothing is pointed at: nothing, unless it grows
      this.canvas = element("div", {
        class: "canvas", tabindex: "0", role: "application", style: `min-height: ${HEIGHT_PX}px`,
        "aria-label": `${this.title}, interactive chart. ${KEYS}`,
        onkeydown: (event) => this.key(event),
        onfocus: () => { this.draw(); this.read(); }, onblur: () => this.read(),
      });
      this.reading = element("p", { class: "reading" }, HINT);
      place.append(this.head(), this.canvas, this.reading, this.legend());
      new ResizeObserver(() => this.drawn?.setSize(this.size())).observe(this.canvas);
      onceNear(this.canvas, () => this.draw());
    }

    /** Draw it, once; it is zoomed as the others are. */
    draw() {
      if (this.drawn) return;
      this.drawn = new uPlot(this.options(), [this.data.x, ...this.lines.map((line) => line.values)], this.canvas);
      const other = this.group().find((chart) => chart !== this && !chart.whole.disabled);
      if (!other) return;
      const { min, max } = other.drawn.scales.x;
      this.drawn.setScale("x", { min, max });
    }

    size() {
      return { width: Math.max(this.canvas.clientWidth, 200), height: HEIGHT_PX };
    }

    options() {
      const { data } = this;
      return {
        ...this.size(),
        padding: [18, 14, 0, 0],
        legend: { show: false },
        cursor: {
          y: false, drag: { x: true, y: false, dist: 6 },
          ...(data.axis === "seconds" ? { sync: { key: "seconds", scales: ["x", null] } } : {}),
        },
        scales: scalesOf(data),
        axes: axesOf(data),
        series: [{}, ...this.lines.map((line) => seriesOf(line, this.shows(line), data))],
        hooks: {
          drawClear: [(plot) => drawBehind(plot, data), (plot) => data.cells && heatMap.drawCells(plot, data)],
          draw: [(plot) => drawBefore(plot, data), (plot) => drawMarks(plot, this)],
          setCursor: [() => this.read()],
          setScale: [(plot, key) => key === "x" && this.scaled(plot)],
        },
      };
    }

    // What stands around the canvas.

    head() {
      const { data, title } = this;
      const button = (text, label, act) => element(
        "button", { type: "button", "aria-label": `${label}: ${title}`, onclick: act }, text);
      this.whole = button("All", "Show all", () => this.reset());
      this.whole.disabled = true;
      return element("div", { class: "head", onfocusin: () => this.draw() },
        element("b", { class: "title" }, title), element("span", { class: "unit" }, data.unit),
        element("span", { class: "zoom" },
          button("+", "Zoom in", () => this.zoom(0.5)), button("−", "Zoom out", () => this.zoom(2)),
          this.whole));
    }

    legend() {
      this.entries = this.data.traces.map((trace) => {
        const output = element("span", { class: "value" });
        const runs = element("small");
        const button = element("button", {
          type: "button", "aria-pressed": String(trace.shown), onclick: () => {
            this.on[this.on.has(trace) ? "delete" : "add"](trace);
            button.setAttribute("aria-pressed", String(this.on.has(trace)));
            this.show();
          },
        }, sample(trace, areMarked(this.data)), trace.label);
        return { trace, output, runs, item: element("li", {}, button, output, runs) };
      });
      const variants = new Set(this.data.traces.map((trace) => trace.variant));
      const terse = variants.size === 1 && this.data.traces.every((trace) => trace.runs.length === 0);
      return element("ul", { class: `legend${terse ? " terse" : ""}`, "aria-label": `Lines: ${this.title}` },
        ...this.entries.map((entry) => entry.item), ...(this.data.cells ? [heatMap.colourBar(this.data.cells)] : []));
    }

    // What is in view.

    shows({ trace, run }) {
      const { variants, runs } = this.hidden;
      return this.on.has(trace) && !variants.has(trace.variant) && !runs.has(run);
    }

    show() {
      this.drawn?.batch(() => this.lines.forEach((line, position) => {
        const show = this.shows(line);
        if (this.drawn.series[position + 1].show !== show) this.drawn.setSeries(position + 1, { show });
      }));
      for (const { trace, item } of this.entries) item.hidden = this.hidden.variants.has(trace.variant);
      this.read();
    }

    read() {
      const idx = this.drawn?.cursor.idx ?? this.latest;
      const known = idx !== null;
      const hint = document.activeElement === this.canvas ? KEYS : HINT;
      const x = known ? this.data.x[idx] : null;
      const cell = known && this.data.cells ? ` · ${heatMap.cellAt(this.drawn, this.data, x)}` : "";
      this.reading.textContent = known ? where(this.data, x) + cell : hint;
      for (const { trace, output, runs } of this.entries) {
        const seen = trace.runs.filter((one) => !this.hidden.runs.has(one.run));
        const each = seen.map((one) => `run ${one.run} ${short(one.values[idx])}`);
        const read = known && this.on.has(trace);
        output.textContent = read && trace.middle ? short(trace.middle[idx]) : "";
        runs.textContent = read ? each.join(", ") : "";
      }
    }

    /** Take all of what has grown: its times, until when they go, and the values of its lines. */
    feed(x, end, values) {
      this.draw();
      const wasWhole = this.whole.disabled;
      Object.assign(this.data, { x, end });
      this.lines.forEach((line, at) => { line.values = line.trace.middle = values[at]; });
      this.latest = x.length > 0 ? x.length - 1 : null;
      this.drawn.setData([x, ...values], wasWhole);
      if (!wasWhole) this.drawn.redraw(); // where it is zoomed, it stays
      this.read();
    }

    words() {
      const said = this.entries
        .filter(({ trace, item }) => this.on.has(trace) && !item.hidden)
        .map(({ trace, output, runs }) => `${trace.label} ${output.textContent || runs.textContent}`);
      return [this.reading.textContent, ...said].join("; ");
    }

    // Zooming: charts over time go together.

    group() {
      return this.data.axis === "seconds"
        ? charts.filter((chart) => chart.data.axis === "seconds") : [this];
    }

    reset() {
      for (const { drawn, data } of this.group()) {
        drawn?.setScale("x", { min: data.x[0], max: data.x[data.x.length - 1] });
      }
    }

    zoom(factor) {
      const log = this.data.axis === "percentile";
      const [to, back] = log ? [Math.log, Math.exp] : [(x) => x, (x) => x];
      const { min, max } = this.drawn.scales.x;
      const { idx } = this.drawn.cursor;
      const [low, high] = [to(min), to(max)];
      const at = idx === null || idx === undefined ? (low + high) / 2 : to(this.data.x[idx]);
      const reach = (high - low) * factor;
      const most = to(this.data.end); // both axes begin at 0, the logarithm of 1
      if (reach > 0.999 * most) return this.reset();
      const start = Math.min(Math.max(0, at - reach * ((at - low) / (high - low))), most - reach);
      const end = start + reach;
      for (const { drawn } of this.group()) drawn?.setScale("x", { min: back(start), max: back(end) });
    }

    scaled(plot) {
      const { min, max } = plot.scales.x;
      const first = this.data.axis === "percentile" ? 1 : 0;
      this.whole.disabled = min <= first && max >= this.data.end;
    }

    key(event) {
      const { drawn: plot, data } = this;
      if (event.ctrlKey || event.metaKey || event.altKey || data.x.length === 0) return;
      const last = data.x.length - 1;
      const idx = plot.cursor.idx ?? -1;
      const step = event.shiftKey ? 10 : 1;
      const moves = { ArrowRight: idx + step, ArrowLeft: idx < 0 ? last : idx - step, Home: 0, End: last };
      if (event.key in moves) {
        const next = Math.min(Math.max(moves[event.key], 0), last);
        plot.setCursor({ left: plot.valToPos(data.x[next], "x"), top: 0 }, true, true);
        status.textContent = this.words();
      } else if (event.key === "+" || event.key === "=") this.zoom(0.5);
      else if (event.key === "-") this.zoom(2);
      else if (event.key === "0" || event.key === "Escape") this.reset();
      else return;
      event.preventDefault();
    }
  }

  return { Chart, charts };
})();
