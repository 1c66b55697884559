// Reads the report that lies in the page, and shows one artifact of it.

const report = JSON.parse(byId("report").textContent);

function open(artifact) {
  drawHead(artifact);
  drawLayers(artifact);
  openContents(artifact);
  drawChange(artifact);
  drawRemoved(artifact);
}

function drawChoice() {
  byId("choose").hidden = report.artifacts.length < 2;
  fill("artifact", ...report.artifacts.map((artifact, index) => make("option", { value: String(index) }, choiceOf(artifact))));
  byId("artifact").addEventListener("change", (event) => open(report.artifacts[event.target.value]));
}

// `dist/app.zip, 198.3 MB, over`
function choiceOf(artifact) {
  const broken = artifact.budgets.some((budget) => budget.over) || artifact.limits.some(({ limit, bytes, most }) => limit !== "direct-upload" && bytes > most);
  return `${artifact.name}, ${human(artifact.unpacked)}${broken ? ", over" : ""}`;
}

function listenToTheme() {
  byId("theme").hidden = false;
  byId("theme").addEventListener("change", () => {
    document.documentElement.style.colorScheme = chosen("theme");
  });
}

byId("page").hidden = false;
listenToTheme();
listenToContents();
listenToMap();
drawChoice();
if (report.artifacts.length > 0) {
  open(report.artifacts[0]);
} else {
  fill("page", make("p", {}, "There is no artifact in this report."));
}
