// The cells of a heat map: as they are drawn, as a legend, and in words.
"use strict";
const heatMap = (() => {
  const { element, grouped, ink } = shared;
  const { onCanvas } = painting;

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

  return { cellAt, colourBar, drawCells };
})();
