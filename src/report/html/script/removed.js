// What slimming took out, by rule and by part.

// What a rule is called, which the page has for those of its report.
const ruleTitles = JSON.parse(byId("rules").textContent);
const ruleTitle = (rule) => ruleTitles[rule] ?? rule;

function drawRemoved({ removed }) {
  byId("removed").hidden = !removed?.length;
  if (!removed?.length) {
    return;
  }
  const rules = new Map();
  for (const { rule, bytes, files } of removed) {
    const sum = rules.get(rule) ?? { bytes: 0, files: 0 };
    rules.set(rule, { bytes: sum.bytes + bytes, files: sum.files + files });
  }
  const order = [...rules].sort(([, a], [, b]) => b.bytes - a.bytes);
  const whole = order.reduce((sum, [, { bytes }]) => sum + bytes, 0);
  fill("removed-rules", ...order.map(([rule, sum]) => drawRule(rule, sum, whole)));
  const columns = [
    { key: "part", title: "Part", value: (row) => row.part },
    { key: "rule", title: "Rule", value: (row) => ruleTitle(row.rule) },
    { key: "component", title: "Component", class: "secondary", value: (row) => row.component ?? "" },
    { key: "files", title: "Files", numeric: true, value: (row) => row.files, cell: (row) => exact(row.files) },
    bytesColumn("bytes", "Bytes less", (row) => row.bytes),
  ];
  showRows(makeTable("removed-table", "Removed by part and rule", columns, { key: "bytes", descending: true }, 10), removed);
}

function drawRule(rule, { bytes, files }, whole) {
  return make(
    "li",
    { class: "meter" },
    make("span", { class: "meter-title" }, ruleTitle(rule)),
    make("span", { class: "meter-percent" }, size(bytes)),
    bar([bytes], whole, "plain"),
    make("span", { class: "meter-text" }, `${counted(files, "file")}, ${percent(bytes, whole)} of what went`),
  );
}
