// What a reader takes along: a drawing as PNG or SVG, a table as Markdown. Nothing leaves the page for it; a table's
// CSV is a file beside the page, which needs no script.
"use strict";
const copying = (() => {
  const { element, status } = shared;
  const PNG_SCALE = 2;
  const SOURCE_PX = 16; // the line below a picture that stands alone
  const { campaign } = document.getElementById("answer").dataset;

  /** A button whose text says for a while that it has worked, or not. */
  function button(text, label, act) {
    const made = element("button", {
      type: "button", "aria-label": `${text}: ${label}`, onclick: async () => {
        const said = await act().then((done) => done, () => "Not possible here");
        made.textContent = status.textContent = said;
      },
      onblur: () => { made.textContent = text; },
    }, text);
    return made;
  }

  function save(name, blob) {
    const address = URL.createObjectURL(blob);
    element("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
    return `Saved ${name}`;
  }

  function look(drawn, attributes) {
    for (const [name, value] of Object.entries(attributes)) drawn.setAttribute(name, value);
  }

  /**
   * A drawing by itself, in the light theme, with a line that says what is shown and of which campaign: its text as
   * SVG, and its size in pixels.
   */
  function alone(drawing) {
    const { width, height: above } = drawing.viewBox.baseVal, height = above + SOURCE_PX;
    const copy = drawing.cloneNode(true);
    const below = document.createElementNS(copy.namespaceURI, "text");
    const section = drawing.closest("article")?.querySelector("h3");
    below.textContent = `${section?.textContent ?? drawing.closest(".figure").dataset.title} · ${campaign}`;
    look(below, { x: 8, y: above + 9, "font-size": 9, fill: "var(--muted)" });
    copy.append(below);
    look(copy, { width, height, viewBox: `0 0 ${width} ${height}`, "font-family": "sans-serif",
      style: "background: var(--paper)" });
    const light = document.styleSheets[0].cssRules[0].style; // the first rule of the page
    const colour = (role) => light.getPropertyValue(role).trim();
    // Not every program that shows SVG knows variables.
    const text = new XMLSerializer().serializeToString(copy)
      .replace(/var\((--[\w-]+)\)/g, (named, role) => colour(role) || named);
    return { text, width, height };
  }

  async function asPng(drawing) {
    const { text, width, height } = alone(drawing);
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    await image.decode();
    const canvas = element("canvas", { width: PNG_SCALE * width, height: PNG_SCALE * height });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return new Promise((done) => { canvas.toBlob(done, "image/png"); });
  }

  function ofDrawing(place, title) {
    const drawing = place.querySelector("svg"), { name } = place.dataset;
    return [
      button("Copy", `${title}, as PNG`, async () => {
        await navigator.clipboard.write([new ClipboardItem({ "image/png": asPng(drawing) })]);
        return "Copied";
      }),
      button("PNG", title, async () => save(`${name}.png`, await asPng(drawing))),
      button("SVG", title, async () => save(
        `${name}.svg`, new Blob([alone(drawing).text], { type: "image/svg+xml" }))),
    ];
  }

  /** What a cell says on one line; the marks of notes are not part of it. */
  function words(cell) {
    const copy = cell.cloneNode(true);
    for (const mark of copy.querySelectorAll("sup")) mark.remove();
    const below = [...copy.querySelectorAll(".below > span")].map((one) => one.textContent);
    copy.querySelector(".below")?.remove();
    return [copy.textContent, ...below]
      .map((text) => text.replace(/\s+/g, " ").replaceAll("|", "\\|").trim()).filter(Boolean).join("; ");
  }

  function markdown(table) {
    const [head, ...rows] = [...table.rows].map((row) => [...row.cells]);
    const line = (cells) => `| ${head.map((_, at) => cells[at] ?? "").join(" | ")} |`;
    return [
      `*${words(table.caption)}*`, "", line(head.map(words)),
      line(head.map((cell) => (cell.classList.contains("num") ? "---:" : "---"))),
      ...rows.map((cells) => line(cells.map(words))), "",
    ].join("\n");
  }

  function ofTable(table) {
    return button("Copy", `${words(table.caption).split(";")[0]}, as Markdown`, async () => {
      await navigator.clipboard.writeText(markdown(table));
      return "Copied";
    });
  }

  /** Put the buttons beside every figure and below every table. */
  function offer() {
    for (const figure of document.querySelectorAll(".figure[data-title]")) {
      const live = figure.classList.contains("drawn");
      const places = [...figure.querySelectorAll(":scope > .drawings > [data-name]")];
      for (const place of places) {
        const buttons = element("p", { class: "take" }, ...ofDrawing(place, figure.dataset.title));
        if (live) figure.querySelector(".live").after(buttons);
        else place.append(buttons);
      }
    }
    for (const scroll of document.querySelectorAll(".scroll")) {
      const next = scroll.nextElementSibling;
      const line = next?.classList.contains("take") ? next : element("p", { class: "take" });
      line.prepend(ofTable(scroll.querySelector("table")));
      scroll.after(line);
    }
  }

  return { offer };
})();
