// The planner: sliders whose stops are in the page, and what they make the plan draw. Texts of the data go in by
// textContent alone.
(() => {
  "use strict";
  const part = (name) => document.getElementById("planner-" + name);
  const { data, stops, start, most } = JSON.parse(part("data").textContent);
  const sliders = Object.fromEntries(Object.keys(stops).map((name) => [name, part(name)]));
  const totalRows = data.count.reduce((total, n) => total + n, 0);

  const format = (options) => { const made = new Intl.NumberFormat("en", options); return (value) => made.format(value); };
  const number = format({ maximumFractionDigits: 0 }), few = format({ maximumSignificantDigits: 3 });
  const three = format({ minimumSignificantDigits: 3, maximumSignificantDigits: 3 });
  const tenths = format({ style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const small = format({ style: "percent", maximumSignificantDigits: 2 });
  const percent = (value) => (value < 0.01 ? small(value) : tenths(value));
  const amount = (value) => (value === 0 ? "0" : value < 100 ? three(value) : number(value));

  // What a setting says beside its slider, and in a configuration.
  const said = {
    temperature: (value) => (value === null ? "equal" : value === 1 ? "T = 1, proportional" : `T = ${value}`),
    gamma: (value) => value + ({ 0: ", natural", 0.5: ", square root", 1: ", balanced" }[value] ?? ""),
    maxPasses: (value) => (value === null ? "off" : `at most ${value}`),
    draws: (value) => `${number(value)}, ${few(value / totalRows)} × the training rows`,
  };
  const configured = ({ temperature, gamma, maxPasses, draws }) => [
    ["rates", temperature === null ? "equal" : temperature === 1 ? "proportional" : `temperature:${temperature}`],
    ["weights", gamma === 0 ? "natural" : gamma === 1 ? "balanced" : `power:${gamma}`],
    ["draws", String(draws)],
    ...(maxPasses === null ? [] : [["max_passes", String(maxPasses)]]),
  ];

  const orders = {
    data: null,
    rare: (a, b) => a.count - b.count,
    drawn: (a, b) => b.drawShare - a.drawShare,
    passes: (a, b) => b.passes - a.passes,
    unseen: (a, b) => b.unseenFraction - a.unseenFraction,
  };

  function show() {
    const settings = Object.fromEntries(Object.entries(sliders).map(([name, { value }]) => [name, stops[name][value]]));
    for (const [name, slider] of Object.entries(sliders)) {
      const text = said[name](settings[name]);
      slider.setAttribute("aria-valuetext", text);
      part(name + "-said").textContent = text;
    }
    const lines = configured(settings);
    part("config").textContent = ["plan:", ...lines.map(([key, value]) => `  ${key}: ${value}`), ""].join("\n");
    const options = lines.map(([key, value]) => ` --${key.replace("_", "-")} ${value}`);
    part("command").textContent = "equipoise plan CONFIG.yaml" + options.join("");

    const forecast = equipoiseForecast(data, settings);
    part("result").hidden = forecast.refused.length > 0;
    if (forecast.refused.length) {
      showProblems(forecast.refused.map((message) => ({ level: "error", code: "refused", message })));
      summarise("This plan is refused: its draws do not fit under the cap.");
      return;
    }
    showProblems(forecast.problems);
    summarise(summary(forecast, settings));
    showTable(part("tasks"), forecast.tasks, (row) => [data.tasks[row.task]], "tasks");
    const chosen = part("task").value, order = orders[part("order").value];
    const rows = chosen === "" ? forecast.rows : forecast.rows.filter((row) => row.task === Number(chosen));
    const names = (row) => (chosen === "" ? [row.label ?? "open-ended", data.tasks[row.task]] : [row.label ?? "open-ended"]);
    showTable(part("labels"), order ? [...rows].sort(order) : rows, names, "labels");
  }

  function summary({ rows, overall }, { draws }) {
    const worst = rows.reduce((a, b) => (b.passes > a.passes ? b : a));
    const name = (worst.label === null ? "" : `${worst.label} of `) + data.tasks[worst.task];
    return (
      `${number(draws)} draws see ${percent(1 - overall.unseenFraction)} of the ${number(totalRows)} training rows,` +
      ` most often those of ${name}: ${few(worst.passes)} passes. The largest label has ${few(overall.imbalanceBefore)} times` +
      ` the rows of the smallest; the most drawn has ${few(overall.imbalanceAfter)} times the draws of the least drawn.` +
      ` The effective number of rows is ${number(overall.effectiveSampleSize)}.`
    );
  }

  // A screen reader says a slider's value at once; the rest is said when it has come to rest.
  let resting;
  function summarise(text) {
    clearTimeout(resting);
    resting = setTimeout(() => { part("summary").textContent = text; }, 200);
  }

  // Errors are open; warnings are counted by kind, and unfold.
  const kinds = {
    "many-passes": "seen more than 20 times over", "rarely-drawn": "may never be drawn",
    "never-drawn": "never drawn", "no-examples": "without examples",
  };
  function showProblems(problems) {
    const errors = problems.filter(({ level }) => level === "error");
    const of = (code) => problems.filter((problem) => problem.level === "warning" && problem.code === code);
    const warnings = Object.keys(kinds).map(of).filter((those) => those.length);
    part("errors").replaceChildren(...listed(errors, "Error. "));
    part("warnings").replaceChildren(...warnings.flatMap((those) => listed(those, "")));
    part("warned").hidden = !warnings.length;
    const counted = warnings.map((those) => `${number(those.length)} ${kinds[those[0].code]}`);
    part("warned-said").textContent = "Labels to look at: " + counted.join(", ");
  }

  function listed(problems, title) {
    const lines = problems.slice(0, 3).map(({ message }) => message);
    if (problems.length > 3) lines.push(`And ${number(problems.length - 3)} more.`);
    return lines.map((line) => {
      const item = element("li", "");
      item.append(...line.split("`").map((text, place) => (place % 2 ? element("code", text) : text)));
      if (title) item.prepend(element("b", title));
      return item;
    });
  }

  function showTable(table, rows, names, what) {
    const shown = rows.slice(0, most);
    const longest = shown.reduce((share, row) => Math.max(share, row.dataShare, row.drawShare), 1e-300);
    table.tBodies[0].replaceChildren(...shown.map((row) => {
      const [name, of] = names(row), head = element("th", name), line = element("tr");
      head.scope = "row";
      if (of !== undefined) head.append(" ", element("small", of));
      const bars = element("div");
      bars.className = "bars";
      bars.setAttribute("aria-hidden", "true");
      for (const share of [row.dataShare, row.drawShare]) {
        const bar = element("i");
        bar.style.width = `${(100 * share) / longest}%`;
        bar.hidden = share === 0;
        bars.append(bar);
      }
      head.append(bars);
      const ofRows = row.count ? [amount(row.passes), percent(row.unseenFraction)] : ["n/a", "n/a"];
      const numbers = [percent(row.dataShare), percent(row.drawShare), amount(row.expectedDraws), ...ofRows];
      line.append(head, ...numbers.map((text) => element("td", text)));
      return line;
    }));
    const left = rows.slice(most), shares = (key) => percent(left.reduce((share, row) => share + row[key], 0));
    part(what + "-left").textContent = left.length
      ? `Shown: ${number(shown.length)} of ${number(rows.length)} ${what}. The ${number(left.length)} left out have` +
        ` ${shares("dataShare")} of the data and ${shares("drawShare")} of the draws.`
      : "";
  }

  function element(name, text = "") {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  }

  // Where the clipboard is closed to pages from disk, the text is selected: one key copies it then.
  async function copy(source, status) {
    const text = part(source).textContent;
    try {
      await navigator.clipboard.writeText(text);
      status.textContent = "Copied.";
    } catch {
      getSelection().selectAllChildren(part(source));
      status.textContent = "Selected: copy it with Ctrl+C or Cmd+C.";
    }
  }

  function reset() {
    for (const [name, slider] of Object.entries(sliders)) slider.value = start[name];
    show();
  }

  let asked = 0;
  const later = () => { cancelAnimationFrame(asked); asked = requestAnimationFrame(show); };
  for (const slider of Object.values(sliders)) slider.addEventListener("input", later);
  for (const name of ["task", "order"]) part(name).addEventListener("change", show);
  part("reset").addEventListener("click", reset);
  for (const source of ["config", "command"]) {
    part(source + "-copy").addEventListener("click", () => copy(source, part(source + "-copied")));
  }
  part("task").append(...data.tasks.map((name, place) => new Option(name, place)));
  part("unscripted").hidden = true;
  part("body").hidden = false;
  reset();
})();
