// What is drawn on the canvas of a chart besides its lines: stages, faults, levels, marks, and why a line ends.
"use strict";
const painting = (() => {
  const { element, ink } = shared;
  const FONT = "11px system-ui, sans-serif";
  const MOST_LABELS = 12; // of marks in view: more would cover each other; zoomed in, they have their labels

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

  /** Lines of several colours have markers, too; those of one are told apart by their dashes. */
  const areMarked = ({ traces }) => new Set(traces.map((trace) => trace.colour)).size > 1;

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

  return { FONT, areMarked, drawBefore, drawBehind, drawMarks, hatch, onCanvas };
})();
