// The top of the page: what the artifact is, how large, and how far from its limits and budgets.

const ARTIFACT_KINDS = { zip: "ZIP of a function", layer: "ZIP of a layer", image: "container image", folder: "folder, not packed" };
const LIMIT_NAMES = { unpacked: "Unpacked", image: "Image, unpacked", "direct-upload": "Direct upload" };

function drawHead(artifact) {
  fill("name", artifact.name);
  const facts = [
    ARTIFACT_KINDS[artifact.kind],
    artifact.of && `${artifact.kind === "layer" ? "layer" : "function"} ${artifact.of}`,
    artifact.python && `Python ${artifact.python}`,
    artifact.architecture,
    counted(artifact.files, "file"),
  ];
  fill("facts", ...facts.filter(Boolean).map((fact) => make("li", {}, fact)), artifact.digest && make("li", { class: "digest" }, artifact.digest));
  drawNumbers(artifact);
  fill("limits", ...artifact.limits.map((limit) => drawLimit(limit, artifact)));
  drawBudgets(artifact);
  drawFindings(artifact.findings);
}

function drawNumbers(artifact) {
  const { change, with_layers: layered } = artifact;
  const before = change?.before;
  const numbers = [
    ["unpacked", artifact.unpacked, before?.unpacked],
    layered && ["with its layers", layered.unpacked, before?.unpacked_with_layers],
    artifact.packed !== null && ["packed", artifact.packed, before?.packed],
    artifact.overhead.unpacked > 0 && ["of no file: headers, padding", artifact.overhead.unpacked],
    artifact.overhead.packed > 0 && ["of no file: headers", artifact.overhead.packed],
  ];
  fill(
    "numbers",
    ...numbers.filter(Boolean).flatMap(([title, bytes, old]) => {
      const since = Number.isFinite(old) ? difference(bytes - old) : null;
      return [make("dt", {}, title), make("dd", {}, make("b", {}, human(bytes)), make("small", {}, `${exact(bytes)} bytes`), since)];
    }),
  );
}

function drawLimit({ limit, bytes, most }, artifact) {
  const layered = limit === "unpacked" && artifact.with_layers;
  const parts = layered ? [artifact.unpacked, ...layered.layers.map((layer) => layer.unpacked)] : [bytes];
  const advice = limit === "direct-upload" && bytes > most ? "; the upload goes through S3" : "";
  return meter(layered ? "Unpacked, with layers" : LIMIT_NAMES[limit], parts, bytes, most, advice, limit === "direct-upload" ? "near" : "over");
}

// A bar with its text: how much of how much, and what is left.
function meter(title, parts, bytes, most, advice, above) {
  const level = bytes > most ? above : bytes > most * 0.8 ? "near" : "fine";
  const rest = bytes > most ? `${human(bytes - most)} over` : `${human(most - bytes)} left`;
  const exactly = `${exact(bytes)} of ${exact(most)} bytes, ${exact(Math.abs(most - bytes))} ${bytes > most ? "over" : "left"}`;
  return make(
    "li",
    { class: `meter ${level}` },
    make("span", { class: "meter-title" }, title),
    make("span", { class: "meter-percent" }, percent(bytes, most)),
    bar(parts, most, level),
    make("span", { class: "meter-text", title: exactly }, `${human(bytes)} of ${human(most)}, `, make("b", {}, rest), advice),
  );
}

function drawBudgets({ budgets }) {
  byId("budgets-box").hidden = budgets.length === 0;
  const order = [...budgets].sort((a, b) => Number(b.over) - Number(a.over));
  fill("budgets", ...order.map(drawBudget));
}

function drawBudget(budget) {
  const title = budget.subject && !budget.budget.includes(budget.subject) ? `${budget.budget}: ${budget.subject}` : budget.budget;
  const item = meter(title, [budget.bytes], budget.bytes, budget.most, make("span", { class: "size" }, ` (${budget.said} in ${budget.from})`), "over");
  item.append(make("span", { class: "verdict" }, budget.over ? "broken" : "kept"));
  if (budget.grew?.length > 0) {
    const grew = budget.grew.map((part) => make("li", {}, grown(part), " ", difference(part.bytes)));
    item.append(make("ul", { class: "grew", "aria-label": "What grew most" }, ...grew));
  }
  return item;
}

// `pandas 3.1.1 → 3.2.0`
function grown({ name, before, after, is_new: isNew }) {
  const versions = before && after && before !== after ? ` ${before} → ${after}` : after ? ` ${after}` : "";
  return `${name}${versions}${isNew ? " new" : ""}`;
}

function drawFindings(findings) {
  byId("findings").hidden = findings.length === 0;
  const order = [...findings].sort((a, b) => Number(b.severity === "error") - Number(a.severity === "error"));
  fill(
    "findings-list",
    ...order.map(({ severity, check, path, reason, hint }) =>
      make(
        "li",
        { class: severity },
        make("span", { class: "badge" }, severity),
        make("span", { class: "finding" }, path && make("code", {}, path), " ", reason, " ", make("small", {}, check), hint && make("span", { class: "hint" }, hint)),
      ),
    ),
  );
}
