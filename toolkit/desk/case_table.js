// The caseload as a real table: the page of it that the kernel sends, and what is done with it.
// Texts are put in as texts, never as HTML. `case_table.py` is the other half.

function made(tag, text, attributes = {}) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) node.setAttribute(name, value);
  }
  return node;
}

function render({ model, el }) {
  let focus = ""; // the data-id of what had the focus, or shall have it
  const act = (message) => model.send(message);

  const button = (text, id, message, attributes = {}) => {
    const node = made("button", text, { type: "button", "data-id": id, ...attributes });
    node.addEventListener("click", () => {
      focus = id;
      act(message);
    });
    return node;
  };

  function badges(shown) {
    const bar = made("div", undefined, {
      class: "dd-badges",
      role: "group",
      "aria-label": "Show the cases that are",
    });
    for (const one of shown.badges) {
      bar.append(
        button(`${one.label} ${one.count}`, `due-${one.due}`, { do: "due", due: one.due }, {
          class: `dd-badge dd-${one.tone}`,
          "aria-pressed": String(one.on),
        }),
      );
    }
    return bar;
  }

  function head(shown) {
    const row = made("tr", undefined, { role: "row" });
    for (const one of shown.heads) {
      const cell = made("th", undefined, {
        role: "columnheader",
        scope: "col",
        class: `dd-col-${one.id}`,
        "aria-sort": one.sort,
      });
      if (one.sort) cell.append(button(one.label, `sort-${one.id}`, { do: "sort", by: one.id }));
      else cell.textContent = one.label;
      row.append(cell);
    }
    const group = made("thead", undefined, { role: "rowgroup" });
    group.append(row);
    return group;
  }

  function body(shown) {
    const group = made("tbody", undefined, { role: "rowgroup" });
    for (const one of shown.rows) {
      const row = made("tr", undefined, { role: "row", class: "dd-case", "data-key": one.key });
      const first = made("th", undefined, { role: "rowheader", scope: "row", class: "dd-col-account" });
      const open = button(undefined, `open-${one.key}`, { do: "open", key: one.key }, {
        class: "dd-open-case",
      });
      open.append(made("bdi", one.account));
      first.append(open);
      row.append(first);
      one.cells.forEach((cell, at) => {
        const { id, label } = shown.heads[at + 1];
        const box = made("td", undefined, { role: "cell", class: `dd-col-${id}`, "data-label": label });
        if (cell.text) {
          box.append(made("bdi", cell.text, cell.tone ? { class: `dd-badge dd-${cell.tone}` } : {}));
        }
        if (cell.under) box.append(made("small", cell.under, { class: cell.marked ? "dd-mark" : null }));
        row.append(box);
      });
      row.addEventListener("click", (event) => {
        if (!event.target.closest("button") && !String(getSelection())) open.click();
      });
      group.append(row);
    }
    return group;
  }

  function pager(shown) {
    const line = made("div", undefined, { class: "dd-line dd-pager" });
    const steps = [
      ["First page", "first", shown.first],
      ["Previous page", "previous", shown.first],
      ["Next page", "next", shown.last],
      ["Last page", "last", shown.last],
    ];
    for (const [text, to, off] of steps) {
      const node = button(text, `page-${to}`, { do: "page", to }, { class: "dd-page-button" });
      node.disabled = off;
      line.append(node);
    }
    return line;
  }

  function draw() {
    const shown = model.get("shown");
    if (!shown.heads) return;
    const had = el.contains(document.activeElement) ? document.activeElement.dataset.id : "";
    const wanted = focus || had;
    focus = "";
    const parts = [badges(shown), made("p", shown.says, { class: "dd-shown", role: "status" })];
    if (shown.rows.length) {
      const table = made("table", undefined, {
        class: "dd-table",
        role: "table",
        "aria-label": shown.label,
      });
      table.append(head(shown), body(shown));
      parts.push(table, pager(shown));
    }
    el.replaceChildren(...parts);
    if (wanted) {
      const node = el.querySelector(`[data-id="${CSS.escape(wanted)}"]`);
      // A page button that has come to its end gives the focus to the first row.
      (node && !node.disabled ? node : el.querySelector(".dd-open-case"))?.focus();
    }
  }

  // Arrows go from row to row, Page Up and Page Down from page to page, Home and End to the ends.
  function keys(event) {
    const at = event.target.closest?.(".dd-open-case");
    if (!at) return;
    const rows = [...el.querySelectorAll(".dd-open-case")];
    const turn = { PageDown: "next", PageUp: "previous", Home: "first", End: "last" }[event.key];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!turn && !step) return;
    event.preventDefault();
    if (step) {
      rows[rows.indexOf(at) + step]?.focus();
    } else if (!el.querySelector(`[data-id="page-${turn}"]`)?.disabled) {
      focus = "first row";
      act({ do: "page", to: turn });
    }
  }

  function told(message) {
    if (message.focus) {
      const node = el.querySelector(`[data-id="open-${CSS.escape(message.focus)}"]`);
      (node ?? el.querySelector(".dd-open-case"))?.focus();
    }
  }

  el.addEventListener("keydown", keys);
  model.on("change:shown", draw);
  model.on("msg:custom", told);
  draw();
  return () => {
    model.off("change:shown", draw);
    model.off("msg:custom", told);
  };
}

export default { render };
