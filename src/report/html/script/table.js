// Tables that sort by their headers and show a part of many rows first.
//
// A column is { key, title, numeric, value(row), cell(row) }: `value` is what sorts, `cell` what is seen (the value, where there is none).

const MORE_ROWS = 500;

function makeTable(id, caption, columns, sort, first = 25) {
  const table = { rows: [], columns, sort, first, limit: first };
  table.body = make("tbody");
  table.headers = columns.map((column) => header(table, column));
  table.more = make("button", { type: "button", class: "quiet more" });
  table.more.addEventListener("click", () => {
    const from = table.limit;
    table.limit += MORE_ROWS;
    drawRows(table);
    // The focus goes on with the first of the new rows.
    const next = table.body.rows[from];
    next.tabIndex = -1;
    next.focus();
  });
  const element = make("table", {}, make("caption", { class: "unseen" }, caption), make("thead", {}, make("tr", {}, ...table.headers)), table.body);
  fill(id, make("div", { class: "wide" }, element), table.more);
  return table;
}

function header(table, column) {
  const button = make("button", { type: "button" }, column.title);
  button.addEventListener("click", () => {
    const same = table.sort.key === column.key;
    table.sort = { key: column.key, descending: same ? !table.sort.descending : Boolean(column.numeric) };
    table.limit = table.first;
    drawRows(table);
  });
  return make("th", { scope: "col", class: `${column.numeric ? "number" : "text"} ${column.class ?? ""}`, "data-key": column.key }, button);
}

function showRows(table, rows) {
  table.rows = rows;
  table.limit = table.first;
  drawRows(table);
}

function drawRows(table) {
  const { key, descending } = table.sort;
  const column = table.columns.find((column) => column.key === key);
  for (const header of table.headers) {
    if (header.dataset.key === key) {
      header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    } else {
      header.removeAttribute("aria-sort");
    }
  }
  const keyed = table.rows.map((row) => ({ row, value: column.value(row) }));
  keyed.sort((a, b) => (a.value < b.value ? -1 : a.value > b.value ? 1 : 0) * (descending ? -1 : 1));
  table.body.replaceChildren(...keyed.slice(0, table.limit).map(({ row }) => tableRow(table.columns, row)));
  const hidden = keyed.length - table.limit;
  table.more.hidden = hidden <= 0;
  table.more.textContent = `Show ${exact(Math.min(hidden, MORE_ROWS))} more of ${exact(keyed.length)}`;
}

function tableRow(columns, row) {
  const cells = columns.map((column, index) => {
    const shape = { class: `${column.numeric ? "number" : "text"} ${column.class ?? ""}` };
    const content = column.cell ? column.cell(row) : String(column.value(row));
    return index === 0 ? make("th", { scope: "row", ...shape }, content) : make("td", shape, content);
  });
  return make("tr", {}, ...cells);
}
