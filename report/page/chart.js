// One interactive chart, drawn with uPlot from the JSON of `report/charts/line_chart.py`. Every number comes from
// the page; nothing is computed here but what is in view.
"use strict";
const figures = (() => {
  const HINT = "Point for values, drag to zoom, double-click for all.";
  const KEYS = "Keys: ← → for values (⇧ for ten), + − to zoom, 0 for all.";
  const STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600];
  const HEIGHT_PX = 290;
  const FONT = "11px system-ui, sans-serif";
  const MOST_LABELS = 12; // of marks in view: more would cover each other; zoomed in, they have their labels
  const palette = new Map();
  const charts = [];

  // ---- small tools ----

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

  // ---- what is drawn on the canvas besides the lines ----

  function onCanvas(plot, draw) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, 0, bbox.width, bbox.top + bbox.height);
    ctx.clip();
    draw(ctx, bbox, uPlot.pxRatio);
    ctx.restore();
  }

  function band(plot, ctx, bbox, from, to, fill) {
    const left = plot.valToPos(from, "x", true);
    ctx.fillStyle = fill;
    ctx.fillRect(left, bbox.top, plot.valToPos(to, "x", true) - left, bbox.height);
  }

  /** Stages as bands, faults as bands between dashed lines: behind the lines. */
  function drawBehind(plot, data) {
    onCanvas(plot, (ctx, bbox) => {
      data.bands.forEach(([from, to], position) => {
        if (position % 2 === 0) band(plot, ctx, bbox, from, to, ink("band"));
      });
      for (const [from, to] of data.marks) band(plot, ctx, bbox, from, to, ink("fault"));
    });
    if (data.cells) drawCells(plot, data);
  }

  // ---- the cells of a heat map ----

  const stepOf = ({ steps }, count) => steps.findLast(([least]) => count >= least);

  /** From and to of a row; the last one is apart from the others. */
  const heightOf = ({ edges, none }, row) => (row === edges.length - 1 ? none : [edges[row], edges[row + 1]]);

  function drawCells(plot, { cells }) {
    onCanvas(plot, (ctx) => {
      for (const [column, row, count] of cells.counts) {
        const [low, high] = heightOf(cells, row);
        const at = (value, axis) => Math.round(plot.valToPos(value, axis, true)); // no seam between cells
        const left = at(column * cells.width, "x"), right = at((column + 1) * cells.width, "x");
        const top = at(high, "y"), bottom = at(low, "y");
        ctx.fillStyle = ink(stepOf(cells, count)[1]);
        ctx.fillRect(left, top, right - left, bottom - top);
      }
    });
  }

  /** The cell that is pointed at, in words; of no row: what its column holds. */
  function cellAt(plot, { cells }, x) {
    const column = Math.floor(x / cells.width), y = plot.posToVal(plot.cursor.top, "y");
    const own = cells.counts.filter(([of]) => of === column);
    const row = cells.rows.findIndex((_, at) => heightOf(cells, at)[0] <= y && y < heightOf(cells, at)[1]);
    const here = row < 0 ? own : own.filter(([, of]) => of === row);
    const count = here.reduce((sum, [, , n]) => sum + n, 0);
    return `${row < 0 ? "" : `${cells.rows[row]}: `}${grouped.format(count)} ${cells.noun}${count === 1 ? "" : "s"}`;
  }

  /** What the colours of the cells mean, as a bar. */
  function colourBar({ steps, noun }) {
    const named = steps.map(([, role, label]) => {
      const swatch = element("span", { class: "swatch", "aria-hidden": "true" });
      swatch.style.background = `var(--${role})`;
      return element("span", {}, swatch, label);
    });
    return element("li", { class: "bar" }, `${noun}s in a cell:`, ...named);
  }

  /** What the bands are, and levels such as the stock: before the lines. */
  function drawBefore(plot, data) {
    onCanvas(plot, (ctx, bbox, ratio) => {
      ctx.font = FONT.replace("11", String(11 * ratio));
      ctx.fillStyle = ctx.strokeStyle = ink("muted");
      ctx.textAlign = "center";
      for (const [from, to, label] of data.bands) {
        const left = plot.valToPos(from, "x", true), right = plot.valToPos(to, "x", true);
        const fits = ctx.measureText(label).width < right - left;
        ctx.fillText(fits ? label : label.split(" ")[0], (left + right) / 2, bbox.top - 5 * ratio);
      }
      ctx.setLineDash([3 * ratio, 3 * ratio]);
      ctx.lineWidth = ratio;
      const line = (x0, y0, x1, y1) => {
        ctx.beginPath();
        ctx.moveTo(x0, y0);
        ctx.lineTo(x1, y1);
        ctx.stroke();
      };
      ctx.textAlign = "right";
      for (const [value, label] of data.levels) {
        const y = plot.valToPos(value, "y", true), right = bbox.left + bbox.width;
        line(bbox.left, y, right, y);
        ctx.fillText(label, right - 4 * ratio, y - 7 * ratio);
      }
      const { min, max } = plot.scales.x;
      const marks = data.marks.filter(([from, to]) => to >= min && from <= max);
      for (const [from, to, label] of marks.length > MOST_LABELS ? [] : marks) {
        for (const at of new Set([from, to])) {
          const x = plot.valToPos(at, "x", true);
          line(x, bbox.top, x, bbox.top + bbox.height);
        }
        ctx.save();
        ctx.fillStyle = ink("ink");
        ctx.translate(plot.valToPos(from, "x", true) + 12 * ratio, bbox.top + 4 * ratio);
        ctx.rotate(Math.PI / 2);
        ctx.textAlign = "left";
        ctx.fillText(label, 0, 8 * ratio);
        ctx.restore();
      }
    });
  }

  function polygon(ctx, corners, x, y, radius) {
    ctx.beginPath();
    for (const [dx, dy] of corners) ctx.lineTo(x + dx * radius, y - dy * radius);
    ctx.closePath();
  }

  /** What tells lines apart where they lie on each other, and why a line ends before the others. */
  function drawMarks(plot, { data, lines }) {
    const marked = areMarked(data);
    onCanvas(plot, (ctx, _, ratio) => {
      ctx.font = FONT.replace("11", String(11 * ratio));
      ctx.lineWidth = ratio;
      lines.forEach(({ trace, run, values }, position) => {
        if (run !== null || !plot.series[position + 1].show) return;
        const at = (place) => [plot.valToPos(data.x[place], "x", true), plot.valToPos(values[place], "y", true)];
        ctx.fillStyle = ink(trace.colour);
        for (const place of marked && trace.marked || []) {
          polygon(ctx, trace.marker, ...at(place), 5 * ratio);
          ctx.fill();
          ctx.strokeStyle = ink("paper");
          ctx.stroke();
        }
        if (!trace.ending) return;
        const [x, y] = at(values.findLastIndex((value) => value !== null));
        const arm = 4 * ratio;
        ctx.strokeStyle = ink(trace.colour);
        ctx.save();
        ctx.lineWidth = 2 * ratio;
        ctx.beginPath();
        for (const sign of [1, -1]) {
          ctx.moveTo(x - arm, y - sign * arm);
          ctx.lineTo(x + arm, y + sign * arm);
        }
        ctx.stroke();
        ctx.restore();
        const toLeft = x + ctx.measureText(trace.ending).width + 9 * ratio > plot.bbox.left + plot.bbox.width;
        ctx.textAlign = toLeft ? "right" : "left";
        ctx.fillText(trace.ending, x + (toLeft ? -9 : 9) * ratio, y + (toLeft ? -7 : 4) * ratio);
      });
    });
  }

  /** Hatching under the line of a variant that is not ranked. */
  function hatch(colour) {
    const size = 8 * uPlot.pxRatio;
    const tile = element("canvas", { width: size, height: size });
    const ctx = tile.getContext("2d");
    ctx.strokeStyle = colour;
    ctx.globalAlpha = 0.55;
    ctx.lineWidth = 1.5 * uPlot.pxRatio;
    for (const shift of [-size, 0, size]) {
      ctx.moveTo(shift, size);
      ctx.lineTo(shift + size, 0);
    }
    ctx.stroke();
    return ctx.createPattern(tile, "repeat");
  }

  // ---- one chart ----

  function linesOf(data) {
    return data.traces.flatMap((trace) => [
      ...(trace.middle ? [{ trace, run: null, dash: trace.dash, values: trace.middle }] : []),
      ...trace.runs.map((one) => (
        { trace, run: one.run, dash: one.dash, values: one.values })),
    ]);
  }

  function seriesOf(line, { steps, line_px: linePx }) {
    const thick = line.run === null, role = line.trace.colour;
    return {
      label: line.trace.label,
      show: line.trace.shown,
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

  /** Lines of several colours have markers, too; those of one are told apart by their dashes. */
  const areMarked = ({ traces }) => new Set(traces.map((trace) => trace.colour)).size > 1;

  function sample(trace, marked) {
    const dash = trace.dash.join(" ");
    const corners = (marked && trace.marker || []).map(([x, y]) => `${14 + 4 * x},${4 - 4 * y}`).join(" ");
    const made = element("span", { class: `sample ${trace.colour}`, "aria-hidden": "true" });
    made.innerHTML = `<svg viewBox="0 0 28 8" width="28" height="8"><path d="M0 4H28" fill="none" `
      + `stroke="currentColor" stroke-width="2.5" stroke-dasharray="${dash}"/>`
      + `<polygon points="${corners}" fill="currentColor"/></svg>`;
    return made;
  }

  class Chart {
    constructor(place, data) {
      this.data = data;
      this.title = place.dataset.title;
      this.lines = linesOf(data);
      this.on = new Set(data.traces.filter((trace) => trace.shown));
      this.hidden = { variants: new Set(), runs: new Set() };
      this.latest = null; // what is read while nothing is pointed at: nothing, unless it grows
      this.canvas = element("div", {
        class: "canvas", tabindex: "0", role: "application",
        "aria-label": `${this.title}, interactive chart. ${KEYS}`,
        onkeydown: (event) => this.key(event),
        onfocus: () => this.read(), onblur: () => this.read(),
      });
      this.reading = element("p", { class: "reading" }, HINT);
      place.append(this.head(), this.canvas, this.reading, this.legend());
      this.plot = new uPlot(this.options(), [data.x, ...this.lines.map((l) => l.values)],
        this.canvas);
      new ResizeObserver(() => this.plot.setSize(this.size())).observe(this.canvas);
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
        series: [{}, ...this.lines.map((line) => seriesOf(line, data))],
        hooks: {
          drawClear: [(plot) => drawBehind(plot, data)],
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
      return element("div", { class: "head" },
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
        ...this.entries.map((entry) => entry.item), ...(this.data.cells ? [colourBar(this.data.cells)] : []));
    }

    // What is in view.

    show() {
      const { variants, runs } = this.hidden;
      this.plot.batch(() => this.lines.forEach((line, position) => {
        const { trace, run } = line;
        const show = this.on.has(trace) && !variants.has(trace.variant) && !runs.has(run);
        if (this.plot.series[position + 1].show !== show) this.plot.setSeries(position + 1, { show });
      }));
      for (const { trace, item } of this.entries) item.hidden = variants.has(trace.variant);
      this.read();
    }

    read() {
      const idx = this.plot.cursor.idx ?? this.latest;
      const known = idx !== null;
      const hint = document.activeElement === this.canvas ? KEYS : HINT;
      const x = known ? this.data.x[idx] : null;
      const cell = known && this.data.cells ? ` · ${cellAt(this.plot, this.data, x)}` : "";
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
      const wasWhole = this.whole.disabled;
      Object.assign(this.data, { x, end });
      this.lines.forEach((line, at) => { line.values = line.trace.middle = values[at]; });
      this.latest = x.length > 0 ? x.length - 1 : null;
      this.plot.setData([x, ...values], wasWhole);
      if (!wasWhole) this.plot.redraw(); // where it is zoomed, it stays
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
      for (const { plot, data } of this.group()) {
        plot.setScale("x", { min: data.x[0], max: data.x[data.x.length - 1] });
      }
    }

    zoom(factor) {
      const log = this.data.axis === "percentile";
      const [to, back] = log ? [Math.log, Math.exp] : [(x) => x, (x) => x];
      const { min, max } = this.plot.scales.x;
      const { idx } = this.plot.cursor;
      const [low, high] = [to(min), to(max)];
      const at = idx === null || idx === undefined ? (low + high) / 2 : to(this.data.x[idx]);
      const reach = (high - low) * factor;
      const most = to(this.data.end); // both axes begin at 0, the logarithm of 1
      if (reach > 0.999 * most) return this.reset();
      const start = Math.min(Math.max(0, at - reach * ((at - low) / (high - low))), most - reach);
      const end = start + reach;
      for (const { plot } of this.group()) plot.setScale("x", { min: back(start), max: back(end) });
    }

    scaled(plot) {
      const { min, max } = plot.scales.x;
      const first = this.data.axis === "percentile" ? 1 : 0;
      this.whole.disabled = min <= first && max >= this.data.end;
    }

    key(event) {
      const { plot, data } = this;
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

  return { Chart, charts, element, readPalette, short, status };
})();
